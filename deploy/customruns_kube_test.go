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
	"github.com/countersign-dev/countersign/test/refusal"
)

const tektonController = "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller"

// TestCustomRunsAreTektons: anyone who may do everything with CustomRuns still makes none
// that is a PipelineRun's, makes none to be one, and does not change what one asks.
func TestCustomRunsAreTektons(t *testing.T) {
	said := golden.Open(t)
	tekton, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/pipeline").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(strings.TrimSpace(string(tekton)), "config/300-crds/300-customrun.yaml")},
		ErrorIfCRDPathMissing: true,
	}
	config, err := env.Start()
	if err != nil {
		t.Fatal("start the API server (KUBEBUILDER_ASSETS): ", err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	c := cluster{config}
	p := protected{t: t, config: config}
	root := c.as(t, "root", "system:masters")
	for _, u := range p.read("components/customruns") {
		must(t, root.Create(t.Context(), u))
	}
	p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: edits}, rules: [{apiGroups: [tekton.dev], resources: [customruns, customruns/status], verbs: ["*"]}]}`)
	for _, who := range []string{"alice", tektonController} {
		p.apply(root, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {generateName: edits-}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edits}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: '`+who+`'}]}`)
	}
	custom := func(name, owners string) string {
		return `{apiVersion: tekton.dev/v1beta1, kind: CustomRun, metadata: {namespace: default, name: ` + name + `, labels: {tekton.dev/pipelineTask: approval}` + owners + `}, spec: {customRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}, params: [{name: approvers, value: [bob]}]}}`
	}
	const owned = `, ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: deploy, uid: 0c5b8f6e-0000-4000-8000-000000000000, controller: true}]`
	alice, controller := c.as(t, "alice"), c.as(t, tektonController)
	inForce(t, "countersign-customruns", func() error { return alice.Create(t.Context(), parse(t, custom("probe", owned)), client.DryRunAll) })
	patch := func(api client.Client, name, change string) error {
		return api.Patch(t.Context(), parse(t, custom(name, "")), client.RawPatch("application/merge-patch+json", []byte(change)))
	}
	for _, x := range []struct {
		name    string
		do      func() error
		refused bool
	}{
		{"one of nobody's", func() error { return alice.Create(t.Context(), parse(t, custom("free", ""))) }, false},
		{"a run's", func() error { return alice.Create(t.Context(), parse(t, custom("deploy-approval", owned))) }, true},
		{"a run's, by Tekton", func() error { return controller.Create(t.Context(), parse(t, custom("deploy-approval", owned))) }, false},
		{"made a run's", func() error {
			return patch(alice, "free", `{"metadata":{"ownerReferences":[{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","name":"deploy","uid":"0c5b8f6e-0000-4000-8000-000000000000"}]}}`)
		}, true},
		{"taken from its run", func() error { return patch(alice, "deploy-approval", `{"metadata":{"ownerReferences":null}}`) }, true},
		{"other approvers", func() error {
			return patch(alice, "deploy-approval", `{"spec":{"params":[{"name":"approvers","value":["alice"]}]}}`)
		}, true},
		{"another kind", func() error { return patch(alice, "deploy-approval", `{"spec":{"customRef":{"kind":"Other"}}}`) }, true},
		{"another task", func() error {
			return patch(alice, "deploy-approval", `{"metadata":{"labels":{"tekton.dev/pipelineTask":"other"}}}`)
		}, true},
		{"no timeout", func() error { return patch(alice, "deploy-approval", `{"spec":{"timeout":"0s"}}`) }, true},
		{"a label of one's own", func() error { return patch(alice, "deploy-approval", `{"metadata":{"labels":{"team":"shop"}}}`) }, false},
		{"cancelled", func() error { return patch(alice, "deploy-approval", `{"spec":{"status":"RunCancelled"}}`) }, false},
		{"what is nobody's", func() error {
			return patch(alice, "free", `{"spec":{"params":[{"name":"approvers","value":["alice"]}]}}`)
		}, false},
	} {
		err := x.do()
		if (refusal.Policy(err) == "countersign-customruns") != x.refused || !x.refused && err != nil {
			t.Errorf("%s: %v, refused should be %t", x.name, err, x.refused)
		}
		if err != nil {
			said.Check(t, x.name, refusal.Text(err))
		}
	}
}
