package lifecycle

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/release"
)

// forceRetry begins the attempts again when somebody has asked for that.
func (r *Approvals) forceRetry(_ context.Context, x *work) (res ctrl.Result, done bool, err error) {
	r.Releaser.Attempts.ForceRetry(x.a.Key, x.a.RetryRequestedAt)
	return res, false, nil
}

// leaveToPosts does nothing for an Approval whose voter's process posts just now, as others
// of its namespace do: in a burst the processors are for the posts.
func (r *Approvals) leaveToPosts(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	left := r.leftToPosts(x.a, x.now)
	if left <= 0 {
		return res, false, nil
	}
	r.Proofs.Expect(ctx, x.a)
	if pr := r.Proofs.Peek(ctx, x.a); pr != nil {
		r.seen.peek(x.a.Key, pr)
	}
	return ctrl.Result{RequeueAfter: left}, true, nil
}

// leftToPosts returns the time for which nothing needs to be done for a.
func (r *Approvals) leftToPosts(a approvals.Approval, now time.Time) time.Duration {
	left := outcome.LeftToVoter(a, now)
	if left <= 0 || a.Resolved.Policy.VerifyBeforeStart { // whose run waits for us
		return 0
	}
	if attempt, _ := r.Releaser.Attempts.Get(a.Key, now); attempt.Err != nil {
		return 0 // which people are to be told
	}
	r.Throttle.Waits(key(a.Key), a.DecidedAt)
	return min(left, r.Throttle.lastIn(a.Namespace).Add(outcome.QuietPeriod).Sub(now))
}

// leaveToVoter waits while the first post is still the voter's process's to make, or the
// next one is not due.
func (r *Approvals) leaveToVoter(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	r.Proofs.Expect(ctx, x.a)
	var due time.Duration
	x.attempt, due = r.Releaser.Attempts.Get(x.a.Key, x.now)
	if left := outcome.LeftToVoter(x.a, x.now); left > 0 && x.attempt.Posts == 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	if due > 0 {
		return ctrl.Result{RequeueAfter: due}, true, r.reportError(ctx, x.a.Key, x.attempt)
	}
	return res, false, nil
}

// explain says why there is no run of an event that was taken and whose time is up.
func (r *Approvals) explain(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	if x.attempt.Posts == 0 || x.attempt.Err != nil {
		return res, false, nil
	}
	return res, false, r.Unreleased(ctx, x.a.Key, r.Diagnosis.Why(ctx, x.a))
}

// post posts the event. The run's name, which follows from the Approval's UID and the key
// that its signature is by, is what makes that start it once: whatever is posted again meets
// the run that is there.
func (r *Approvals) post(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	// The cache of Approvals may lag behind: one whose run was seen and then deleted starts
	// no other.
	fresh, err := r.Store.Fresh(ctx, x.a.Key)
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound || err == nil && !fresh.ToRelease():
		return res, true, nil
	case err != nil:
		return res, true, err
	}
	err = r.Releaser.Release(ctx, fresh)
	attempt, due := r.Releaser.Attempts.Get(x.a.Key, r.Now())
	if err != nil {
		return ctrl.Result{RequeueAfter: due}, true, r.reportError(ctx, x.a.Key, attempt)
	}
	return ctrl.Result{RequeueAfter: max(due, 100*time.Millisecond)}, true, nil
}

func (r *Approvals) reportError(ctx context.Context, k approvals.Key, attempt release.Attempt) error {
	if attempt.Err == nil {
		return nil
	}
	return r.Unreleased(ctx, k, release.ProblemOf(attempt.Err))
}

// Unreleased writes why there is no run yet; the same words again write nothing.
func (r *Approvals) Unreleased(ctx context.Context, k approvals.Key, p approvals.Problem) error {
	_, err := r.Store.Update(ctx, k, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if !a.ToRelease() { // it has come meanwhile, or is not wanted any more
			return a, approvals.NoChange, nil
		}
		a.Unreleased = &p
		return a, approvals.Blocking, nil
	})
	return err
}
