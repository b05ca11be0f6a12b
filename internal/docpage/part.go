// Package docpage keeps a generated part of a page of docs equal to what the code says. A person writes
// the rest of the page.
//
// A part stands between two lines: <!-- generated NAME: … --> and <!-- end of NAME -->.
package docpage

import (
	"fmt"
	"os"
	"strings"
)

// Hold compares the part of that name with text, or with update writes it. The error says what to do.
func Hold(path, name, text string, update bool) error {
	raw, err := os.ReadFile(path) //nolint:gosec // a page of this repository
	if err != nil {
		return err
	}
	page, err := replaced(string(raw), name, text)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case page == string(raw):
		return nil
	case !update:
		return fmt.Errorf("%s: part %q is not what the code says: run make generate, and read the difference", path, name)
	}
	return os.WriteFile(path, []byte(page), 0o644) //nolint:gosec // docs, which everybody may read
}

// replaced is page with text as the part of that name.
func replaced(page, name, text string) (string, error) {
	first, last := "<!-- generated "+name+":", "\n<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(page, first)
	if !ok {
		return "", fmt.Errorf("it has no line %s … -->", first)
	}
	line, rest, _ := strings.Cut(rest, "\n")
	_, after, ok := strings.Cut(rest, last)
	if !ok || strings.Contains(after, first) {
		return "", fmt.Errorf("it has no line <!-- end of %s --> behind its generated part, or two such parts", name)
	}
	return before + first + line + "\n\n" + strings.TrimSpace(text) + "\n" + last + after, nil
}
