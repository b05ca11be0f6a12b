//go:build kube

package verifyrun_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
	"github.com/countersign-dev/countersign/test/wait"
)

// mutator is a cluster's own admission, which changes every run that is made.
const mutator = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: long}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [tekton.dev], apiVersions: ["*"], operations: [CREATE], resources: [pipelineruns]}]
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: '[JSONPatch{op: "add", path: "/spec/timeouts", value: {"pipeline": "7h"}}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: long}
spec: {policyName: long}
`

// TestProveForReal: with a real admission that changes runs, and the service's own roles,
// the run that the EventListener made is proved, whatever the same admission does to a
// stranger's; and nothing of the proof stays in the cluster.
func TestProveForReal(t *testing.T) {
	said := golden.Open(t)
	cfg := kubetest.APIServer(t, "../../../deploy/crd", kubetest.TektonDefinition(t, "pipelinerun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, pipelinev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	connect := func(user string, groups ...string) client.Client {
		config := rest.CopyConfig(cfg)
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
		c, err := client.New(config, client.Options{Scheme: scheme})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	root, service := connect("root", "system:masters"), connect("system:serviceaccount:countersign:countersign", "system:serviceaccounts")
	create := func(objs ...client.Object) {
		t.Helper()
		for _, o := range objs {
			if err := root.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "prod"}})
	create(servicetest.Roles(t, "", "../../../deploy/rbac/role.yaml", "../../../deploy/base/accounts.yaml")...)
	for doc := range strings.SplitSeq(mutator, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}
		create(u)
	}
	run := func(name string) *pipelinev1.PipelineRun {
		pr := kubetest.Started(name, "apply", "event-1", time.Now()).(*pipelinev1.PipelineRun)
		pr.UID, pr.CreationTimestamp = "", metav1.Time{}
		return pr
	}
	wait.Eventually(t, time.Minute, "what admission changes", func() error { // the API server takes a policy up after a moment
		probe := run("probe")
		if err := root.Create(t.Context(), probe, client.DryRunAll); err != nil {
			return err
		}
		if probe.Spec.Timeouts == nil {
			return errors.New("the run has no timeouts")
		}
		return nil
	})
	for name, c := range map[string]struct {
		change func(pr *pipelinev1.PipelineRun)
		taken  bool // the name, by something else
	}{
		"as approved": {func(*pipelinev1.PipelineRun) {}, false},
		"a stranger": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.PipelineRef.Name = "wipe-db"
		}, true},
		"a stranger, pending": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.Status, pr.Spec.PipelineRef.Name = pipelinev1.PipelineRunSpecStatusPending, "wipe-db"
		}, true},
		"with another account": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.TaskRunTemplate.ServiceAccountName = "admin"
		}, true},
	} {
		a := ct.Make("apply-1").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.UID, a.RunName = name, approvals.Unsaid("apply-"+strings.NewReplacer(" ", "-", ",", "").Replace(name))
			a.OpenedAt, a.DecidedAt = time.Now().Add(-time.Minute), time.Now()
		}).Obj()
		p := &verifyrun.Proofs{Client: service, Live: service, Now: time.Now, Awaited: &verifyrun.Awaited{}}
		want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(run(string(a.RunName)))
		if err != nil {
			t.Fatal(err)
		}
		obj := &unstructured.Unstructured{Object: want}
		obj.SetAPIVersion("tekton.dev/v1")
		obj.SetKind("PipelineRun")
		p.Renderings.Put(a.UID, verifyrun.Rendering{Made: render.Rendered{Objects: []*unstructured.Unstructured{obj}, Unknown: "unknown-x"}})
		pr := run(string(a.RunName))
		c.change(pr)
		create(pr)
		if pr.Spec.Timeouts == nil {
			t.Errorf("%s: the admission did not change it", name)
		}
		found, err := p.Look(t.Context(), a)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !c.taken && (found.Run == nil || found.Run.UID != string(pr.UID)):
			t.Errorf("%s: %+v", name, found.Problem)
		case c.taken && (found.Problem == nil || found.Problem.Reason != verifyrun.NameTaken):
			t.Errorf("%s: %+v, want %s", name, found.Problem, verifyrun.NameTaken)
		case c.taken:
			said.Check(t, name, strings.ReplaceAll(found.Problem.Message, string(a.RunName), "RUN"))
		}
	}
	var all pipelinev1.PipelineRunList
	if err := root.List(t.Context(), &all); err != nil || len(all.Items) != 4 {
		t.Errorf("%d runs, %v; the test made 4", len(all.Items), err)
	}
}
