package releasequeue

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/contain"
	"github.com/countersign-dev/countersign/internal/kube/queue"
)

const (
	// workers post at once, and share of them for one namespace: what hangs
	// there leaves a worker to everybody else.
	workers = 64
	share   = 16
	// maxWaiting bounds what waits for a worker, of one namespace and in all.
	maxWaiting    = 1024
	maxWaitingAll = 4 * maxWaiting
	// maxBytes bounds what those of one namespace hold, and of all together: they are whole.
	maxBytes    = 8 << 20
	maxBytesAll = 4 * maxBytes
)

// Releaser has outcomes take effect. An error is logged and counted where it arises, and the
// leader puts it on the Approval.
type Releaser interface {
	Release(ctx context.Context, a approvals.Approval) error
}

// Queue releases at once what this process's votes decided, or answers the task that waits for
// it, off the voter's request, in turn by namespace and by Trigger. It may drop: the leader
// does what is not done yet after a moment.
type Queue struct {
	releaser Releaser
	panics   *contain.Panics
	queue    *queue.Queue[approvals.Key]

	mu      sync.Mutex
	waiting map[approvals.Key]approvals.Approval
	of      map[string]load // by namespace
	all     load
}

// load counts the waiting releases and their bytes.
type load struct{ n, bytes int }

func (h load) with(n, bytes int) load { return load{h.n + n, h.bytes + bytes} }

var _ approvals.OutcomeHandler = (*Queue)(nil)

// New makes a queue that has not started.
func New(releaser Releaser, panics *contain.Panics) *Queue {
	return &Queue{
		releaser: releaser, panics: panics,
		queue: queue.New(queue.Options[approvals.Key]{
			Workers: workers, Share: share,
			Place: func(k approvals.Key) (string, string) { return k.Namespace, queue.Trigger(k.Name) },
		}),
		waiting: map[approvals.Key]approvals.Approval{}, of: map[string]load{},
	}
}

// HandleOutcome implements approvals.OutcomeHandler: it queues a release and never blocks. The
// Approval's UID is the key that makes it one.
func (r *Queue) HandleOutcome(a approvals.Approval) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, known := r.waiting[a.Key]; known {
		r.count(old, -1)
	}
	size, of := a.Size(), r.of[a.Namespace]
	if r.all.n >= maxWaitingAll || of.n >= maxWaiting || r.all.bytes+size > maxBytesAll || of.bytes+size > maxBytes {
		delete(r.waiting, a.Key)
		return
	}
	r.count(a, 1)
	r.waiting[a.Key] = a
	r.queue.Add(a.Key)
}

func (r *Queue) take(key approvals.Key) (approvals.Approval, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.waiting[key]
	if ok {
		delete(r.waiting, key)
		r.count(a, -1)
	}
	return a, ok
}

// count adds a n times to what waits.
func (r *Queue) count(a approvals.Approval, n int) {
	size := n * a.Size()
	r.all = r.all.with(n, size)
	if r.of[a.Namespace] = r.of[a.Namespace].with(n, size); r.of[a.Namespace].n == 0 {
		delete(r.of, a.Namespace)
	}
}

// Start implements manager.Runnable.
func (r *Queue) Start(ctx context.Context) error {
	queue.Measure(ctrlmetrics.Registry, "releases", r.queue.Len, r.queue.Oldest)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				key, down := r.queue.Get()
				if down {
					return
				}
				r.one(ctx, key)
			}
		})
	}
	<-ctx.Done()
	r.queue.ShutDown()
	wg.Wait()
	return nil
}

// one releases one. What panics at it is left to the leader, whose controller says so on the
// object.
func (r *Queue) one(ctx context.Context, key approvals.Key) {
	defer r.queue.Done(key)
	defer func() {
		if p := recover(); p != nil {
			r.panics.Count("release")
			r.panics.Log.Error("an approval is not released at once, because the service panicked while processing it. All others are", "namespace", key.Namespace, "approval", key.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if a, ok := r.take(key); ok {
		_ = r.releaser.Release(ctx, a)
	}
}

// NeedLeaderElection is false: every replica takes votes.
func (r *Queue) NeedLeaderElection() bool { return false }
