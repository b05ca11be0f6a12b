package lifecycle

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// observe records the run that the cache has under the Approval's name for it, if it is its.
func (r *Approvals) observe(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	if x.found, err = r.Proofs.Look(ctx, x.a); err != nil || x.found.Run != nil {
		return r.sighted(ctx, x, err)
	}
	return res, false, nil
}

// observeDeleted records the run that was seen and that somebody has deleted since.
func (r *Approvals) observeDeleted(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	gone, err := r.goneSince(ctx, x.a)
	if err != nil || gone.Run == nil {
		return res, err != nil, err
	}
	return res, true, r.confirm(ctx, x.a, gone)
}

// observeLive asks the API server for the run: the cache may lag behind what was posted
// before, by whomever.
func (r *Approvals) observeLive(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	x.found, err = r.Proofs.LookLive(ctx, x.a)
	switch {
	case err != nil || x.found.Run != nil:
		return r.sighted(ctx, x, err)
	case x.found.Problem != nil:
		return r.strange(ctx, x.a, *x.found.Problem)
	}
	return res, false, nil
}

// sighted records the run that was found, when the API server has time for that.
func (r *Approvals) sighted(ctx context.Context, x *work, err error) (ctrl.Result, bool, error) {
	if err != nil {
		return ctrl.Result{}, true, err
	}
	a, found := x.a, x.found
	if a.Resolved.Policy.VerifyBeforeStart {
		if started, res, err := r.start(ctx, a, found); !started || err != nil {
			return res, true, err
		}
	}
	r.seen.note(a.Key, found)
	r.Throttle.Seen(key(a.Key), a.DecidedAt)
	if left := r.Yield(a, r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	return ctrl.Result{}, true, r.confirm(ctx, a, found)
}

// Yield returns the time for which writing that a's run was observed is postponed.
func (r *Approvals) Yield(a approvals.Approval, now time.Time) time.Duration {
	quiet := r.Throttle.quietAt(a.Namespace, now)
	return min(quiet.Sub(now), outcome.LeftOf(MaxYield, a.DecidedAt, now))
}

// goneSince is the run that a started and that somebody has deleted since. It has been there
// all the same, and must not be started again.
func (r *Approvals) goneSince(ctx context.Context, a approvals.Approval) (verifyrun.Sighting, error) {
	seen, pr := r.seen.of(a.Key)
	if seen.Run != nil && seen.Run.Name != string(a.RunName) { // of an attempt before
		return verifyrun.Sighting{}, nil
	}
	if seen.Run != nil || pr == nil {
		return seen, nil
	}
	found, err := r.Proofs.See(ctx, a, pr)
	if err != nil || found.Run == nil { // it was a stranger's
		return verifyrun.Sighting{}, err
	}
	return found, nil
}
