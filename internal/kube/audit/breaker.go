package audit

import (
	"context"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
)

// AskAgain is the pause after a failure of the store, at first, and maxAskAgain at most. One
// Approval tries it, for all.
const AskAgain, maxAskAgain = time.Second, time.Minute

// breaker leaves a store that has failed alone for a while.
type breaker struct {
	mu      sync.Mutex
	until   time.Time
	backoff time.Duration // zero: the store answers
}

// leaveAlone waits while the store is left alone.
func (r *Record) leaveAlone(context.Context, *work) (res ctrl.Result, done bool, err error) {
	left := r.breaker.left(r.Now())
	return ctrl.Result{RequeueAfter: max(left, 0)}, left > 0, nil
}

// failed leaves the store alone for a while, and says so once, not for every
// Approval and every try.
func (r *Record) failed(ctx context.Context, err error) (res ctrl.Result, done bool, _ error) {
	if ctx.Err() != nil {
		return res, true, ctx.Err() // shutting down
	}
	r.Failed()
	wait, first := r.breaker.open(r.Now())
	if first {
		r.Log.Error("the audit log is behind, because its store is not writable. Decisions continue, and nothing is lost while the Approvals exist", "error", err.Error())
	}
	return ctrl.Result{RequeueAfter: wait}, true, nil
}

// left returns the time until the store is tried again.
func (b *breaker) left(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until.Sub(now)
}

// open is called after a failure: how long the store is left alone, and whether this failure
// is the first one.
func (b *breaker) open(now time.Time) (wait time.Duration, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first = b.backoff == 0
	b.backoff = min(max(2*b.backoff, AskAgain), maxAskAgain)
	b.until = now.Add(b.backoff)
	return b.backoff, first
}

// close is called when the store has answered: whether it had failed before.
func (b *breaker) close() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := b.backoff != 0
	b.backoff, b.until = 0, time.Time{}
	return failed
}
