package mapping

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
)

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
	if golden.Update() {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s does not say how functions are bounded: run with -update", page)
	}
}
