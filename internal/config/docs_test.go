package config

import (
	"os"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestDocsRead: what docs/configuration.md shows has no field that would stop the start.
func TestDocsRead(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 3 {
		t.Errorf("found %d pieces of configuration, so this test looks for the wrong thing", len(blocks))
	}
	for _, b := range blocks {
		if err := yaml.UnmarshalStrict(b[1], &file{}); err != nil {
			t.Errorf("%v:\n%s", err, b[1])
		}
	}
}
