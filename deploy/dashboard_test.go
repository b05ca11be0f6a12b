package deploy_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// extension is one of the Tekton Dashboard. Its spec is a map, because Go's decoder takes
// displayname for displayName, and the Dashboard does not.
type extension struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]string `json:"metadata"`
	Spec       map[string]string `json:"spec"`
}

// TestDashboardExtensions: each Extension has the fields that the Dashboard reads and no other, which
// its definition would keep without a word, lists a resource that there is, and the Dashboard's
// account may read that. In the real one: make test-dashboard.
func TestDashboardExtensions(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	served := map[string]bool{} // "group/version name"
	files, err := filepath.Glob("crd/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(read(file), &crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			served[crd.Spec.Group+"/"+v.Name+" "+crd.Spec.Names.Plural] = v.Served
		}
	}
	role, _, _ := bytes.Cut(read("components/dashboard/accounts.yaml"), []byte("\n---\n"))
	var may rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(role, &may); err != nil {
		t.Fatal(err)
	}
	docs := bytes.Split(read("components/dashboard/extensions.yaml"), []byte("\n---\n"))
	if len(docs) != 2 {
		t.Errorf("%d extensions, want one for Approvals and one for Gates", len(docs))
	}
	for _, doc := range docs {
		var x extension
		if err := yaml.UnmarshalStrict(doc, &x); err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		name := x.Metadata["name"]
		if x.APIVersion != "dashboard.tekton.dev/v1alpha1" || x.Kind != "Extension" {
			t.Errorf("%s is no Extension: %+v", name, x)
		}
		if got, want := slices.Sorted(maps.Keys(x.Spec)), []string{"apiVersion", "displayName", "name"}; !slices.Equal(got, want) {
			t.Errorf("extension %s has the fields %q, want %q", name, got, want)
		}
		version, resource := x.Spec["apiVersion"], x.Spec["name"]
		if !served[version+" "+resource] {
			t.Errorf("extension %s lists %s of %s, which is not served", name, resource, version)
		}
		group, _, _ := strings.Cut(version, "/")
		if !slices.ContainsFunc(may.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) && slices.Equal(r.Verbs, []string{"get", "list", "watch"})
		}) {
			t.Errorf("the Dashboard's account may not read what extension %s lists, or may do more", name)
		}
	}
}
