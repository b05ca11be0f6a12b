package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFailureModesAreTested: every row of docs/explanation/failure-modes.md names tests, and each of
// them is where the row says.
func TestFailureModesAreTested(t *testing.T) {
	t.Parallel()
	testedRows(t, "docs/explanation/failure-modes.md", regexp.MustCompile(`^\| \d+ \|`), 4, 28)
}

// TestThreatsAreTried: every threat of docs/explanation/security.md names what tries it.
func TestThreatsAreTried(t *testing.T) {
	t.Parallel()
	testedRows(t, "docs/explanation/security.md", regexp.MustCompile(`^\| \*\*`), 3, 40)
}

// TestLimitsAreTested: every limit of docs/reference/limits.md that is not an expression's names what
// holds it.
func TestLimitsAreTested(t *testing.T) {
	t.Parallel()
	testedRows(t, "docs/reference/limits.md", regexp.MustCompile("^\\| [A-Z].*`Test"), 4, 10)
}

// testedRows holds the last cell of each row of a page, of which there are so many cells
// and at least so many rows, to the tests that there are.
func testedRows(t *testing.T, page string, row *regexp.Regexp, cells, least int) {
	t.Helper()
	named := regexp.MustCompile("`(Test\\w+)` in `([\\w./-]+_test\\.go)`")
	rows := 0
	for line := range strings.Lines(readFile(t, page)) {
		if !row.MatchString(line) {
			continue
		}
		rows++
		all := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(all) < cells {
			t.Errorf("%s, row %d has %d cells, want %d at least", page, rows, len(all), cells)
			continue
		}
		tests := all[len(all)-1]
		found := named.FindAllStringSubmatch(tests, -1)
		if len(found) == 0 || len(found) != strings.Count(tests, "`Test") || strings.Trim(named.ReplaceAllString(tests, ""), " ,") != "" {
			t.Errorf("%s, row %d: write tests as `TestName` in `path/file_test.go`, separated by commas: %s", page, rows, tests)
		}
		for _, m := range found {
			text, err := os.ReadFile(filepath.Join(root, m[2]))
			if err != nil || !strings.Contains(string(text), "\nfunc "+m[1]+"(") {
				t.Errorf("%s, row %d: there is no %s in %s", page, rows, m[1], m[2])
			}
		}
	}
	if rows < least {
		t.Errorf("%s: %d rows, so this test looks for the wrong thing", page, rows)
	}
}
