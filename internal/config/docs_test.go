package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestDocsRead: what the pages show as configuration has no field that would stop the
// start: all YAML of docs/reference/configuration.md, and on other pages what begins with externalURL.
func TestDocsRead(t *testing.T) {
	t.Parallel()
	docs := os.DirFS("../../docs")
	found := map[bool]int{}
	err := fs.WalkDir(docs, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".md" {
			return err
		}
		page, err := fs.ReadFile(docs, name)
		if err != nil {
			return err
		}
		reference := name == "reference/configuration.md"
		for _, b := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllSubmatch(page, -1) {
			// A block within a list has a margin.
			text := regexp.MustCompile("(?m)^"+string(b[1])).ReplaceAllString(string(b[2]), "")
			if !reference && !strings.HasPrefix(text, "externalURL:") {
				continue
			}
			found[reference]++
			if err := yaml.UnmarshalStrict([]byte(text), &file{}); err != nil {
				t.Errorf("%s: %v:\n%s", name, err, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found[true] < 3 || found[false] < 8 {
		t.Errorf("found %d pieces of configuration in its page and %d in others, so this test looks for the wrong thing", found[true], found[false])
	}
}
