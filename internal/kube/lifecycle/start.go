package lifecycle

import (
	"context"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// ReadSoon is how soon a run is looked at again that was let go and that Tekton has not
// read yet, or one of its tasks: a change of the run wakes us before, as a rule.
const ReadSoon = 500 * time.Millisecond

// start lets a's run go, which was made pending, once what it refers to was compared; and
// says when it has begun with that. One that differs was cancelled, and ends the attempts.
func (r *Approvals) start(ctx context.Context, a approvals.Approval, found verifyrun.Sighting) (started bool, res ctrl.Result, err error) {
	started, problem, err := r.Starter.Start(ctx, a, found.Run)
	switch {
	case err != nil:
		if p := release.ProblemOf(err); p.Reason == verifyrun.RunForbidden {
			return false, ctrl.Result{RequeueAfter: StrangerAgain}, r.Unreleased(ctx, a, p)
		}
		return false, ctrl.Result{}, err
	case problem != nil:
		r.say(a, *problem)
		r.Log.Warn("run cancelled", "namespace", a.Namespace, "approval", a.Name, "run", found.Run.Name, "reason", problem.Message)
		now := r.Now()
		return false, ctrl.Result{}, r.end(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
			return approvals.Withhold(a, *problem, now)
		})
	case !started:
		return false, ctrl.Result{RequeueAfter: ReadSoon}, nil
	}
	return true, ctrl.Result{}, nil
}

// strange reports a run under the name of a's that is not a's. One that waits to be let go
// is cancelled: it never will be.
func (r *Approvals) strange(ctx context.Context, a approvals.Approval, p approvals.Problem) (ctrl.Result, error) {
	r.say(a, p)
	if a.Terms.Policy.VerifyBeforeStart && p.Reason == verifyrun.NameTaken {
		if err := r.Starter.Cancel(ctx, a, string(a.RunName)); err != nil && release.ProblemOf(err).Reason != verifyrun.RunForbidden {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{RequeueAfter: StrangerAgain}, r.Unreleased(ctx, a, p)
}

// say makes an Event of p on a, beside the condition: a run that is not what was approved
// is somebody's doing.
func (r *Approvals) say(a approvals.Approval, p approvals.Problem) {
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name, o.UID = a.Namespace, a.Name, types.UID(a.UID)
	r.Reports.Say(o, p.Reason, approvals.Errorf(approvals.CodeConflict, "%s", p.Message))
}

// notStarted is for a run that came when it was not wanted any more: it is cancelled while
// it is pending, and recorded when it has begun.
func (r *Approvals) notStarted(ctx context.Context, a approvals.Approval, found verifyrun.Sighting) error {
	if a.Unreleased != nil && a.Unreleased.Reason == approvals.ReasonRunDiffers {
		return r.Starter.Cancel(ctx, a, found.Run.Name) // if we were killed before that
	}
	var pr pipelinev1.PipelineRun
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: found.Run.Name}, &pr)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case pr.IsPending():
		return r.Starter.Cancel(ctx, a, found.Run.Name)
	case pr.IsCancelled():
		return nil
	}
	return r.confirm(ctx, a, found)
}

// follow looks at the tasks of a run that was let go, as they come, until it has ended.
func (r *Approvals) follow(ctx context.Context, a approvals.Approval) (ctrl.Result, error) {
	var pr pipelinev1.PipelineRun
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: a.Next.Name}, &pr)
	gone := apierrors.IsNotFound(err) || err == nil && string(pr.UID) != a.Next.UID
	if err != nil && !gone {
		return ctrl.Result{}, err
	}
	long := pr.IsDone() && pr.Status.CompletionTime != nil && pr.Status.CompletionTime.Time.Before(r.began)
	if gone || long || a.Unreleased != nil {
		r.Proofs.Forget(a)
		return ctrl.Result{}, nil
	}
	r.Proofs.Awaited.Add(a)
	problem, unread, err := r.Starter.Follow(ctx, a, r.began)
	if err != nil {
		return ctrl.Result{}, err
	}
	if problem != nil {
		r.say(a, *problem)
		r.Log.Warn("run differs", "namespace", a.Namespace, "approval", a.Name, "run", pr.Name, "reason", problem.Message)
		_, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a, did := approvals.Accuse(a, *problem)
			return a, did, nil
		})
		return ctrl.Result{}, err
	}
	switch {
	case pr.IsDone():
		r.Proofs.Forget(a)
	case unread:
		return ctrl.Result{RequeueAfter: ReadSoon}, nil
	}
	return ctrl.Result{}, nil
}
