package lifecycle

import (
	"context"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// ReadSoon is the pause before the next look at a run that was started and that Tekton has not
// read yet, or one of its tasks. A change of the run wakes the controller before, as a rule.
const ReadSoon = 500 * time.Millisecond

// start lets a's run go, which was made pending, once what it refers to was compared; and
// says when it has begun with that. One that differs was cancelled, and ends the attempts.
func (r *Approvals) start(ctx context.Context, a approvals.Approval, found verifyrun.Sighting) (started bool, res ctrl.Result, err error) {
	started, problem, err := r.Starter.Start(ctx, a, found.Run)
	switch {
	case err != nil:
		if p := release.ProblemOf(err); p.Reason == verifyrun.RunForbidden {
			return false, ctrl.Result{RequeueAfter: StrangerAgain}, r.Unreleased(ctx, a.Key, p)
		}
		return false, ctrl.Result{}, err
	case problem != nil:
		r.say(a.Key, *problem)
		r.Log.Warn("run cancelled", "namespace", a.Namespace, "approval", a.Name, "run", found.Run.Name, "reason", problem.Message)
		now := r.Now()
		_, err := r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
			return approvals.Withhold(a, *problem, now)
		})
		return false, ctrl.Result{}, err
	case !started:
		return false, ctrl.Result{RequeueAfter: ReadSoon}, nil
	}
	return true, ctrl.Result{}, nil
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
