package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// shipped is who gets which role by the manifests that people install: the service, and by two
// components those who read of it, Prometheus and the Dashboard. Rights for people are bound by whoever knows the people.
var shipped = []string{
	"ClusterRoleBinding countersign-approvaltask: ClusterRole countersign-approvaltask to ServiceAccount countersign/countersign",
	"ClusterRoleBinding countersign-dashboard: ClusterRole countersign-dashboard to ServiceAccount tekton-pipelines/tekton-dashboard",
	"ClusterRoleBinding countersign-manual-approval-gate: ClusterRole countersign-manual-approval-gate to ServiceAccount countersign/countersign",
	"ClusterRoleBinding countersign-metrics: ClusterRole countersign-metrics-reader to ServiceAccount countersign/countersign-metrics",
	"ClusterRoleBinding countersign: ClusterRole countersign to ServiceAccount countersign/countersign",
	"RoleBinding countersign-evidence-log: Role countersign-evidence-log to ServiceAccount countersign/countersign",
	"RoleBinding countersign-evidence: Role countersign-evidence to ServiceAccount countersign/countersign",
	"RoleBinding countersign-release-configmap: Role countersign-release-configmap to ServiceAccount countersign/countersign",
	"RoleBinding countersign-release-pending-run: Role countersign-release-pending-run to ServiceAccount countersign/countersign",
	"RoleBinding countersign: Role countersign to ServiceAccount countersign/countersign",
}

type binding struct {
	Kind     string
	Metadata struct{ Name string }
	RoleRef  struct{ Kind, Name string }
	Subjects []struct{ Kind, Namespace, Name string }
}

// documents calls each with every document of the manifests in a folder, and the name of its file.
func documents(t *testing.T, dir string, each func(file, doc string) error) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" || strings.Contains(name, "chart/templates") { // those are tools/release's
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			if err := each(filepath.Base(name), doc); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bindings are those of the manifests in a folder, and what none may have.
func bindings(t *testing.T, dir string) (found, wild []string) {
	t.Helper()
	documents(t, dir, func(file, doc string) error {
		var b binding
		if err := yaml.Unmarshal([]byte(doc), &b); err != nil {
			return err
		}
		if b.Kind != "ClusterRoleBinding" && b.Kind != "RoleBinding" {
			return nil
		}
		for _, s := range b.Subjects {
			line := b.Kind + " " + b.Metadata.Name + ": " + b.RoleRef.Kind + " " + b.RoleRef.Name + " to " + s.Kind + " " + strings.TrimPrefix(s.Namespace+"/"+s.Name, "/")
			found = append(found, line)
			// system:authenticated is everybody, and every ServiceAccount of the cluster.
			if s.Kind == "Group" && strings.HasPrefix(s.Name, "system:") || strings.Contains(s.Name, "*") || s.Name == "system:anonymous" {
				wild = append(wild, file+": "+line)
			}
		}
		return nil
	})
	slices.Sort(found)
	return found, wild
}

// TestNobodyGetsRightsUnasked: nothing that is installed gives a right to everybody, and
// what is installed for real gives rights to the service alone.
func TestNobodyGetsRightsUnasked(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"deploy", "examples", "demo"} {
		found, wild := bindings(t, dir)
		for _, w := range wild {
			t.Errorf("%s/…/%s: bind it to people who are named", dir, w)
		}
		if dir != "deploy" {
			continue
		}
		if d := cmp.Diff(shipped, found); d != "" {
			t.Errorf("bindings of deploy/ (-want +got):\n%s", d)
		}
	}
}
