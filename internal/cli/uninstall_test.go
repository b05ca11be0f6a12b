package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestUninstallKnowsAll: whatever the manifests have for the whole cluster, uninstall removes.
func TestUninstallKnowsAll(t *testing.T) {
	t.Parallel()
	known := map[string][]string{
		"ValidatingAdmissionPolicy": installedPolicies, "ValidatingAdmissionPolicyBinding": installedPolicies, "ClusterRole": installedClusterRoles,
		"CustomResourceDefinition": append(slices.Clone(installedDefinitions), taskDefinitions...),
	}
	seen := 0
	err := filepath.WalkDir("../../deploy", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" || strings.Contains(name, "/chart/") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			var o struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
				return err
			}
			names, ok := known[o.Kind]
			if !ok {
				continue
			}
			if seen++; !slices.Contains(names, o.Metadata.Name) {
				t.Errorf("%s has %s %s, which uninstall does not know", name, o.Kind, o.Metadata.Name)
			}
		}
		return nil
	})
	if err != nil || seen < 30 {
		t.Fatalf("%d objects: %v", seen, err)
	}
}
