package lifecycle

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/release"
)

// writeTarget writes the outcome to the Approval's target. The Approval's UID, which the write
// leaves there, is the key: however often it is tried, it is written once.
func (r *Approvals) writeTarget(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	attempt, due := r.Releaser.Attempts.Get(x.a.Key, x.now)
	if left := outcome.LeftToVoter(x.a, x.now); left > 0 && attempt.Posts == 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	if attempt.Err != nil && due > 0 {
		return ctrl.Result{RequeueAfter: due}, true, r.reportError(ctx, x.a.Key, attempt)
	}
	if due > 0 {
		return res, false, nil
	}
	if err := r.Releaser.Release(ctx, x.a); err != nil {
		attempt, due = r.Releaser.Attempts.Get(x.a.Key, r.Now())
		return ctrl.Result{RequeueAfter: due}, true, r.reportError(ctx, x.a.Key, attempt)
	}
	return res, false, nil
}

// observeTarget records the outcome once it has been read back.
func (r *Approvals) observeTarget(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	seen, ok, err := r.Releaser.Targets.Confirm(ctx, x.a, r.Now())
	if err != nil {
		return ctrl.Result{RequeueAfter: Again}, true, r.Unreleased(ctx, x.a.Key, release.ProblemOf(err))
	}
	if !ok { // another process is at it, or has been refused
		return ctrl.Result{RequeueAfter: Again}, true, nil
	}
	return res, true, r.confirmTarget(ctx, seen)
}

// Again is the pause before the next look at a target that was written and does not show it,
// or at a run that does not exist yet; the latter grows up to maxAgain.
const (
	Again    = 2 * time.Second
	maxAgain = 10 * time.Minute
)

// confirmTarget records what was read back: the last write of an Approval's life.
func (r *Approvals) confirmTarget(ctx context.Context, seen approvals.Approval) error {
	if err := hold.HandClaims(ctx, r.Client, r.Live, seen); err != nil {
		return err
	}
	a, err := r.Store.Update(ctx, seen.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if a.Effect != nil {
			return a, approvals.NoChange, nil
		}
		a.Effect, a.SecondRun, a.Unreleased = seen.Effect, seen.SecondRun, nil
		return a, approvals.Released, nil
	})
	if err != nil {
		return err
	}
	r.Releaser.Attempts.Forget(a.UID)
	r.Confirmed(a)
	r.Log.Info("outcome written", "namespace", a.Namespace, "approval", a.Name, "target", a.Resolved.Target.String())
	return nil
}
