package archtest

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/countersign-dev/countersign"

// Words for what a package may import, beside paths.
const (
	std     = "std"     // the standard library
	outside = "outside" // every other module
	ours    = "ours"    // every package of this module
)

// row is a package of the table, or several. A path that begins with "./" is in this module; one
// that ends in "/..." covers the packages beneath it that have no row of their own.
type row struct {
	path  string
	may   []string
	never []string // exceptions to may
	why   string   // told to whoever breaks the rule
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

// violations compares packages with the table. A package without a row and a row
// without a package are violations too: the table describes what is there.
func violations(table []row, packages []pkg) []string {
	var found []string
	used := map[string]bool{}
	for _, p := range packages {
		name := relative(p.ImportPath)
		r, ok := rowOf(table, name)
		if !ok {
			found = append(found, fmt.Sprintf("%s has no row in the table of internal/archtest: say what it may import, and why", name))
			continue
		}
		used[r.path] = true
		for _, path := range p.Imports {
			if imported := relative(path); !r.allows(imported) {
				found = append(found, fmt.Sprintf("%s imports %s: %s", name, imported, r.why))
			}
		}
	}
	for _, r := range table {
		if !used[r.path] {
			found = append(found, r.path+" is in the table of internal/archtest, but there is no such package")
		}
	}
	return found
}

// rowOf returns the row with the longest path that covers name.
func rowOf(table []row, name string) (row, bool) {
	var best row
	for _, r := range table {
		if covers(r.path, name) && len(r.path) > len(best.path) {
			best = r
		}
	}
	return best, best.path != ""
}

func (r row) allows(imported string) bool {
	matches := func(pattern string) bool { return match(pattern, imported) }
	return slices.ContainsFunc(r.may, matches) && !slices.ContainsFunc(r.never, matches)
}

func match(pattern, imported string) bool {
	isOurs := strings.HasPrefix(imported, "./")
	first, _, _ := strings.Cut(imported, "/")
	isStd := !strings.Contains(first, ".")
	switch pattern {
	case std:
		return isStd
	case ours:
		return isOurs
	case outside:
		return !isStd && !isOurs
	}
	return covers(pattern, imported)
}

func covers(path, name string) bool {
	base, tree := strings.CutSuffix(path, "/...")
	return name == base || tree && strings.HasPrefix(name, base+"/")
}

// relative writes a package of this module as ./path.
func relative(importPath string) string {
	if rest, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return "./" + rest
	}
	return importPath
}
