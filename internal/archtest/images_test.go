package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExampleImages: examples name images that every cluster can pull, each by a whole name and a tag. The test cluster's
// own are put in their place by test/cluster.
func TestExampleImages(t *testing.T) {
	t.Parallel()
	pullable := regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+/[a-z0-9./-]+:[0-9][0-9A-Za-z.-]*$`)
	inTests := readFile(t, "test/cluster/env.go")
	seen := 0
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		for _, image := range firstGroups(`\bimage: *"?([^\s",}]+)`, readFile(t, rel)) {
			seen++
			if strings.HasPrefix(image, "cluster.local/") || !pullable.MatchString(image) {
				t.Errorf("%s: %s can't be pulled by every cluster", rel, image)
			}
			if !strings.Contains(inTests, `"`+image+`"`) {
				t.Errorf("%s: %s has no stand-in among localImages of test/cluster/env.go, so no test can run the example", rel, image)
			}
		}
		return nil
	})
	if err != nil || seen < 20 {
		t.Errorf("%d images were read: %v", seen, err)
	}
}
