package servicetest

import (
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestRefused: what nobody could answer ends at once and says what to change.
func TestRefused(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko", "{name: approvers, value: [alice, bob]}", "{name: x, value: y}")
		got := ending(x.settle())
		if !strings.HasPrefix(got, "False ApprovalTaskRefused ") {
			t.Errorf("got %s", got)
		}
		said.Check(t, "nobody", sentence(got))
	})
	for name, c := range map[string]struct {
		param, value string
	}{
		"unknown strategy": {"strategy", "ANY"},
		"no such Gate":     {"gate", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, "automatiko")
			x.param(c.param, c.value)
			got := ending(x.settle())
			if !strings.HasPrefix(got, "False ApprovalTaskRefused ") || len(x.all()) != 0 {
				t.Errorf("got %s and %d approvals", got, len(x.all()))
			}
			said.Check(t, name, sentence(got))
			if e := x.event(); !strings.Contains(e, "Warning Refused") {
				t.Errorf("event %q", e)
			}
			before := x.Writes()
			x.settle()
			if x.Writes() != before {
				t.Error("a refused task is written again")
			}
		})
	}
	t.Run("customSpec", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.pipeline(func(spec *pipelinev1.PipelineSpec) {
			spec.Tasks[0].TaskRef = nil
			spec.Tasks[0].TaskSpec = &pipelinev1.EmbeddedTask{TypeMeta: runtime.TypeMeta{APIVersion: x.kind.APIVersion, Kind: x.kind.Kind}}
		})
		x.change(func(cr *pipelinev1beta1.CustomRun) {
			cr.Spec.CustomRef = nil
			cr.Spec.CustomSpec = &pipelinev1beta1.EmbeddedCustomRunSpec{TypeMeta: runtime.TypeMeta{APIVersion: x.kind.APIVersion, Kind: x.kind.Kind}}
		})
		got := ending(x.settle())
		if !strings.HasPrefix(got, "False ApprovalTaskRefused ") {
			t.Errorf("got %s", got)
		}
		said.Check(t, "customSpec", sentence(got))
	})
}

// param gives task and CustomRun one more param.
func (x *tasking) param(name, value string) {
	x.t.Helper()
	x.pipeline(func(spec *pipelinev1.PipelineSpec) {
		spec.Tasks[0].Params = append(spec.Tasks[0].Params, pipelinev1.Param{Name: name, Value: *pipelinev1.NewStructuredValues(value)})
	})
	x.change(func(cr *pipelinev1beta1.CustomRun) {
		cr.Spec.Params = append(cr.Spec.Params, pipelinev1beta1.Param{Name: name, Value: *pipelinev1beta1.NewStructuredValues(value)})
	})
}

// pipeline edits what the run says it is made of.
func (x *tasking) pipeline(edit func(*pipelinev1.PipelineSpec)) {
	x.t.Helper()
	var pr pipelinev1.PipelineRun
	x.must(x.Get(x.t.Context(), request(x.run().OwnerReferences[0].Name).NamespacedName, &pr))
	edit(pr.Status.PipelineSpec)
	x.must(x.WithWatch.Update(x.t.Context(), &pr))
}

// TestNamedGate: the Gate rules, whatever the params say.
func TestNamedGate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"automatiko", "manual-approval-gate", "kuberocketci"} {
		x := newTasking(t, kind)
		g := &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "production"}}
		g.Spec.Approvers = &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "carol"}}}
		g.Spec.Results = []v1alpha1.Expression{{Name: "who", Expression: "approval.votes[0].voter"}}
		x.must(x.Create(t.Context(), g))
		x.param("gate", "production")
		x.settle()
		a := x.only()
		if _, _, err := x.desk.Vote(t.Context(), a.Key, ct.Ballot("alice", approvals.Approve, "")); approvals.CodeOf(err) != approvals.CodeForbidden {
			t.Errorf("%s: whom the params name: %v", kind, err)
		}
		x.vote(a.Name, "carol", approvals.Approve)
		if got := ending(x.settle()); !strings.HasPrefix(got, "True") || !strings.Contains(got, "approvedBy=carol") || !strings.Contains(got, "who=carol") {
			t.Errorf("%s: got %s", kind, got)
		}
		if len(x.get(a.Name).Resolved.Params) == 0 {
			t.Errorf("%s: the description is not shown", kind)
		}
	}
}

// TestNotOurs: what another system has defined, or made, is left to it.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	untouched := func(t *testing.T, x *tasking, event string) {
		t.Helper()
		if got := ending(x.settle()); got != "" || len(x.all()) != 0 {
			t.Errorf("touched: %q, %d approvals", got, len(x.all()))
		}
		if e := x.event(); event == "" && e != "" || !strings.Contains(e, event) {
			t.Errorf("event %q, want %q", e, event)
		}
	}
	t.Run("definition", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.define("Helm")
		untouched(t, x, "belongs to another system, which answers its tasks")
		x.define(approvaltask.Manager)
		if got := ending(x.settle()); !strings.HasPrefix(got, "Unknown Running") {
			t.Errorf("when it is ours again: %q", got)
		}
	})
	t.Run("configured, and another's", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.tasks.Kinds = &approvaltask.Kinds{Live: x, Now: x.now, Only: []string{"automatiko"}}
		x.define("Helm")
		untouched(t, x, "LeftAlone")
	})
	t.Run("not configured", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.tasks.Kinds = &approvaltask.Kinds{Live: x, Now: x.now, Only: []string{"kuberocketci"}}
		untouched(t, x, "")
	})
	t.Run("undefined", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		crd := kubetest.Untyped("apiextensions.k8s.io/v1", "CustomResourceDefinition")
		crd.SetName(x.kind.CRD)
		x.must(x.Delete(t.Context(), crd))
		untouched(t, x, "")
		x.tasks.Kinds = &approvaltask.Kinds{Live: x, Now: x.now, Only: []string{"automatiko"}}
		if got := ending(x.settle()); !strings.HasPrefix(got, "Unknown Running") {
			t.Errorf("configured by name: %q", got)
		}
	})
	t.Run("object", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		o := kubetest.Untyped(x.kind.APIVersion, x.kind.Kind)
		o.SetNamespace("prod")
		o.SetName(customRun)
		x.must(x.Create(t.Context(), o))
		untouched(t, x, "that Countersign did not create")
	})
	t.Run("another task", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko", "kind: ApprovalTask", "kind: OtherTask")
		untouched(t, x, "")
	})
}

// TestForged: an Approval that somebody else made under the name of ours answers
// nothing, however it is decided.
func TestForged(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	forged := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: approvals.TaskName(customRun, "custom-1", 0)}}
	forged.Spec.Source.CustomRun = &v1alpha1.CustomRunSource{Name: customRun, UID: "custom-1", PipelineRun: "deploy-1", PipelineRunUID: "run-2", Pipeline: "deploy", PipelineTask: "approval", Mapping: "automatiko"}
	forged.Spec.Resolved, forged.Spec.Signature = &v1alpha1.ResolvedSpec{Gate: "(inline)", Policy: &v1alpha1.GateSpec{Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "mallory"}}}}}, "AAAA"
	x.must(x.Create(t.Context(), forged))
	forged.Status.Outcome = "Approved"
	x.must(x.WithWatch.Status().Update(t.Context(), forged))
	if got := ending(x.settle()); got != "" {
		t.Errorf("answered by a forged approval: %s", got)
	}
	if e := x.event(); !strings.Contains(e, "SignatureInvalid") {
		t.Errorf("event %q", e)
	}
	x.must(x.Delete(t.Context(), forged))
	x.settle()
	if a := x.only(); a.Resolved == nil || a.Decided() {
		t.Errorf("a genuine one was not opened: %+v", a)
	}
}
