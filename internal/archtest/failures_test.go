package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFailureModesAreTested: every row of docs/failure-modes.md names tests, and each of
// them is where the row says.
func TestFailureModesAreTested(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("`(Test\\w+)` in `([\\w./-]+_test\\.go)`")
	rows := 0
	for line := range strings.Lines(readFile(t, "docs/failure-modes.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !regexp.MustCompile(`^\| \d+ \|`).MatchString(line) {
			continue
		}
		rows++
		if len(cells) != 4 {
			t.Errorf("row %d has %d cells, want 4", rows, len(cells))
			continue
		}
		tests := cells[3]
		found := named.FindAllStringSubmatch(tests, -1)
		if len(found) == 0 || len(found) != strings.Count(tests, "`Test") || strings.Trim(named.ReplaceAllString(tests, ""), " ,") != "" {
			t.Errorf("row %d: write tests as `TestName` in `path/file_test.go`, separated by commas: %s", rows, tests)
		}
		for _, m := range found {
			text, err := os.ReadFile(filepath.Join(root, m[2]))
			if err != nil || !strings.Contains(string(text), "\nfunc "+m[1]+"(") {
				t.Errorf("row %d: there is no %s in %s", rows, m[1], m[2])
			}
		}
	}
	if rows < 28 {
		t.Errorf("%d rows, so this test looks for the wrong thing", rows)
	}
}
