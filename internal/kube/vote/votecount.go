package vote

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// keepCrowded is the lifetime of a handled Vote in a namespace that has more of those than may
// wait. Every replica holds them in memory, and somebody may create thousands a minute.
const keepCrowded = 15 * time.Second

// Count counts the Votes of each namespace. It follows the informer.
type Count struct {
	mu      sync.Mutex
	Waiting map[string]map[types.UID]*v1alpha1.Vote // their metadata
	Done    map[string]map[types.UID]struct{}
}

// Note is told of a Vote that is there, forget of one that is not.
func (c *Count) Note(v *v1alpha1.Vote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !Waits(v) {
		drop(c.Waiting, v)
		if c.Done == nil {
			c.Done = map[string]map[types.UID]struct{}{}
		}
		put(c.Done, v, struct{}{})
		return
	}
	if c.Waiting == nil {
		c.Waiting = map[string]map[types.UID]*v1alpha1.Vote{}
	}
	if c.Waiting[v.Namespace][v.UID] == nil {
		o := &v1alpha1.Vote{}
		o.Name, o.UID, o.CreationTimestamp, o.ResourceVersion = v.Name, v.UID, v.CreationTimestamp, v.ResourceVersion
		put(c.Waiting, v, o)
	}
}

// Forget drops a Vote that was deleted.
func (c *Count) Forget(v *v1alpha1.Vote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	drop(c.Waiting, v)
	drop(c.Done, v)
}

func put[T any](m map[string]map[types.UID]T, v *v1alpha1.Vote, x T) {
	if m[v.Namespace] == nil {
		m[v.Namespace] = map[types.UID]T{}
	}
	m[v.Namespace][v.UID] = x
}

func drop[T any](m map[string]map[types.UID]T, v *v1alpha1.Vote) {
	if delete(m[v.Namespace], v.UID); len(m[v.Namespace]) == 0 {
		delete(m, v.Namespace)
	}
}

// Before returns the number of older Votes of v's namespace that wait, if more than most wait
// at all. Below that nobody counts them.
func (c *Count) Before(v *v1alpha1.Vote, most int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.Waiting[v.Namespace]) <= most {
		return 0
	}
	n := 0
	for _, o := range c.Waiting[v.Namespace] {
		if o.UID != v.UID && MadeBefore(o, v) {
			n++
		}
	}
	return n
}

// Crowded reports whether a namespace has more than most Votes that were handled and not
// deleted yet.
func (c *Count) Crowded(namespace string, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return most > 0 && len(c.Done[namespace]) > most
}

// overLimit says why v may not wait behind those before it, or nil.
func (r *Votes) overLimit(ctx context.Context, v *v1alpha1.Vote) error {
	q, err := r.quota(ctx, v.Namespace)
	if err != nil || q.WaitingVotes == 0 {
		return err
	}
	return q.MayWait(v.Namespace, r.Count.Before(v, q.WaitingVotes))
}

func (r *Votes) quota(ctx context.Context, namespace string) (approvals.Quota, error) {
	if r.Quota == nil {
		return approvals.Quota{}, nil
	}
	return r.Quota(ctx, namespace)
}

// keepFor returns the time until v, which was handled, is deleted.
func (r *Votes) keepFor(ctx context.Context, v *v1alpha1.Vote) time.Duration {
	if q, err := r.quota(ctx, v.Namespace); err == nil && r.Count.Crowded(v.Namespace, q.WaitingVotes) {
		return keepCrowded
	}
	return keepVotes
}

// events follow the informer: what counts the Votes is told of each, and one that is over the
// limit is looked at although it is not its turn.
func (r *Votes) events() handler.Funcs {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	turn := r.Turns.events()
	seen := func(ctx context.Context, o client.Object, q queue) {
		v, ok := o.(*v1alpha1.Vote)
		if !ok {
			return
		}
		if r.Count.Note(v); Waits(v) && approvals.CodeOf(r.overLimit(ctx, v)) == approvals.CodeLimited {
			q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)})
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			seen(ctx, e.Object, q)
			turn.CreateFunc(ctx, e, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			seen(ctx, e.ObjectNew, q)
			turn.UpdateFunc(ctx, e, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			if v, ok := e.Object.(*v1alpha1.Vote); ok {
				r.Count.Forget(v)
			}
			turn.DeleteFunc(ctx, e, q)
		},
	}
}
