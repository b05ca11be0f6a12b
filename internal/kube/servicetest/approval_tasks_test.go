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

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
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

// define puts up the kind's definition, with the label that names its manager.
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

// only returns the Approval that there is, and fails the test unless there is exactly one.
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
	if got := ending(x.settle()); !strings.HasPrefix(got, "False Failed ") {
		t.Errorf("made automatiko's: %s", got)
	}

	x = newTasking(t, "manual-approval-gate")
	x.settle()
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.CustomRef.Kind = "Nothing" })
	x.vote(x.only().Name, "alice", approvals.Approve)
	if got := ending(x.settle()); !strings.HasPrefix(got, "True Succeeded ") {
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
