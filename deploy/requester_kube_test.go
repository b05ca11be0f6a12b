//go:build kube

package deploy_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/countersign-dev/countersign/internal/golden"
)

// TestRequesterIsWhoMadeTheRun: with component requester, on a real API server with Tekton's
// own CRD, nobody asks as somebody else, and who asked does not change. Everybody here has
// every right of RBAC: what is refused is refused by the policy.
func TestRequesterIsWhoMadeTheRun(t *testing.T) {
	said := golden.Open(t)
	tekton, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/pipeline").Output()
	must(t, err)
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
	for _, u := range p.read("components/requester") {
		must(t, root.Create(t.Context(), u))
	}
	const (
		listener   = "system:serviceaccount:default:listener"
		controller = "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller"
	)
	p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: edits}, rules: [{apiGroups: [tekton.dev], resources: [pipelineruns, pipelineruns/status], verbs: ["*"]}]}`)
	for _, who := range []string{"alice", "mallory", listener, controller} {
		p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {generateName: edits-}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edits}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: '`+who+`'}]}`)
	}
	run := func(name, meta string) string {
		return `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: ` + name + `, namespace: default` + meta + `}, spec: {pipelineRef: {name: build}}}`
	}
	asked := func(who string) string { return `, annotations: {countersign.dev/requester: "` + who + `"}` }
	const byListener = ", labels: {triggers.tekton.dev/eventlistener: push}"
	inForce(t, "countersign-requester", func() error {
		return p.as("mallory").Create(t.Context(), parse(t, run("probe", asked("alice"))), client.DryRunAll)
	})
	inForceFor(t, func() error {
		return p.as("alice").Create(t.Context(), parse(t, run("probe", asked("alice"))), client.DryRunAll)
	})

	for _, c := range []struct {
		name, who, doc string
		refused        bool
	}{
		{"another's name", "mallory", run("a", asked("alice")), true},
		{"another's name, by impersonated case", "mallory", run("a", asked("Mallory")), true},
		{"another's name, as an EventListener's", "mallory", run("a", asked("alice")+byListener), true},
		{"a service account as a person", "system:serviceaccount:default:listener", run("a", asked("alice")), true},
		{"a name in spaces", "mallory", run("a", asked(" mallory")), true},
		{"one's own", "alice", run("own", asked("alice")), false},
		{"a service account's own", listener, run("robot", asked(listener)), false},
		{"nobody's", "mallory", run("nobody", ""), false},
		{"an empty one", "mallory", run("empty", asked("")), false},
		{"an EventListener's, of an event", listener, run("event", asked("octocat")+byListener), false},
		{"a retry by Tekton's controller", controller, run("bare", ", labels: {tekton.dev/pipeline: build}"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.refused(t, said, c.name, p.as(c.who).Create(t.Context(), parse(t, c.doc)), c.refused)
		})
	}

	for _, c := range []struct {
		name, who, object, patch string
		refused                  bool
	}{
		{"another's name", "mallory", "own", `{"metadata": {"annotations": {"countersign.dev/requester": "mallory"}}}`, true},
		{"by the one who asked", "alice", "own", `{"metadata": {"annotations": {"countersign.dev/requester": "bob"}}}`, true},
		{"taken away", "mallory", "own", `{"metadata": {"annotations": {"countersign.dev/requester": null}}}`, true},
		{"put there later", "mallory", "nobody", `{"metadata": {"annotations": {"countersign.dev/requester": "mallory"}}}`, true},
		{"by an EventListener's account", listener, "nobody", `{"metadata": {"annotations": {"countersign.dev/requester": "alice"}, "labels": {"triggers.tekton.dev/eventlistener": "push"}}}`, true},
		{"an event's made a person's", "mallory", "event", `{"metadata": {"labels": {"triggers.tekton.dev/eventlistener": null}}}`, true},
		{"another EventListener's", "mallory", "event", `{"metadata": {"labels": {"triggers.tekton.dev/eventlistener": "other"}}}`, true},
		{"an EventListener's label, where nobody asked", "alice", "nobody", `{"metadata": {"labels": {"triggers.tekton.dev/eventlistener": "push"}}}`, false},
		{"something else", "mallory", "own", `{"metadata": {"annotations": {"a": "b"}, "labels": {"a": "b"}}}`, false},
		{"cancelled", "mallory", "own", `{"spec": {"status": "Cancelled"}}`, false},
		{"Tekton's labels and annotations", controller, "own", `{"metadata": {"labels": {"tekton.dev/pipeline": "build"}, "annotations": {"chains.tekton.dev/signed": "true"}}}`, false},
		{"Tekton's labels, of an event", controller, "event", `{"metadata": {"labels": {"tekton.dev/pipeline": "build"}, "finalizers": ["chains.tekton.dev/pipelinerun"]}}`, false},
	} {
		t.Run("update, "+c.name, func(t *testing.T) {
			p.refused(t, said, "update, "+c.name, p.as(c.who).Patch(t.Context(), parse(t, run(c.object, "")), client.RawPatch("application/merge-patch+json", []byte(c.patch))), c.refused)
		})
	}
	err = p.as(controller).Status().Patch(t.Context(), parse(t, run("own", "")), client.RawPatch("application/merge-patch+json", []byte(`{"status": {"startTime": "2026-01-01T00:00:00Z"}}`)))
	must(t, err)
	must(t, p.as("mallory").Delete(t.Context(), parse(t, run("own", "")))) // anyone who may delete runs still may
}
