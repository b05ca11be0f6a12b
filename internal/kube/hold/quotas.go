package hold

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Quotas hold namespaces to what they may have. What there is, the informer of Approvals
// says: after a kill -9 it is counted again. How often events come is of this process alone,
// and so of each replica.
type Quotas struct {
	Client client.Reader // from the cache
	// Default is the quota of a namespace for which no GatePolicy says otherwise.
	Default approvals.Quota
	Now     func() time.Time

	mu      sync.Mutex
	Seen    map[types.NamespacedName]held // of what waits
	coming  map[types.NamespacedName]coming
	Used    map[string]*approvals.Usage
	Minutes map[string]*rate.Limiter
}

// held is the share of one pending Approval in its namespace's quota.
type held struct {
	uid   types.UID
	bytes int64
}

// coming is an Approval that this process creates and the informer has not told of.
type coming struct {
	bytes int64
	until time.Time
}

const (
	// ComingFor bounds the time for which an Approval counts that the informer does not tell of:
	// it was not created after all.
	ComingFor = 30 * time.Second
	// MaxPaced bounds the namespaces whose rate is remembered.
	MaxPaced = 4096
)

var _ toolscache.ResourceEventHandler = (*Quotas)(nil)

// Watch makes q follow the Approvals of the cache.
func (q *Quotas) Watch(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &v1alpha1.Approval{}, cache.BlockUntilSynced(false))
	if err == nil {
		_, err = informer.AddEventHandler(q)
	}
	if err != nil {
		return fmt.Errorf("watch Approvals to count them: %w", err)
	}
	return nil
}

// OnAdd implements ResourceEventHandler.
func (q *Quotas) OnAdd(obj any, _ bool) { q.Put(obj) }

// OnUpdate implements ResourceEventHandler.
func (q *Quotas) OnUpdate(_, obj any) { q.Put(obj) }

// OnDelete implements ResourceEventHandler.
func (q *Quotas) OnDelete(obj any) {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if o, ok := obj.(*v1alpha1.Approval); ok {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.forget(client.ObjectKeyFromObject(o))
	}
}

// Put counts an Approval as the informer delivers it; anything else is ignored.
func (q *Quotas) Put(obj any) {
	o, ok := obj.(*v1alpha1.Approval)
	if !ok {
		return
	}
	key, waits := client.ObjectKeyFromObject(o), store.IsPending(o)
	q.mu.Lock()
	defer q.mu.Unlock()
	if c, ok := q.coming[key]; ok {
		delete(q.coming, key)
		q.count(key.Namespace, -1, -c.bytes)
	}
	if have, ok := q.Seen[key]; ok {
		if waits && have.uid == o.UID {
			return
		}
		q.forget(key)
	}
	if waits {
		if q.Seen == nil {
			q.Seen = map[types.NamespacedName]held{}
		}
		h := held{o.UID, HeldBytes(o)}
		q.Seen[key] = h
		q.count(key.Namespace, 1, h.bytes)
	}
}

func (q *Quotas) forget(key types.NamespacedName) {
	if h, ok := q.Seen[key]; ok {
		delete(q.Seen, key)
		q.count(key.Namespace, -1, -h.bytes)
	}
}

func (q *Quotas) count(namespace string, n int, bytes int64) {
	if q.Used == nil {
		q.Used = map[string]*approvals.Usage{}
	}
	u := q.Used[namespace]
	if u == nil {
		u = &approvals.Usage{}
		q.Used[namespace] = u
	}
	u.Open, u.Bytes = u.Open+n, u.Bytes+bytes
	if u.Open == 0 {
		delete(q.Used, namespace)
	}
}

// usage is what a namespace has. The caller holds mu.
func (q *Quotas) usage(namespace string) approvals.Usage {
	if u := q.Used[namespace]; u != nil {
		return *u
	}
	return approvals.Usage{}
}

// HeldBytes returns the bytes of an event that o stores.
func HeldBytes(o *v1alpha1.Approval) int64 {
	if l := o.Spec.Lean; l != nil {
		return l.Event
	}
	return store.EventSize(o.Spec.Source.Event)
}

// Of returns the quota of a namespace: the configuration's, restricted by GatePolicies.
func (q *Quotas) Of(ctx context.Context, namespace string) (approvals.Quota, error) {
	policies, err := gate.Policies{Client: q.Client}.Of(ctx, namespace)
	if err != nil {
		return approvals.Quota{}, err
	}
	return q.Default.Under(policies), nil
}

// Reserve counts an Approval in that is about to be created, or returns CodeLimited when it may not
// be. It is called again for the same one without counting it again. The caller tells created whether
// it was: what was not created counts no more. A nil q bounds nothing.
func (q *Quotas) Reserve(ctx context.Context, namespace, name string, s approvals.Source) (created func(bool), err error) {
	if q == nil {
		return func(bool) {}, nil
	}
	quota, err := q.Of(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var size int64
	verified := true
	if e := s.Event; e != nil {
		size, verified = int64(e.Size()), e.VerifiedBy != ""
	}
	key := types.NamespacedName{Namespace: namespace, Name: name}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.Now()
	for k, c := range q.coming {
		if now.After(c.until) {
			delete(q.coming, k)
			q.count(k.Namespace, -1, -c.bytes)
		}
	}
	_, there := q.Seen[key]
	if _, twice := q.coming[key]; there || twice {
		return func(bool) {}, nil
	}
	if err := quota.MayOpen(namespace, q.usage(namespace), size, verified); err != nil {
		return nil, err
	}
	if q.coming == nil {
		q.coming = map[types.NamespacedName]coming{}
	}
	q.coming[key] = coming{size, now.Add(ComingFor)}
	q.count(namespace, 1, size)
	return func(ok bool) {
		if ok {
			return // the informer tells of it
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if c, still := q.coming[key]; still {
			delete(q.coming, key)
			q.count(namespace, -1, -c.bytes)
		}
	}, nil
}

// Event says with CodeLimited that an event of size bytes comes too soon after others of its
// namespace.
func (q *Quotas) Event(ctx context.Context, namespace string, size int) error {
	if q == nil {
		return nil
	}
	quota, err := q.Of(ctx, namespace)
	if err != nil || quota.EventsPerMinute == 0 {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.Now(); !q.minute(namespace, quota, now).AllowN(now, quota.EventCost(size)) {
		return quota.TooManyEvents(namespace)
	}
	return nil
}

// MayHold says with CodeLimited that Event or Reserve would refuse an event of size bytes now, even one
// whose sender is verified. It counts and remembers nothing: who asks may name any namespace.
func (q *Quotas) MayHold(ctx context.Context, namespace string, size int) error {
	if q == nil {
		return nil
	}
	quota, err := q.Of(ctx, namespace)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.Minutes[namespace]; l != nil && quota.EventsPerMinute > 0 && l.TokensAt(q.Now()) < float64(quota.EventCost(size)) {
		return quota.TooManyEvents(namespace)
	}
	return quota.MayOpen(namespace, q.usage(namespace), int64(size), true)
}

// minute is how often events of a namespace may come, by its quota. The caller holds mu.
func (q *Quotas) minute(namespace string, quota approvals.Quota, now time.Time) *rate.Limiter {
	each := rate.Limit(float64(quota.EventsPerMinute) / time.Minute.Seconds())
	l := q.Minutes[namespace]
	if l == nil {
		if q.Minutes == nil || len(q.Minutes) >= MaxPaced {
			q.Minutes = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(each, quota.EventsPerMinute)
		q.Minutes[namespace] = l
	}
	if l.Burst() != quota.EventsPerMinute { // the policy was changed
		l.SetLimitAt(now, each)
		l.SetBurstAt(now, quota.EventsPerMinute)
	}
	return l
}

// OverQuota is CodeLimited, with the API server's own words, where err is that a
// ResourceQuota of the namespace is used up; else err.
func OverQuota(err error, what string) error {
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota") {
		return &approvals.Error{
			Code: approvals.CodeLimited, Err: err,
			Message: what + " could not be created, because a ResourceQuota of the namespace is used up: " + approvals.Cut(err.Error(), triggers.MaxNote/2) + ". Decide or delete what is no longer needed, or have the quota raised",
		}
	}
	return err
}
