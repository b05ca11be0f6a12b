package servicetest

import (
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Roles are the RBAC objects of files, but those that need another namespace.
func Roles(t *testing.T, namespace string, files ...string) []client.Object {
	t.Helper()
	var out []client.Object
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			var meta struct{ Kind string }
			if err := yaml.Unmarshal([]byte(doc), &meta); err != nil {
				t.Fatal(err)
			}
			o, ok := map[string]client.Object{
				"Role": &rbacv1.Role{}, "RoleBinding": &rbacv1.RoleBinding{}, "ClusterRole": &rbacv1.ClusterRole{}, "ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
			}[meta.Kind]
			if !ok {
				continue
			}
			if err := yaml.UnmarshalStrict([]byte(doc), o); err != nil {
				t.Fatal(err)
			}
			switch o.(type) {
			case *rbacv1.Role, *rbacv1.RoleBinding:
				if o.GetNamespace() != "" || namespace == "" {
					continue
				}
				o.SetNamespace(namespace)
			}
			out = append(out, o)
		}
	}
	return out
}
