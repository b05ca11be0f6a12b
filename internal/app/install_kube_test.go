//go:build kube

package app

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/countersign-dev/countersign/internal/golden"
)

// definition returns as much of another system's kind as an API server needs to know it.
func definition(group, version, kind, plural string) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped, Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: version, Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{
				OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)},
			}}},
		},
	}
}

// TestMissingPieces: what is not installed in the cluster ends the process at once, with
// a sentence that says which piece it is and what to do.
func TestMissingPieces(t *testing.T) {
	said := golden.Open(t)
	env := &envtest.Environment{}
	cfg, err := env.Start()
	if err != nil {
		t.Fatal("start the API server (KUBEBUILDER_ASSETS): ", err)
	}
	defer func() {
		if transport, err := rest.TransportFor(cfg); err == nil {
			utilnet.CloseIdleConnectionsFor(transport)
		}
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		there   string
		install envtest.CRDInstallOptions // before it starts
	}{
		{"nothing", envtest.CRDInstallOptions{}},
		{"its own definitions", envtest.CRDInstallOptions{Paths: []string{"../../deploy/crd"}, ErrorIfPathMissing: true}},
		{"and Tekton's run", envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{definition("tekton.dev", "v1", "PipelineRun", "pipelineruns")}}},
	} {
		if c.install.Paths != nil || c.install.CRDs != nil {
			if _, err := envtest.InstallCRDs(cfg, c.install); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := Run(ctx, Options{
			Rest: rest.CopyConfig(cfg), Log: slog.New(slog.DiscardHandler), Now: time.Now, Out: io.Discard, Namespace: "default", Pod: "p", Service: "countersign",
			WebAddress: "127.0.0.1:0", InterceptorAddress: "127.0.0.1:0", MetricsAddress: "0", HealthAddress: "0",
		})
		cancel()
		if err == nil {
			t.Fatal("it runs without them")
		}
		said.Check(t, c.there, err.Error())
	}
}
