package servicetest

import (
	"strings"
	"testing"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// rejecting are the kinds of which a rejection fails the task.
func rejecting(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range tasks.All() {
		if !m.Ends[approvals.Rejected].Succeeded {
			out = append(out, m.Name)
		}
	}
	if len(out) < 2 {
		t.Fatalf("kinds of which a rejection fails the task: %v", out)
	}
	return out
}

// decidable is a world in which alice and bob decide on a task of any kind.
func decidable(t *testing.T, kind string, retries int) *tasking {
	t.Helper()
	x := newTasking(t, kind)
	if kind == tasks.KubeRocketCI {
		g := &v1alpha1.Gate{}
		g.Namespace, g.Name = "prod", "kuberocketci"
		g.Spec.Approvers = &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "alice"}, {Name: "bob"}}}
		g.Spec.ExpiresAfter = "1h"
		g.Spec.Strategy, g.Spec.Requester = v1alpha1.Strategy(approvals.Single), v1alpha1.RequesterRule(approvals.RequesterExclude)
		x.must(x.Create(t.Context(), g))
	}
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = retries })
	return x
}

// rejected fails the test unless the task ended rejected after one question.
func (x *tasking) rejected(t *testing.T, when string) {
	t.Helper()
	cr, no := x.run(), x.kind.Ends[approvals.Rejected]
	if got := ending(cr); !strings.HasPrefix(got, "False "+no.Reason+" "+no.Message) || cr.Status.CompletionTime == nil {
		t.Errorf("%s: %s, completed %v", when, got, cr.Status.CompletionTime)
	}
	if n := len(x.all()); n != 1 {
		t.Errorf("%s: asked %d times", when, n)
	}
}

// TestRejectionIsFinal: whatever `retries` says, nobody is asked again because somebody
// said no: not by us, and not when the CustomRun's status is reset or the CustomRun is
// made again.
func TestRejectionIsFinal(t *testing.T) {
	t.Parallel()
	for _, kind := range rejecting(t) {
		reject := func(t *testing.T, retries int) *tasking {
			t.Helper()
			x := decidable(t, kind, retries)
			x.settle()
			x.vote(x.only().Name, "bob", approvals.Reject)
			x.settle()
			x.rejected(t, "rejected")
			return x
		}
		t.Run(kind+" with several retries", func(t *testing.T) {
			t.Parallel()
			for _, retries := range []int{0, 1, 5} {
				x := reject(t, retries)
				if n := len(x.run().Status.RetriesStatus); n != 0 {
					t.Errorf("retries %d: %d noted", retries, n)
				}
				if a := x.only(); a.AnsweredAt.IsZero() {
					t.Error("it was not seen to be answered")
				}
			}
		})
		t.Run(kind+" with retries set later", func(t *testing.T) {
			t.Parallel()
			x := reject(t, 0)
			x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 3 })
			x.settle()
			x.rejected(t, "retries set after the rejection")
			x = decidable(t, kind, 0)
			x.settle()
			x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 3 })
			x.vote(x.only().Name, "bob", approvals.Reject)
			x.settle()
			x.rejected(t, "retries set while it waited")
		})
		t.Run(kind+" with its status reset", func(t *testing.T) {
			t.Parallel()
			for when, reset := range map[string]func(*pipelinev1beta1.CustomRun){
				"to nothing": func(cr *pipelinev1beta1.CustomRun) { cr.Status = pipelinev1beta1.CustomRunStatus{} },
				"to running": func(cr *pipelinev1beta1.CustomRun) {
					cr.Status.CompletionTime = nil
					cr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Running"})
				},
				"as a retry": anotherAttempt,
				"as three retries": func(cr *pipelinev1beta1.CustomRun) {
					anotherAttempt(cr)
					cr.Status.RetriesStatus = append(cr.Status.RetriesStatus, cr.Status.RetriesStatus[0], cr.Status.RetriesStatus[0])
				},
				"as retries of something else": func(cr *pipelinev1beta1.CustomRun) {
					cr.Status = pipelinev1beta1.CustomRunStatus{}
					cr.Status.RetriesStatus = make([]pipelinev1beta1.CustomRunStatus, 2)
				},
			} {
				x := reject(t, 4)
				x.reset(reset)
				x.settle()
				x.rejected(t, "reset "+when)
				x.settle()
				x.rejected(t, "reset "+when+", looked at again")
			}
		})
		t.Run(kind+" with its CustomRun made again", func(t *testing.T) {
			t.Parallel()
			x := reject(t, 2)
			cr := x.run()
			x.must(x.Delete(t.Context(), cr))
			cr.UID, cr.ResourceVersion, cr.Status = "custom-2", "", pipelinev1beta1.CustomRunStatus{}
			x.must(x.Create(t.Context(), cr))
			x.settle()
			x.rejected(t, "made again")
		})
		t.Run(kind+" with its Approval gone", func(t *testing.T) {
			t.Parallel()
			x := reject(t, 2)
			x.reset(anotherAttempt)
			o := &v1alpha1.Approval{}
			o.Namespace, o.Name = "prod", x.only().Name
			x.must(x.Delete(t.Context(), o))
			x.settle()
			if n := len(x.all()); n != 0 || !x.run().IsFailure() {
				t.Errorf("%s, %d new questions", ending(x.run()), n)
			}
		})
		t.Run(kind+" and nothing is taken back", func(t *testing.T) {
			t.Parallel()
			x := reject(t, 2)
			for _, v := range []approvals.Verdict{approvals.Withdraw, approvals.Approve} {
				b := ct.Ballot("bob", v, "")
				if _, _, err := x.desk.Vote(t.Context(), x.only().Key, b); approvals.CodeOf(err) != approvals.CodeConflict {
					t.Errorf("%s after the rejection: %v", v, err)
				}
			}
			x.settle()
			x.rejected(t, "after somebody tried to take it back")
		})
	}
}

// reset edits the CustomRun's status, as anyone who may write it can.
func (x *tasking) reset(edit func(*pipelinev1beta1.CustomRun)) {
	x.t.Helper()
	cr := x.run()
	edit(cr)
	x.must(x.WithWatch.Status().Update(x.t.Context(), cr))
}

// anotherAttempt does with a failed attempt what Tekton's contract says: its status is kept in
// RetriesStatus, and the task runs again.
func anotherAttempt(cr *pipelinev1beta1.CustomRun) {
	failed := *cr.Status.DeepCopy()
	failed.RetriesStatus = nil
	cr.Status.RetriesStatus = append(cr.Status.RetriesStatus, failed)
	cr.Status.CompletionTime, cr.Status.Results = nil, nil
	cr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Running"})
}

// TestRetries: what nobody decided in time is noted and asked anotherAttempt, under a new Approval,
// until the retries are used up; the first decision ends that, and so does a cancellation.
func TestRetries(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "manual-approval-gate")
	x.Clock = x.now
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 2 })
	for attempt := range 3 {
		x.settle()
		list := x.all()
		if len(list) != attempt+1 || list[attempt].Source.Task.Attempt != attempt {
			t.Fatalf("attempt %d has %d approvals", attempt, len(list))
		}
		x.wait(2 * time.Hour)
		cr := x.settle()
		if attempt < 2 {
			if cr.IsDone() || len(cr.Status.RetriesStatus) != attempt+1 || cr.Status.CompletionTime != nil || len(cr.Status.Results) != 0 {
				t.Fatalf("after attempt %d: %s, %d retries noted, completed %v", attempt, ending(cr), len(cr.Status.RetriesStatus), cr.Status.CompletionTime)
			}
			noted := &pipelinev1beta1.CustomRun{Status: cr.Status.RetriesStatus[attempt]}
			if got := ending(noted); !strings.HasPrefix(got, "False CustomRunTimedOut") || noted.Status.CompletionTime == nil || len(noted.Status.RetriesStatus) != 0 {
				t.Errorf("noted: %s", got)
			}
		}
		if a := x.all()[attempt]; a.Outcome != approvals.Expired {
			t.Errorf("attempt %d: %s", attempt, a.Outcome)
		}
	}
	x.wait(outcome.LeaderTakeoverDelay)
	x.settle()
	for attempt, a := range x.all() {
		if a.AnsweredAt.IsZero() {
			t.Errorf("attempt %d was not seen to be answered", attempt)
		}
	}
	if cr := x.run(); !cr.IsFailure() || len(cr.Status.RetriesStatus) != 2 || len(x.all()) != 3 {
		t.Errorf("at the end: %s, %d retries, %d approvals", ending(cr), len(cr.Status.RetriesStatus), len(x.all()))
	}

	for _, v := range []approvals.Verdict{approvals.Approve, approvals.Reject} {
		x = newTasking(t, "manual-approval-gate")
		x.Clock = x.now
		x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 2 })
		x.settle()
		x.wait(2 * time.Hour)
		x.settle()
		x.vote(x.all()[1].Name, "alice", v)
		if cr := x.settle(); !cr.IsDone() || len(cr.Status.RetriesStatus) != 1 || len(x.all()) != 2 {
			t.Errorf("%s at the second attempt: %s, %d retries, %d approvals", v, ending(cr), len(cr.Status.RetriesStatus), len(x.all()))
		}
	}

	x = newTasking(t, "manual-approval-gate")
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 2 })
	x.settle()
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Status = pipelinev1beta1.CustomRunSpecStatusCancelled })
	if cr := x.settle(); !cr.IsFailure() || len(cr.Status.RetriesStatus) != 0 || len(x.all()) != 1 {
		t.Errorf("cancelled: %s, %d retries, %d approvals", ending(cr), len(cr.Status.RetriesStatus), len(x.all()))
	}
}
