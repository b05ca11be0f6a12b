//go:build kube

package kubetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// APIServer is a real one, with the definitions of these files and folders, until the
// test is over.
func APIServer(t *testing.T, definitions ...string) *rest.Config {
	t.Helper()
	env := &envtest.Environment{CRDDirectoryPaths: definitions, ErrorIfCRDPathMissing: true}
	cfg, err := env.Start()
	if err != nil {
		t.Fatal("start the API server (KUBEBUILDER_ASSETS): ", err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cfg
}

// TektonDefinition is the file of one of Tekton's definitions, in its own module.
func TektonDefinition(t *testing.T, kind string) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/pipeline").Output()
	if err != nil {
		t.Fatal("find Tekton's definitions: ", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "config/300-crds/300-"+kind+".yaml")
}

// Apply creates what a manifest has, without what needs the service's namespace.
func Apply(ctx context.Context, c client.Client, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			return err
		}
		if u.GetNamespace() != "" {
			continue
		}
		if err := c.Create(ctx, u); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}
