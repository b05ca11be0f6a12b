//go:build kube

package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// others are the kinds of other projects that components have objects of. Their own schemas are not here: of those objects
// this test proves only that the API server can read them.
func others() []*apiextensionsv1.CustomResourceDefinition {
	var out []*apiextensionsv1.CustomResourceDefinition
	for _, k := range []struct{ kind, plural, group, version string }{
		{"Certificate", "certificates", "cert-manager.io", "v1"},
		{"Extension", "extensions", "dashboard.tekton.dev", "v1alpha1"},
		{"HTTPRoute", "httproutes", "gateway.networking.k8s.io", "v1"},
		{"Issuer", "issuers", "cert-manager.io", "v1"},
		{"PodMonitor", "podmonitors", "monitoring.coreos.com", "v1"},
		{"PrometheusRule", "prometheusrules", "monitoring.coreos.com", "v1"},
		{"Route", "routes", "route.openshift.io", "v1"},
		{"ServiceMonitor", "servicemonitors", "monitoring.coreos.com", "v1"},
	} {
		anything := true
		crd := &apiextensionsv1.CustomResourceDefinition{}
		crd.Name = k.plural + "." + k.group
		crd.Spec = apiextensionsv1.CustomResourceDefinitionSpec{
			Group: k.group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: k.kind, ListKind: k.kind + "List", Plural: k.plural, Singular: strings.ToLower(k.kind)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: k.version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &anything}},
			}},
		}
		if strings.HasSuffix(k.group, ".k8s.io") { // a group of Kubernetes' own
			crd.Annotations = map[string]string{"api-approved.kubernetes.io": "unapproved, for a test"}
		}
		out = append(out, crd)
	}
	return out
}

// together are the components that can be chosen at once.
var together = []string{
	"approvaltask", "cert-manager", "customruns", "dashboard", "email", "evidence", "evidence-log", "gateway-api", "ingress", "manual-approval-gate", "monitoring", "oidc", "opentelemetry",
	"postgres", "protected", "release-configmap", "release-pending-run", "requester", "servicemonitor",
}

// installer runs kubectl and helm for a real API server.
type installer struct {
	config string // a kubeconfig
}

// run gives a program's standard output. Anything on its standard error, such as a warning of the API server, fails the test.
func (i installer) run(t *testing.T, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "KUBECONFIG="+i.config, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s\n%s", filepath.Base(program), strings.Join(args, " "), err, said.String(), out.String())
	}
	return out.String()
}

func (i installer) kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	return i.run(t, input, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
}

// clean tries manifests on the API server, applies them, and finds that it then has what they say, as people do who compare
// a cluster with what is in Git.
func (i installer) clean(t *testing.T, manifests string) {
	t.Helper()
	way := []string{"--server-side", "--force-conflicts", "-f", "-"}
	tried := strings.Count(i.kubectl(t, manifests, slices.Concat([]string{"apply", "--dry-run=server", "--validate=strict"}, way)...), "(server dry run)\n")
	if want := strings.Count("\n"+manifests, "\nkind: "); tried != want || want < 20 {
		t.Errorf("%d objects of %d were tried:\n%s", tried, want, manifests)
	}
	i.kubectl(t, manifests, slices.Concat([]string{"apply"}, way)...)
	// It ends with 1 where there is a difference.
	if d := i.kubectl(t, manifests, slices.Concat([]string{"diff"}, way)...); d != "" {
		t.Errorf("the cluster has something else than what was applied:\n%s", d)
	}
}

// built is a program that test/run.sh has built.
func built(t *testing.T, variable, tool string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: test/run.sh kube builds it (tool %s in test/lib.sh)", variable, tool)
	}
	return path
}

// TestInstallsCleanly: whatever way Countersign is installed, by kustomize or by Helm, the API server takes every object
// without an error or a warning, and afterwards has what was applied.
func TestInstallsCleanly(t *testing.T) {
	helm, maker := built(t, "COUNTERSIGN_HELM", "helm"), built(t, "COUNTERSIGN_RELEASE", "release")
	env := &envtest.Environment{CRDInstallOptions: envtest.CRDInstallOptions{CRDs: others()}}
	rest, err := env.Start()
	if err != nil {
		t.Fatal("start the API server (KUBEBUILDER_ASSETS): ", err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	i := installer{filepath.Join(t.TempDir(), "kubeconfig")}
	must(t, os.WriteFile(i.config, env.KubeConfig, 0o600))
	// Nothing can be tried in a namespace that is not there.
	root := cluster{rest}.as(t, "root", "system:masters")
	for _, name := range []string{"countersign", "tekton-pipelines"} {
		must(t, root.Create(t.Context(), parse(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+name+`}}`)))
	}

	for name, w := range map[string]struct {
		folder     string
		components []string
	}{
		"by default":          {"", nil},
		"minimal":             {"overlays/minimal", nil},
		"minimal with SQLite": {"overlays/minimal", []string{"sqlite"}},
		"ha":                  {"overlays/ha", nil},
		"ha with all":         {"overlays/ha", together},
		"openshift":           {"overlays/openshift", nil},
		"behind oauth2-proxy": {"", []string{"oauth2-proxy"}},
	} {
		t.Run(name, func(t *testing.T) {
			i.clean(t, i.kubectl(t, "", "kustomize", kustomization(t, w.folder, w.components)))
		})
	}

	chart := filepath.Join(t.TempDir(), "countersign")
	i.run(t, "", maker, "--root", "..", "--version", "v0.1.0", "--out", chart, "chart")
	all := []string{"--set", "postgres.enabled=true,ingress.enabled=true,httpRoute.enabled=true,opentelemetry.enabled=true"}
	for _, c := range []string{"approvaltask", "cert-manager", "customruns", "dashboard", "manual-approval-gate", "monitoring", "protected", "requester", "servicemonitor"} {
		all = append(all, "--set", "components."+c+"=true")
	}
	preset := func(name string) string { return filepath.Join(chart, "values-"+name+".yaml") }
	for name, values := range map[string][]string{
		"by default":  nil,
		"minimal":     {"-f", preset("minimal")},
		"with SQLite": {"--set", "replicas=1,sqlite.enabled=true"},
		"ha":          {"-f", preset("ha")},
		"ha with all": slices.Concat([]string{"-f", preset("ha")}, all),
		"openshift":   {"-f", preset("openshift")},
	} {
		t.Run("helm "+name, func(t *testing.T) {
			i.run(t, "", helm, slices.Concat([]string{"lint", "--strict", "--quiet", chart}, values)...)
			i.clean(t, i.run(t, "", helm, slices.Concat([]string{"template", "countersign", chart, "--namespace=countersign", "--kube-version=1.30.0"}, values)...))
		})
	}
}

// kustomization is a folder with a way to install that is not in the tree: a folder of deploy/, with components.
func kustomization(t *testing.T, folder string, components []string) string {
	t.Helper()
	here, err := os.Getwd()
	must(t, err)
	dir := t.TempDir()
	from, err := filepath.Rel(dir, here)
	must(t, err)
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [%s]\ncomponents:\n", filepath.Join(from, folder))
	for _, c := range components {
		fmt.Fprintf(&text, "- %s\n", filepath.Join(from, "components", c))
	}
	must(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text.String()), 0o600))
	return dir
}
