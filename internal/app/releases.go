package app

import (
	"context"
	"sync"

	"github.com/countersign-dev/countersign/approvals"
)

// releases posts at once what this process's votes decided, or answers the task that
// waits for it, off the voter's request. It may drop: the leader does what is not done
// yet after a moment.
type releases struct {
	release func(context.Context, approvals.Approval) error
	queue   chan approvals.Approval
	workers int
}

func newReleases(release func(context.Context, approvals.Approval) error) *releases {
	return &releases{release: release, queue: make(chan approvals.Approval, 1024), workers: 16}
}

// Now queues a release and never blocks.
func (r *releases) Now(a approvals.Approval) {
	select {
	case r.queue <- a:
	default:
	}
}

// Start implements manager.Runnable.
func (r *releases) Start(ctx context.Context) error {
	var wg sync.WaitGroup
	for range r.workers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case a := <-r.queue:
					// The error is logged and counted where it arises, and the leader
					// puts it on the Approval.
					_ = r.release(ctx, a)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// NeedLeaderElection says that every replica takes votes.
func (r *releases) NeedLeaderElection() bool { return false }
