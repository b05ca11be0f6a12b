//go:build kube

package evidence_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/audit/sqlite"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/test/wait"
)

// TestOlderDefinition: where the definition of Evidence does not know where bytes are, no upload is
// answered with success, since nobody could read it; it works once the definition was applied.
func TestOlderDefinition(t *testing.T) {
	t.Parallel()
	const file = "../../../deploy/crd/countersign.dev_evidences.yaml"
	newer := &unstructured.Unstructured{}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &newer.Object); err != nil {
		t.Fatal(err)
	}
	older := newer.DeepCopy()
	versions, _, _ := unstructured.NestedSlice(older.Object, "spec", "versions")
	spec := []string{"schema", "openAPIV3Schema", "properties", "spec"}
	version := versions[0].(map[string]any) //nolint:forcetypeassert // so is the file
	unstructured.RemoveNestedField(version, append(spec, "properties", "storedIn")...)
	unstructured.RemoveNestedField(version, append(spec, "x-kubernetes-validations")...)
	if err := unstructured.SetNestedSlice(older.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.Marshal(older.Object); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "evidences.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(kubetest.APIServer(t, path), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	prod := &corev1.Namespace{}
	prod.Name = "prod"
	if err := c.Create(t.Context(), prod); err != nil {
		t.Fatal(err)
	}
	ledger, err := sqlite.Open(filepath.Join(t.TempDir(), "record.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	s := &evidence.Store{Client: c, Ring: ringOf(1), Bytes: ledger.Evidence("here"), Now: time.Now}

	_, created, err := s.Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), "")
	if created || approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Fatalf("created %t, %v; want %s", created, err, approvals.CodeUnavailable)
	}
	golden.Open(t).Check(t, "an upload", approvals.Message(err))
	if _, err := s.Find(t.Context(), of("plan")); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("it is there all the same: %v", err)
	}

	now := older.DeepCopy()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(older), now); err != nil {
		t.Fatal(err)
	}
	now.Object["spec"] = newer.Object["spec"]
	if err := c.Update(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	wait.Eventually(t, 30*time.Second, "an upload with the newer definition", func() error {
		_, created, err := s.Keep(t.Context(), of("plan"), []byte("Plan: 1 to add"), "")
		if err == nil && !created {
			err = errors.New("nothing was created")
		}
		return err
	})
	k, err := s.Find(t.Context(), of("plan"))
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := s.Read(t.Context(), showing(itemOf(k, "plan")), "plan"); err != nil || string(got) != "Plan: 1 to add" {
		t.Errorf("read: %q, %v", got, err)
	}
}
