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

// releaseTarget writes the outcome to the Approval's target until it has been read
// back. The Approval's UID, which the write leaves there, is the key: however often it
// is tried, it is written once.
func (r *Approvals) releaseTarget(ctx context.Context, a approvals.Approval) (ctrl.Result, error) {
	now := r.Now()
	if _, did := approvals.GiveUp(a, now); did == approvals.Stopped {
		return ctrl.Result{}, r.end(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
			return approvals.GiveUp(a, now)
		})
	}
	attempt, due := r.Releaser.Attempts.Get(a.Key, now)
	if left := outcome.LeftToVoter(a, now); left > 0 && attempt.Posts == 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if attempt.Err != nil && due > 0 {
		return ctrl.Result{RequeueAfter: due}, r.reportError(ctx, a, attempt)
	}
	if due == 0 {
		if err := r.Releaser.Release(ctx, a); err != nil {
			attempt, due = r.Releaser.Attempts.Get(a.Key, r.Now())
			return ctrl.Result{RequeueAfter: due}, r.reportError(ctx, a, attempt)
		}
	}
	seen, ok, err := r.Releaser.Targets.Confirm(ctx, a, r.Now())
	if err != nil {
		return ctrl.Result{RequeueAfter: Again}, r.Unreleased(ctx, a, release.ProblemOf(err))
	}
	if !ok { // another process is at it, or has been refused
		return ctrl.Result{RequeueAfter: Again}, nil
	}
	return ctrl.Result{}, r.confirmTarget(ctx, seen)
}

// Again is how soon a target is looked at that was written and does not show it, or
// for a run that is not there yet; the latter at growing intervals up to maxAgain.
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
		a.Effect, a.Next, a.Unreleased = seen.Effect, seen.Next, nil
		return a, approvals.Released, nil
	})
	if err != nil {
		return err
	}
	r.Releaser.Attempts.Forget(a.UID)
	r.Confirmed(a)
	r.Log.Info("outcome written", "namespace", a.Namespace, "approval", a.Name, "target", a.Terms.Target.String())
	return nil
}
