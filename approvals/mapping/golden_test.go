package mapping

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // of this package
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was: read the difference, say in the table of functions how what is new is bounded, then run with -update.\n%s", path, got)
	}
}

// What each function takes from the limits is in the docs.
func TestFunctionsInTheDocs(t *testing.T) {
	var names []string
	for name := range rules {
		names = append(names, name)
	}
	slices.Sort(names)
	by := map[string][]string{}
	var order []string
	for _, name := range names {
		bound := rules[name].bound
		if by[bound] == nil {
			order = append(order, bound)
		}
		by[bound] = append(by[bound], "`"+strings.ReplaceAll(name, "|", `\|`)+"`")
	}
	slices.Sort(order)
	var b strings.Builder
	b.WriteString("| what is taken from the limits | functions |\n|---|---|\n")
	for _, bound := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", bound, strings.Join(by[bound], " "))
	}
	const page = "../../docs/reference/limits.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "-update -->\n")
	_, after, found := strings.Cut(rest, "<!-- end of functions -->")
	if !ok || !found {
		t.Fatalf("%s has no place for the functions", page)
	}
	want := before + "-update -->\n" + b.String() + "<!-- end of functions -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s does not say how functions are bounded: run with -update", page)
	}
}
