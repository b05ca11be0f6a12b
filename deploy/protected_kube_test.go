//go:build kube

package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
	"github.com/countersign-dev/countersign/test/wait"
)

const (
	starter = "system:serviceaccount:shop:deploy-listener"
	builder = "system:serviceaccount:shop:build-listener"
)

// TestProtectedPipelines: on a real API server with Tekton's own CRD, everybody here has
// every right of RBAC in the namespace. What is refused is refused by the policy.
func TestProtectedPipelines(t *testing.T) {
	said := golden.Open(t)
	tekton, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/pipeline").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(strings.TrimSpace(string(tekton)), "config/300-crds/300-pipelinerun.yaml")},
		ErrorIfCRDPathMissing: true,
	}
	config, err := env.Start()
	if err != nil {
		t.Fatal("start the API server (KUBEBUILDER_ASSETS): ", err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	p := protected{t: t, config: config}
	root := p.as("root", "system:masters")
	for _, dir := range []string{"../examples/protected", "components/protected"} {
		for _, u := range p.read(dir) {
			must(t, root.Create(t.Context(), u))
		}
	}
	p.apply(root, `{apiVersion: v1, kind: Namespace, metadata: {name: free}}`)
	p.apply(root, `{apiVersion: v1, kind: Namespace, metadata: {name: bare, labels: {countersign.dev/protected: "true"}}}`)
	p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: edits}, rules: [{apiGroups: [tekton.dev, ""], resources: [pipelineruns, configmaps], verbs: ["*"]}]}`)
	for _, who := range []string{"alice", starter, builder, service} {
		p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {generateName: edits-}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edits}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: '`+who+`'}]}`)
	}
	p.settle()

	run := func(name, spec string, meta ...string) string {
		return `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: ` + name + `, namespace: shop` + strings.Join(meta, "") + `}, spec: {` + spec + `}}`
	}
	const deploy, build, pending = "pipelineRef: {name: deploy}", "pipelineRef: {name: build}", "status: PipelineRunPending, "
	for name, c := range map[string]struct {
		who, doc string
		refused  bool
	}{
		"by hand":                          {"alice", run("a", deploy), true},
		"by hand, the second of the list":  {"alice", run("a", "pipelineRef: {name: terraform-apply}"), true},
		"a starter":                        {starter, run("b", deploy), false},
		"a starter, with a Trigger's mark": {starter, run("c", deploy, ", labels: {triggers.tekton.dev/trigger: deploy}"), false},
		"another pipeline":                 {"alice", run("d", build), false},
		"another, of a Trigger":            {builder, run("e", build, ", labels: {triggers.tekton.dev/trigger: push}, annotations: {countersign.dev/requester: bob}"), false},
		"another, as a Trigger's":          {"alice", run("m", build, ", labels: {triggers.tekton.dev/trigger: push}"), true},
		"another, with an event's id":      {"alice", run("m", build, ", labels: {triggers.tekton.dev/triggers-eventid: e}"), true},
		"another, with a label of ours":    {"alice", run("m", build, ", labels: {countersign.dev/anything: x}"), true},
		"another, with a mark of ours":     {"alice", run("m", build, ", annotations: {countersign.dev/approval: a/b}"), true},
		"another, as somebody else's wish": {"alice", run("m", build, ", annotations: {countersign.dev/requester: bob}"), true},
		"another, as one's own wish":       {"alice", run("mine", build, ", annotations: {countersign.dev/requester: alice}"), false},
		"another, pending, as a Trigger's": {"alice", run("m", pending+build, ", labels: {triggers.tekton.dev/trigger: push}"), true},
		"a listener of others, by hand":    {builder, run("m", deploy, ", labels: {triggers.tekton.dev/trigger: push}"), true},
		"a listener of others, pending":    {builder, run("m", pending+deploy, ", labels: {triggers.tekton.dev/trigger: push}"), true},
		"a listener, with a mark of ours":  {builder, run("m", build, ", annotations: {countersign.dev/approval: a/b}"), true},
		"the pipeline in the run":          {"alice", run("f", "pipelineSpec: {tasks: [{name: t, taskRef: {name: t}}]}"), true},
		"a resolver":                       {"alice", run("f", "pipelineRef: {resolver: cluster, params: [{name: name, value: deploy}]}"), true},
		"a resolver with a harmless name":  {"alice", run("f", "pipelineRef: {name: build, resolver: git}"), true},
		"a resolver, by a starter":         {starter, run("g", "pipelineRef: {resolver: cluster}"), false},
		"an old version of the API":        {"alice", strings.Replace(run("f", "pipelineRef: {name: build, bundle: evil.example.com/deploy}"), "tekton.dev/v1,", "tekton.dev/v1beta1,", 1), true},
		"pending":                          {"alice", run("h", pending+deploy), false},
		"pending, by a resolver":           {"alice", run("i", pending+"pipelineRef: {resolver: git}"), false},
		"pending, with a mark of ours":     {"alice", run("j", pending+deploy, ", annotations: {countersign.dev/approval: a/b}"), true},
		"pending, as a Trigger's":          {"alice", run("j", pending+deploy, ", labels: {triggers.tekton.dev/trigger: deploy}"), true},
		"pending, as somebody else's wish": {"alice", run("j", pending+deploy, ", annotations: {countersign.dev/requester: bob}"), true},
		"pending, as one's own wish":       {"alice", run("k", pending+deploy, ", annotations: {countersign.dev/requester: alice}"), false},
		"cancelled from the beginning":     {"alice", run("l", "status: Cancelled, "+deploy), true},
		"elsewhere":                        {"alice", strings.Replace(run("a", deploy), "namespace: shop", "namespace: free", 1), false},
		"without settings":                 {starter, strings.Replace(run("a", build), "namespace: shop", "namespace: bare", 1), true},
		"the settings":                     {"alice", `{apiVersion: v1, kind: ConfigMap, metadata: {name: countersign-protected, namespace: bare}, data: {pipelines: none}}`, true},
		"other settings":                   {"alice", `{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: shop}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			p.refused(t, said, name, p.as(c.who).Create(t.Context(), parse(t, c.doc)), c.refused)
		})
	}

	const letGo, cancel = `{"spec": {"status": null}}`, `{"spec": {"status": "Cancelled"}}`
	for _, c := range []struct {
		name, who, kind, object, patch string
		refused                        bool
	}{
		{"un-pend", "alice", "PipelineRun", "h", letGo, true},
		{"un-pend by a starter", starter, "PipelineRun", "h", letGo, true},
		{"un-pend and run finally", "alice", "PipelineRun", "h", `{"spec": {"status": "CancelledRunFinally"}}`, true},
		{"un-pend as another pipeline's", "alice", "PipelineRun", "i", `{"spec": {"status": null, "pipelineRef": {"resolver": null, "name": "deploy"}}}`, true},
		{"cancel", "alice", "PipelineRun", "k", cancel, false},
		{"something else", "alice", "PipelineRun", "h", `{"metadata": {"labels": {"a": "b"}}}`, false},
		{"our mark", "alice", "PipelineRun", "h", `{"metadata": {"annotations": {"countersign.dev/approval": "a/b"}}}`, true},
		{"who asked, of any run", "alice", "PipelineRun", "e", `{"metadata": {"annotations": {"countersign.dev/requester": "carol"}}}`, true},
		{"un-pend by the service", service, "PipelineRun", "h", `{"metadata": {"annotations": {"countersign.dev/approval": "a/b"}}, "spec": {"status": null}}`, false},
		{"the settings", "alice", "ConfigMap", "countersign-protected", `{"data": {"starters": "alice"}}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			u.SetGroupVersionKind(map[string]schema.GroupVersionKind{
				"PipelineRun": {Group: "tekton.dev", Version: "v1", Kind: "PipelineRun"}, "ConfigMap": {Version: "v1", Kind: "ConfigMap"},
			}[c.kind])
			u.SetNamespace("shop")
			u.SetName(c.object)
			p.refused(t, said, "changed: "+c.name, p.as(c.who).Patch(t.Context(), u, client.RawPatch("application/merge-patch+json", []byte(c.patch))), c.refused)
		})
	}
	if err := p.as("alice").Delete(t.Context(), parse(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: countersign-protected, namespace: shop}}`)); err != nil {
		t.Fatal(err)
	}
	inForce(t, "countersign-protected", func() error { return p.as("alice").Create(t.Context(), parse(t, run("z", deploy)), client.DryRunAll) })
}

type protected struct {
	t      *testing.T
	config *rest.Config
}

func (p protected) as(user string, groups ...string) client.Client {
	return cluster{p.config}.as(p.t, user, groups...)
}

func (p protected) apply(api client.Client, doc string) {
	must(p.t, api.Create(p.t.Context(), parse(p.t, doc)))
}

// read is every object of a folder, namespaces first.
func (p protected) read(dir string) []*unstructured.Unstructured {
	p.t.Helper()
	files, err := filepath.Glob(dir + "/*.yaml")
	if err != nil || len(files) == 0 {
		p.t.Fatalf("nothing in %s: %v", dir, err)
	}
	var out []*unstructured.Unstructured
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(p.t, err)
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			if u := parse(p.t, doc); !strings.Contains(u.GetAPIVersion(), "kustomize") {
				out = append(out, u)
			}
		}
	}
	return out
}

// settle waits until the API server holds to the policies, which takes it a moment.
func (p protected) settle() {
	p.t.Helper()
	wait.Eventually(p.t, time.Minute, "the policies in force", func() error {
		err := p.as("alice").Create(p.t.Context(), parse(p.t, `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: a, namespace: shop}, spec: {pipelineRef: {name: deploy}}}`), client.DryRunAll)
		settings := p.as("alice").Create(p.t.Context(), parse(p.t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: countersign-protected, namespace: bare}}`), client.DryRunAll)
		if refusal.Policy(err) == "countersign-protected" && refusal.Policy(settings) == "countersign-protected-settings" {
			return nil
		}
		return fmt.Errorf("a run is answered with %q, and the settings with %q", fmt.Sprint(err), fmt.Sprint(settings))
	})
}

// refused holds err to whether a policy refuses, and to what it says.
func (p protected) refused(t *testing.T, said *golden.Sentences, name string, err error, want bool) {
	t.Helper()
	if (refusal.Policy(err) != "") != want || !want && err != nil {
		t.Errorf("%v, refused by a policy should be %t", err, want)
	}
	if err != nil {
		said.Check(t, name, refusal.Text(err))
	}
}
