package servicetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// taskWorld is run "deploy-1", which waits in task "approval", of a kind.
const taskWorld = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: deploy-1, uid: run-2, labels: {tekton.dev/pipeline: deploy}, annotations: {countersign.dev/requester: zoe}}
spec: {pipelineRef: {name: deploy}}
status:
  conditions: [{type: Succeeded, status: Unknown, reason: Running}]
  childReferences: [{apiVersion: tekton.dev/v1beta1, kind: CustomRun, name: deploy-1-approval, pipelineTaskName: approval}]
  pipelineSpec:
    tasks:
      - name: approval
        taskRef: {apiVersion: APIVERSION, kind: ApprovalTask, name: approvaltask}
        params:
          - {name: description, value: "Deploy $(tasks.build.results.version) to production"}
          - {name: approvers, value: [alice, bob]}
      - {name: go, runAfter: [approval], taskRef: {name: go}}
---
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata:
  name: deploy-1-approval
  uid: custom-1
  creationTimestamp: "2026-03-01T09:00:00Z"
  labels: {tekton.dev/pipelineTask: approval, tekton.dev/pipelineRun: deploy-1, tekton.dev/pipeline: deploy}
  ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: deploy-1, uid: run-2, controller: true}]
spec:
  customRef: {apiVersion: APIVERSION, kind: ApprovalTask, name: approvaltask}
  params:
    - {name: description, value: "Deploy 1.2 to production"}
    - {name: approvers, value: [alice, bob]}
`

// tasking is a world in which tasks are answered too.
type tasking struct {
	*world
	tasks     *approvaltask.Tasks
	abandoned *approvaltask.Abandoned
	kind      tasks.Mapping
	customRun string // the CustomRun's name
}

const customRun = "deploy-1-approval"

func newTasking(t *testing.T, kind string, change ...string) *tasking {
	t.Helper()
	m, ok := tasks.Find(kind)
	if !ok {
		t.Fatalf("no kind %q", kind)
	}
	docs := strings.ReplaceAll(taskWorld, "APIVERSION", m.APIVersion)
	for i := 0; i+1 < len(change); i += 2 {
		if !strings.Contains(docs, change[i]) {
			t.Fatalf("%q is not in the world", change[i])
		}
		docs = strings.ReplaceAll(docs, change[i], change[i+1])
	}
	w := newWorld(t, docs)
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	w.outcomes.Results = ct.ResultsFunc(func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error) {
		vars, err := mapping.SourceVars(a.Namespace, a.Source)
		if err != nil {
			return nil, err
		}
		return cel.Results(ctx, a, vars)
	})
	w.desk.Results, w.approvals.Outcomes = w.outcomes.Results, w.outcomes
	x := &tasking{world: w, kind: m, customRun: customRun, tasks: &approvaltask.Tasks{
		Client: w, Store: w.store, Proofs: w.proofs, Opener: w.approvals.Opener, Runs: &approvaltask.CustomRuns{Client: w, Live: w, Now: w.now}, Kinds: &approvaltask.Kinds{Live: w, Now: w.now},
		Mirrors: map[string]approvaltask.Mirror{tasks.Automatiko: approvaltask.AutomatikoView(w, func(namespace, name string) string {
			return "https://approve.example.com/approvals/" + namespace + "/" + name
		}), tasks.KubeRocketCI: approvaltask.RocketView(w)},
		Outcomes: w.outcomes, Events: w.events, Now: w.now, Log: w.approvals.Log,
	}}
	x.abandoned = &approvaltask.Abandoned{Tasks: x.tasks}
	x.define(approvaltask.Manager)
	return x
}

// define puts up the kind's definition, which says who manages it.
func (x *tasking) define(manager string) {
	x.t.Helper()
	crd := kubetest.Untyped("apiextensions.k8s.io/v1", "CustomResourceDefinition")
	crd.SetName(x.kind.CRD)
	crd.SetLabels(map[string]string{approvaltask.ManagedBy: manager})
	_ = x.Delete(x.t.Context(), crd)
	crd.SetResourceVersion("")
	if err := x.Create(x.t.Context(), crd); err != nil {
		x.t.Fatal(err)
	}
	x.wait(time.Minute)
}

// settle reconciles until nothing changes, and returns the CustomRun.
func (x *tasking) settle() *pipelinev1beta1.CustomRun {
	x.t.Helper()
	for range 4 {
		if res := x.step(x.tasks, x.customRun); res.RequeueAfter > 0 && res.RequeueAfter <= outcome.LeaderTakeoverDelay {
			x.wait(res.RequeueAfter)
			x.step(x.tasks, x.customRun)
		}
		for _, a := range x.all() {
			x.step(x.approvals, a.Name)
			x.step(x.abandoned, a.Name)
		}
	}
	return x.run()
}

func (x *tasking) run() *pipelinev1beta1.CustomRun {
	x.t.Helper()
	var cr pipelinev1beta1.CustomRun
	if err := x.Get(x.t.Context(), request(x.customRun).NamespacedName, &cr); err != nil {
		x.t.Fatal(err)
	}
	return &cr
}

func (x *tasking) all() []approvals.Approval {
	x.t.Helper()
	list, err := x.store.List(x.t.Context(), "prod")
	if err != nil {
		x.t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b approvals.Approval) int { return a.Source.Task.Attempt - b.Source.Task.Attempt })
	return list
}

// only is the one Approval there is.
func (x *tasking) only() approvals.Approval {
	x.t.Helper()
	list := x.all()
	if len(list) != 1 {
		x.t.Fatalf("%d approvals, want one; %s", len(list), x.log.String())
	}
	return list[0]
}

// change edits the CustomRun as Tekton or a person does.
func (x *tasking) change(edit func(*pipelinev1beta1.CustomRun)) {
	x.t.Helper()
	cr := x.run()
	edit(cr)
	if err := x.WithWatch.Update(x.t.Context(), cr); err != nil {
		x.t.Fatal(err)
	}
}

// ending is the CustomRun's condition and results: "STATUS REASON message | a=b c=d".
func ending(cr *pipelinev1beta1.CustomRun) string {
	c := cr.Status.GetCondition(apis.ConditionSucceeded)
	if c == nil {
		return ""
	}
	var rs []string
	for _, r := range cr.Status.Results {
		rs = append(rs, r.Name+"="+r.Value)
	}
	return fmt.Sprintf("%s %s %s | %s", c.Status, c.Reason, c.Message, strings.Join(rs, " "))
}

func (x *tasking) event() string {
	select {
	case e := <-x.events.Events:
		return e
	default:
		return ""
	}
}

// TestTaskEnds: what each outcome makes of the CustomRun, for each kind.
func TestTaskEnds(t *testing.T) {
	t.Parallel()
	const all = "decision=%s comment=%s approvedBy=%s rejectedBy=%s"
	type who = func(*tasking, string)
	vote := func(voter string, v approvals.Verdict) who {
		return func(x *tasking, name string) { x.vote(name, voter, v) }
	}
	none := func(x *tasking, _ string) { x.wait(approvals.MaxLifetime) }
	for name, c := range map[string]struct {
		kind string
		do   who
		want string
	}{
		"automatiko approved": {"automatiko", vote("alice", approvals.Approve), "True Succeeded Approval Task has been completed | " + fmt.Sprintf(all, "true", "ok", "alice", "")},
		"automatiko rejected": {"automatiko", vote("bob", approvals.Reject), "True Succeeded Approval Task has been completed | " + fmt.Sprintf(all, "false", "ok", "", "bob")},
		"automatiko expired":  {"automatiko", none, "False CustomRunTimedOut Approval task has timed out | " + fmt.Sprintf(all, "false", "", "", "")},
		"gate approved":       {"manual-approval-gate", vote("alice", approvals.Approve), "True Succeeded TaskRun succeeded | " + fmt.Sprintf(all, "true", "ok", "alice", "")},
		"gate rejected":       {"manual-approval-gate", vote("bob", approvals.Reject), "False Failed Approval Task denied | " + fmt.Sprintf(all, "false", "ok", "", "bob")},
		"gate expired":        {"manual-approval-gate", none, "False CustomRunTimedOut Approval task deploy-1-approval is failed because of timeout | " + fmt.Sprintf(all, "false", "", "", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, c.kind)
			if got := ending(x.settle()); !strings.HasPrefix(got, "Unknown Running ") {
				t.Errorf("picked up: %q", got)
			}
			if cr := x.run(); cr.Status.StartTime == nil || cr.Status.CompletionTime != nil {
				t.Errorf("started %v, completed %v", cr.Status.StartTime, cr.Status.CompletionTime)
			}
			a := x.only()
			if a.Trigger != "" || a.Subject() != "deploy/approval in run deploy-1" || a.Resolved.Requester != "zoe" {
				t.Errorf("%q asked by %q", a.Subject(), a.Resolved.Requester)
			}
			c.do(x, a.Name)
			cr := x.settle()
			if got := ending(cr); got != c.want || cr.Status.CompletionTime == nil {
				t.Errorf("got  %s, completed %v\nwant %s", got, cr.Status.CompletionTime, c.want)
			}
			if a := x.only(); a.AnsweredAt.IsZero() || x.condition(a.Name, v1alpha1.ConditionReleased) != "True TaskCompleted " {
				t.Errorf("answered at %s, released: %s", a.AnsweredAt, x.condition(a.Name, v1alpha1.ConditionReleased))
			}
			before := x.Writes()
			x.settle()
			if n := x.Writes() - before; n != 0 {
				t.Errorf("%d writes after the end", n)
			}
		})
	}
}

// TestKindIsFixed: who edits a CustomRun that waits does not choose what a rejection
// means.
func TestKindIsFixed(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "manual-approval-gate")
	x.settle()
	other, _ := tasks.Find(tasks.Automatiko)
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomRef.APIVersion = other.APIVersion })
	x.vote(x.only().Name, "alice", approvals.Reject)
	if got := ending(x.settle()); !strings.HasPrefix(got, "False Failed Approval Task denied") {
		t.Errorf("made automatiko's: %s", got)
	}

	x = newTasking(t, "manual-approval-gate")
	x.settle()
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomRef.Kind = "Nothing" })
	x.vote(x.only().Name, "alice", approvals.Approve)
	if got := ending(x.settle()); !strings.HasPrefix(got, "True Succeeded TaskRun succeeded") {
		t.Errorf("made nobody's: %s", got)
	}
}

func TestKubeRocketCI(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "kuberocketci")
	x.settle()
	if p := x.only().Resolved.Policy; p.Gate != "kuberocketci" || !p.RBAC || len(p.People()) > 0 {
		t.Errorf("without a Gate: %+v; want what RBAC says, whatever the params name", p)
	}
	if _, _, err := x.desk.Vote(t.Context(), x.only().Key, ct.Ballot("alice", approvals.Approve, "")); approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("somebody whom RBAC lets do nothing: %v", err)
	}
}

func TestTaskCancelled(t *testing.T) {
	t.Parallel()
	cancel := func(cr *pipelinev1beta1.CustomRun) {
		cr.Spec.Status, cr.Spec.StatusMessage = pipelinev1beta1.CustomRunSpecStatusCancelled, pipelinev1beta1.CustomRunCancelledByPipelineMsg
	}
	const want = "False CustomRunCancelled Approval task was cancelled"
	t.Run("while it waits", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) {
			t.Errorf("got %s", got)
		}
		if a := x.only(); a.Outcome != approvals.Cancelled || a.Cancellation == nil || !strings.Contains(a.Cancellation.Reason, "has been cancelled") {
			t.Errorf("%s, %+v", a.Outcome, a.Cancellation)
		}
	})
	t.Run("before it is picked up", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) || len(x.all()) != 0 {
			t.Errorf("got %s and %d approvals", got, len(x.all()))
		}
	})
	t.Run("after the vote, before the answer", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		x.vote(x.only().Name, "alice", approvals.Approve)
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) {
			t.Errorf("got %s", got)
		}
		if a := x.only(); a.Outcome != approvals.Approved || a.Cancellation == nil {
			t.Errorf("%s, %+v: what people said stands, and was not acted on", a.Outcome, a.Cancellation)
		}
	})
}

// TestTaskGone: nobody is asked for a task or a run that is not there any more.
func TestTaskGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*tasking)
		want string
	}{
		"deleted": {func(x *tasking) { x.must(x.Delete(x.t.Context(), x.run())) }, "the task was deleted"},
		"made anew": {func(x *tasking) {
			cr := x.run()
			x.must(x.Delete(x.t.Context(), cr))
			cr.UID, cr.ResourceVersion, cr.Status = "custom-2", "", pipelinev1beta1.CustomRunStatus{}
			x.must(x.Create(x.t.Context(), cr))
		}, "the task was deleted"},
		"its run deleted": {func(x *tasking) {
			pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "deploy-1"}}
			x.must(x.Delete(x.t.Context(), pr))
		}, "its run was deleted"},
		"ended by others": {func(x *tasking) {
			cr := x.run()
			cr.Status.MarkCustomRunSucceeded("Hand", "by hand")
			x.must(x.WithWatch.Status().Update(x.t.Context(), cr))
		}, "the task ended without this decision"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, "automatiko")
			x.settle()
			was := x.only().Name
			c.do(x)
			for range 2 {
				x.step(x.abandoned, was)
			}
			a := x.get(was)
			if a.Outcome != approvals.Cancelled || a.Cancellation == nil || a.Cancellation.Reason != c.want {
				t.Errorf("%s, %+v; want Cancelled because %s", a.Outcome, a.Cancellation, c.want)
			}
		})
	}
	t.Run("its run deleted, and it is still there", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "deploy-1", UID: "run-2"}}
		if got := x.abandoned.WaitingIn(t.Context(), pr); len(got) != 1 || got[0].Name != x.only().Name {
			t.Errorf("its run wakes %v", got)
		}
		x.must(x.Delete(t.Context(), pr))
		if got := ending(x.settle()); !strings.HasPrefix(got, "False CustomRunCancelled") {
			t.Errorf("got %s", got)
		}
		if got := x.abandoned.WaitingIn(t.Context(), pr); len(got) != 0 {
			t.Errorf("what was answered is woken: %v", got)
		}
	})
}

func (x *tasking) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// TestSay: an event takes so many bytes, and whole characters only.
func TestSay(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.tasks.Say(x.run(), "Warning", "Refused", "x"+strings.Repeat("é", 1000))
	if e := x.event(); !utf8.ValidString(e) || !strings.HasSuffix(e, "é…") {
		t.Errorf("%q", e)
	}
}

// TestRefused: what nobody could answer ends at once and says what to change.
func TestRefused(t *testing.T) {
	t.Parallel()
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko", "{name: approvers, value: [alice, bob]}", "{name: x, value: y}")
		if got := ending(x.settle()); !strings.HasPrefix(got, "False ApprovalTaskRefused nobody could decide this: name people in param approvers or groups") {
			t.Errorf("got %s", got)
		}
	})
	for name, c := range map[string]struct {
		param, value, want string
	}{
		"unknown strategy": {"strategy", "ANY", `param strategy is "ANY"`},
		"no such Gate":     {"gate", "other", `there is no Gate "other" in namespace prod: create it`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, "automatiko")
			x.param(c.param, c.value)
			if got := ending(x.settle()); !strings.HasPrefix(got, "False ApprovalTaskRefused "+c.want) || len(x.all()) != 0 {
				t.Errorf("got %s and %d approvals", got, len(x.all()))
			}
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
		if got := ending(x.settle()); !strings.HasPrefix(got, "False ApprovalTaskRefused customSpec is not for approval tasks") {
			t.Errorf("got %s", got)
		}
	})
}

// TestNamespaceIsGoing: the Approvals of a namespace that is being deleted may go before
// its tasks do. That is no mistake of anyone who wrote the task.
func TestNamespaceIsGoing(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*v1alpha1.Approval); !ok || verb != "create" {
			return nil
		}
		err := apierrors.NewForbidden(schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}, "a", errors.New("the namespace is being terminated"))
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
		return err
	})
	if got := ending(x.settle()); strings.Contains(got, "Refused") {
		t.Errorf("got %s", got)
	}
	if e := x.event(); e != "" {
		t.Errorf("event %q", e)
	}
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
	forged.Spec.Resolved, forged.Spec.Signature = &v1alpha1.ResolvedSpec{Gate: "(inline)", Policy: v1alpha1.GateSpec{Approvers: &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "mallory"}}}}}, "AAAA"
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

// TestRecorded: part 2's first task is answered by the decision that started the run,
// and no other.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const inConfigMap = "one whose outcome is written elsewhere"
	setup := func(t *testing.T, world string) (x *tasking, approval, run string) {
		x = newTasking(t, "automatiko")
		for _, o := range kubetest.Objects(t, world) {
			x.must(x.Create(t.Context(), o))
		}
		x.step(x.runs, "plan-1")
		a := x.first()
		x.vote(a.Name, "alice", approvals.Approve)
		// Part 2 has the name that the service gave it, and its own task.
		if run = string(x.get(a.Name).RunName); run == "" {
			run = a.Name
		}
		pr := kubetest.Started(run, "apply", "event-1", x.now()).(*pipelinev1.PipelineRun)
		var like pipelinev1.PipelineRun
		x.must(x.Get(t.Context(), request("deploy-1").NamespacedName, &like))
		pr.Status = like.Status
		x.customRun = pr.Name + "-approval"
		pr.Status.ChildReferences[0].Name = x.customRun
		pr.Status.PipelineSpec.Tasks[0].Params[0].Value = *pipelinev1.NewStructuredValues("Deploy 1.2 to production")
		x.must(x.Create(t.Context(), pr))
		var cr pipelinev1beta1.CustomRun
		x.must(x.Get(t.Context(), request(customRun).NamespacedName, &cr))
		cr.Name, cr.ResourceVersion, cr.OwnerReferences[0].Name, cr.OwnerReferences[0].UID = x.customRun, "", pr.Name, pr.UID
		x.must(x.Create(t.Context(), &cr))
		return x, a.Name, run
	}
	edit := func(x *tasking, name string, edit func(*pipelinev1.PipelineRun)) {
		var pr pipelinev1.PipelineRun
		x.must(x.Get(x.t.Context(), request(name).NamespacedName, &pr))
		edit(&pr)
		x.must(x.WithWatch.Update(x.t.Context(), &pr))
	}
	again := pipelinev1.PipelineTask{Name: "second", TaskRef: &pipelinev1.TaskRef{APIVersion: "openshift-pipelines.org/v1alpha1", Kind: "ApprovalTask"}}
	for name, c := range map[string]struct {
		change func(x *tasking, approval, run string)
		asked  bool
	}{
		"answered": {func(*tasking, string, string) {}, false},
		"a later gate of part 2": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Status.PipelineSpec.Tasks[0].RunAfter = []string{"go"} })
		}, true},
		"two that begin": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Status.PipelineSpec.Tasks = append(pr.Status.PipelineSpec.Tasks, again)
			})
		}, true},
		"a later one beside it": {func(x *tasking, _, run string) {
			later := again
			later.RunAfter = []string{"go"}
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Status.PipelineSpec.Tasks = append(pr.Status.PipelineSpec.Tasks, later)
			})
		}, false},
		"a run of another Trigger": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Labels["triggers.tekton.dev/trigger"] = "other" })
		}, true},
		"a run that turned out to differ": {func(x *tasking, n, run string) {
			x.next(n, "uid-of-"+run)
			_, err := x.store.Update(x.t.Context(), approvals.Key{Namespace: "prod", Name: n}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				a, did := approvals.Accuse(a, approvals.Problem{Reason: approvals.ReasonRunDiffers, Message: "task go was changed"})
				return a, did, nil
			})
			x.must(err)
		}, true},
		"a run of another pipeline": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name = "wipe-db" })
		}, true},
		"a run with another param": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Spec.Params[0].Value = *pipelinev1.NewStructuredValues("sha256:evil")
			})
		}, true},
		"a run from before": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.CreationTimestamp = metav1.NewTime(ct.T0.Add(-time.Hour)) })
		}, true},
		"a Gate of its own": {func(x *tasking, _, _ string) {
			x.must(x.Create(x.t.Context(), kubetest.Objects(x.t, "kind: Gate\nmetadata: {name: strict}\nspec: {approvers: {users: [{name: carol}]}}")[0]))
			x.param("gate", "strict")
		}, true},
		"the Gate that decided": {func(x *tasking, _, _ string) { x.param("gate", "production") }, false},
		// A ConfigMap was told: no run of the Approval's name is its doing.
		inConfigMap:                   {func(*tasking, string, string) {}, true},
		"an undecided one's":          {func(x *tasking, n, _ string) { x.undecide(n) }, true},
		"another run was seen before": {func(x *tasking, n, _ string) { x.next(n, "other-uid") }, true},
		"this run was seen before":    {func(x *tasking, n, run string) { x.next(n, "uid-of-"+run) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := kubetest.World
			if name == inConfigMap {
				world = polled
			}
			x, by, run := setup(t, world)
			c.change(x, by, run)
			x.step(x.tasks, x.customRun)
			got, list := ending(x.run()), x.tasksOnly()
			if c.asked {
				if got != "" || len(list) != 1 {
					t.Errorf("answered %q with %d approvals: people must be asked", got, len(list))
				}
				return
			}
			if got != "True Succeeded Approval Task has been completed | decision=true comment=ok approvedBy=alice rejectedBy=" || len(list) != 0 {
				t.Errorf("got %q and %d approvals", got, len(list))
			}
		})
	}
}

func (x *tasking) first() approvals.Approval {
	x.t.Helper()
	list, err := x.store.List(x.t.Context(), "prod")
	if err != nil || len(list) == 0 {
		x.t.Fatalf("%d approvals, %v", len(list), err)
	}
	return list[0]
}

func (x *tasking) tasksOnly() []approvals.Approval {
	x.t.Helper()
	list, err := x.store.List(x.t.Context(), "prod")
	x.must(err)
	return slices.DeleteFunc(list, func(a approvals.Approval) bool { return a.Source.Task == nil })
}

func (x *tasking) undecide(name string) {
	x.t.Helper()
	var o v1alpha1.Approval
	x.must(x.Get(x.t.Context(), request(name).NamespacedName, &o))
	o.Status.Outcome, o.Status.DecidedAt = "Pending", nil
	x.must(x.WithWatch.Status().Update(x.t.Context(), &o))
}

func (x *tasking) next(name, uid string) {
	x.t.Helper()
	_, err := x.store.Update(x.t.Context(), approvals.Key{Namespace: "prod", Name: name}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.SecondRun = &approvals.Run{Name: name, UID: uid, At: x.now()}
		return a, approvals.Released, nil
	})
	x.must(err)
}

// TestAnsweredByVoter: the process that took the vote answers at once, with one write;
// the leader leaves it that, and then notes what it sees.
func TestAnsweredByVoter(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	stale := x.run()
	x.vote(x.only().Name, "alice", approvals.Approve)
	a, before := x.only(), x.Writes()
	if left := x.step(x.tasks, x.customRun).RequeueAfter; left != outcome.LeaderTakeoverDelay || x.Writes() != before {
		t.Errorf("the leader looks again after %s, and wrote %d times", left, x.Writes()-before)
	}
	for range 2 { // the second finds it done
		x.must(x.tasks.Runs.Answer(t.Context(), a))
	}
	if n := x.Writes() - before; n != 1 || !strings.HasPrefix(ending(x.run()), "True Succeeded") {
		t.Errorf("%d writes, %s", n, ending(x.run()))
	}
	// What a cache that lags behind would have said changes nothing either.
	done := x.run().ResourceVersion
	x.must(x.tasks.Runs.End(t.Context(), stale, kindOf(t, "automatiko"), a))
	if cr := x.run(); cr.ResourceVersion != done {
		t.Errorf("written again: %s", ending(cr))
	}
	x.wait(outcome.QuietPeriod)
	x.step(x.tasks, x.customRun)
	if x.only().AnsweredAt.IsZero() {
		t.Error("the leader did not note it")
	}

	for name, change := range map[string]func(*pipelinev1beta1.CustomRun, *approvals.Task){
		"cancelled": func(cr *pipelinev1beta1.CustomRun, _ *approvals.Task) {
			cr.Spec.Status = pipelinev1beta1.CustomRunSpecStatusCancelled
		},
		"another attempt": func(_ *pipelinev1beta1.CustomRun, task *approvals.Task) { task.Attempt++ },
		"another's name":  func(cr *pipelinev1beta1.CustomRun, _ *approvals.Task) { cr.UID = "other" },
	} {
		x := newTasking(t, "automatiko")
		x.settle()
		x.vote(x.only().Name, "alice", approvals.Approve)
		a := x.only()
		x.change(func(cr *pipelinev1beta1.CustomRun) { change(cr, a.Source.Task) })
		x.must(x.tasks.Runs.Answer(t.Context(), a))
		if cr := x.run(); cr.IsDone() {
			t.Errorf("%s: %s", name, ending(cr))
		}
	}
}

func kindOf(t *testing.T, name string) tasks.Mapping {
	t.Helper()
	kind, ok := tasks.Find(name)
	if !ok {
		t.Fatalf("no kind %s", name)
	}
	return kind
}

// TestKilled: whichever write is the last before the process dies, the next process
// goes on from there, and the answer is written once.
func TestKilled(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		t.Run(fmt.Sprintf("after %d writes", n), func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, "automatiko")
			x.settle()
			x.vote(x.only().Name, "alice", approvals.Approve)
			x.wait(outcome.LeaderTakeoverDelay)
			left := n
			x.Fail(func(verb string, _ runtime.Object) error {
				if verb == "get" || verb == "list" {
					return nil
				}
				if left--; left < 0 {
					return errors.New("killed")
				}
				return nil
			})
			_, _ = x.tasks.Reconcile(t.Context(), request(customRun))
			x.Fail(nil)
			cr := x.settle()
			if got := ending(cr); !strings.HasPrefix(got, "True Succeeded") {
				t.Errorf("got %s", got)
			}
			if a := x.only(); a.AnsweredAt.IsZero() {
				t.Error("not seen to be answered")
			}
			if o := x.object(customRun); o == nil || o.GetLabels()["decision"] != "approved" {
				t.Errorf("its object: %v", o)
			}
		})
	}
}

func (x *tasking) object(name string) *unstructured.Unstructured {
	x.t.Helper()
	o := kubetest.Untyped(x.kind.APIVersion, x.kind.Kind)
	if err := x.Get(x.t.Context(), types.NamespacedName{Namespace: "prod", Name: name}, o); err != nil {
		return nil
	}
	return o
}

// TestMirrors: each kind's own object says what the Approval says.
func TestMirrors(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	say := func(o *unstructured.Unstructured, fields ...string) string {
		s, _, _ := unstructured.NestedString(o.Object, fields...)
		return s
	}
	o := x.object(customRun)
	if o == nil {
		t.Fatalf("no ApprovalTask; %s", x.log.String())
	}
	if l := o.GetLabels(); l["decision"] != "pending" || l["responses"] != "0_of_1" || l[approvaltask.ManagedBy] != approvaltask.Manager {
		t.Errorf("labels %v", l)
	}
	if len(o.GetOwnerReferences()) != 1 || o.GetOwnerReferences()[0].UID != "custom-1" {
		t.Errorf("owners %v: it must go with its CustomRun", o.GetOwnerReferences())
	}
	if u, want := say(o, "status", "approvalUrl"), "https://approve.example.com/approvals/prod/"+x.only().Name; u != want || say(o, "status", "status") != "pending" {
		t.Errorf("approvalUrl %q, status %q", u, say(o, "status", "status"))
	}
	if say(o, "spec", "pipeline") != customRun || say(o, "spec", "strategy") != "SINGLE" || say(o, "spec", "description") != "Deploy 1.2 to production" {
		t.Errorf("spec %v", o.Object["spec"])
	}
	x.vote(x.only().Name, "bob", approvals.Reject)
	x.settle()
	o = x.object(customRun)
	if l := o.GetLabels(); l["decision"] != "rejected" || l["responses"] != "1_of_1" {
		t.Errorf("labels %v", l)
	}
	if say(o, "status", "approvalUrl") != "" || say(o, "status", "status") != "completed" || say(o, "status", "results", "rejectedBy") != "bob" || say(o, "status", "results", "decision") != "false" {
		t.Errorf("status %v", o.Object["status"])
	}

	x = newTasking(t, "kuberocketci")
	g := &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "kuberocketci"}}
	g.Spec.Approvers = &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "carol"}}}
	x.must(x.Create(t.Context(), g))
	x.settle()
	name := customRun + "-approval"
	if o = x.object(name); o == nil || say(o, "spec", "action") != "Pending" || o.GetLabels()["tekton.dev/pipelineTask"] != "approval" {
		t.Fatalf("%v", o)
	}
	if woken := approvaltask.ShownBy(t.Context(), o); len(woken) != 1 || woken[0].Name != customRun {
		t.Errorf("an edit of it wakes %v", woken)
	}
	theirs := o.DeepCopy()
	theirs.SetLabels(nil)
	if woken := approvaltask.ShownBy(t.Context(), theirs); len(woken) != 0 {
		t.Errorf("an edit of somebody else's wakes %v", woken)
	}
	// Anyone who writes it decides nothing.
	x.must(unstructured.SetNestedField(o.Object, "Approved", "spec", "action"))
	x.must(x.WithWatch.Update(t.Context(), o))
	if cr := x.settle(); cr.IsDone() || say(x.object(name), "spec", "action") != "Pending" {
		t.Errorf("%s, and the object says %s", ending(cr), say(x.object(name), "spec", "action"))
	}
	x.vote(x.only().Name, "carol", approvals.Reject)
	if got := ending(x.settle()); got != "False Rejected Pipeline run was rejected | approved=false approvedBy=carol comment=ok" {
		t.Errorf("got %s", got)
	}
	if o = x.object(name); say(o, "spec", "action") != "Rejected" || say(o, "spec", "approve", "approvedBy") != "carol" {
		t.Errorf("spec %v", o.Object["spec"])
	}
}
