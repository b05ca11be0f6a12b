package approvaltask

import (
	"context"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// believe leaves alone an Approval whose signature does not verify.
func (r *Tasks) believe(_ context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if x.a.Resolved == nil {
		if !x.cr.IsDone() {
			r.Say(x.cr, corev1.EventTypeWarning, convert.SignatureInvalid, "approval "+x.a.Name+" does not count, because its signature is not by a key of this service: delete it, and Countersign opens a new one")
		}
		return res, true, nil
	}
	// What an outcome means is signed: anyone who may edit CustomRuns could else have a
	// rejection succeed, by making theirs one of a kind in which it does.
	var ok bool
	if x.kind, ok = tasks.Find(x.a.Source.Task.Mapping); !ok {
		return res, true, approvals.Errorf(approvals.CodeInternal, "approval %s is of kind %q, which this version does not know", x.a.Key, x.a.Source.Task.Mapping)
	}
	return res, false, nil
}

// abandonCancelled ends the Approval of a task that was cancelled, and the task.
func (r *Tasks) abandonCancelled(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if x.cr.IsDone() || !x.cr.IsCancelled() {
		return res, false, nil
	}
	if x.a, err = r.cancel(ctx, x.a, x.cr); err != nil {
		return res, true, err
	}
	return res, false, r.Runs.Finish(ctx, x.cr, x.kind.Ends[approvals.Cancelled], append(x.a.Results, x.a.Inputs...), true)
}

// pickUp writes Unknown Running into the CustomRun, so that people see that it is looked after.
func (r *Tasks) pickUp(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if x.cr.IsDone() || x.cr.IsCancelled() || x.a.Decided() {
		return res, false, nil
	}
	return res, false, r.Runs.PickUp(ctx, x.cr, x.a.Name)
}

// answer writes the outcome into the CustomRun, whose event brings the rest. The replica that
// took the deciding vote does so at once, so that is waited for.
func (r *Tasks) answer(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if x.cr.IsDone() || x.cr.IsCancelled() || !x.a.ToAnswer() && !stillAnswers(x.a) {
		return res, false, nil
	}
	if left := outcome.LeftToVoter(x.a, r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	return res, true, r.Runs.End(ctx, x.cr, x.kind, x.a)
}

// noteAnswered notes on the Approval that the CustomRun has its answer. It leaves the API
// server to what goes on now.
func (r *Tasks) noteAnswered(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if !x.cr.IsDone() || !x.a.ToAnswer() {
		return res, false, nil
	}
	if left := outcome.LeftOf(outcome.QuietPeriod, x.a.DecidedAt, r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	x.a, err = r.answered(ctx, x.a)
	return res, false, err
}

// stillAnswers reports whether a task that runs again, after it had its answer, has the same
// one: somebody reset its status. What was cancelled before it was answered never is.
func stillAnswers(a approvals.Approval) bool {
	return a.Decided() && !a.AnsweredAt.IsZero() && (a.Cancellation == nil || a.Outcome == approvals.Cancelled)
}

// cancel ends a, whose task is cancelled.
func (r *Tasks) cancel(ctx context.Context, a approvals.Approval, cr *pipelinev1beta1.CustomRun) (approvals.Approval, error) {
	why := string(cr.Spec.StatusMessage)
	if why == "" {
		why = "its task was cancelled"
	}
	return r.abandon(ctx, a, why, false)
}

// abandon ends a, which nobody waits for. When its task has ended that may be by a's own
// decision, written by the replica that took the vote: the cache may hear of the end
// first, and what the API server has says which it is.
func (r *Tasks) abandon(ctx context.Context, a approvals.Approval, why string, ended bool) (approvals.Approval, error) {
	now := r.Now()
	return r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		if ended && a.Decided() {
			return approvals.Answer(a, now)
		}
		return approvals.Abandon(a, why, now)
	})
}

// answered notes that the CustomRun has its answer.
func (r *Tasks) answered(ctx context.Context, a approvals.Approval) (approvals.Approval, error) {
	return r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a, did := approvals.Answer(a, r.Now())
		return a, did, nil
	})
}
