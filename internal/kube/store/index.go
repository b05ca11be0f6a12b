package store

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/overview"
)

// Overview is the index behind lists. It follows the informer: each Approval is verified and
// converted once, when it changes, and not at each request.
type Overview struct {
	Store *Store
	// Changed is called after each change, once a snapshot has it.
	Changed func()

	mu      sync.Mutex
	Index   *overview.Index
	objects map[types.NamespacedName]*v1alpha1.Approval // those of the informer's cache
	keys    keyring.Ring                                // by which they were verified
	synced  func() bool
	// policies are those of the last Approval of each Trigger and Gate, which the next one
	// shares if it has the same.
	policies map[policyKey]*approvals.Policy
}

type policyKey struct{ namespace, trigger, gate string }

var _ toolscache.ResourceEventHandler = (*Overview)(nil)

// Watch makes o follow the Approvals of the cache.
func (o *Overview) Watch(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &v1alpha1.Approval{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch Approvals for the pages: %w", err)
	}
	handler, err := informer.AddEventHandler(o)
	if err != nil {
		return fmt.Errorf("watch Approvals for the pages: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.synced = handler.HasSynced
	return nil
}

// Synced reports whether o has all objects that existed when the process started.
func (o *Overview) Synced() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.synced != nil && o.synced()
}

// Snapshot returns all Approvals at present, or CodeUnavailable before the first list.
func (o *Overview) Snapshot(context.Context) (*overview.Snapshot, error) {
	if !o.Synced() {
		return nil, approvals.Errorf(approvals.CodeUnavailable, "this replica has just started and has not read all approvals yet; try again in a moment")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	index := o.known()
	if ring := o.Store.Ring(); !ring.Same(o.keys) {
		// What verifies follows from the keys.
		o.keys = ring
		for _, a := range o.objects {
			index.Put(o.shared(a))
		}
	}
	return index.Snapshot(), nil
}

// OnAdd implements ResourceEventHandler.
func (o *Overview) OnAdd(obj any, _ bool) { o.put(obj) }

// OnUpdate implements ResourceEventHandler.
func (o *Overview) OnUpdate(_, obj any) { o.put(obj) }

// OnDelete implements ResourceEventHandler.
func (o *Overview) OnDelete(obj any) {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	a, ok := obj.(*v1alpha1.Approval)
	if !ok {
		return
	}
	o.forget(a)
	o.Changed()
}

func (o *Overview) forget(a *v1alpha1.Approval) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, types.NamespacedName{Namespace: a.Namespace, Name: a.Name})
	o.known().Remove(a.Namespace, a.Name)
}

func (o *Overview) put(obj any) {
	a, ok := obj.(*v1alpha1.Approval)
	if !ok {
		return
	}
	if o.Learn(a) {
		o.Changed()
	}
}

// Learn adds a, and reports whether it changed: the informer repeats everything now and then.
func (o *Overview) Learn(a *v1alpha1.Approval) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	index, key := o.known(), types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	if last := o.objects[key]; last != nil && a.ResourceVersion != "" && last.ResourceVersion == a.ResourceVersion && last.UID == a.UID {
		return false
	}
	o.objects[key] = a
	index.Put(o.shared(a))
	return true
}

// shared is the domain's view of a, with the policy of the one before it where that is the
// same: thousands that wait have one.
func (o *Overview) shared(obj *v1alpha1.Approval) approvals.Approval {
	a := o.Store.View(obj)
	if a.Resolved == nil {
		return a
	}
	key := policyKey{a.Namespace, a.Trigger, a.Resolved.Policy.Gate}
	if last, ok := o.policies[key]; ok && reflect.DeepEqual(last, a.Resolved.Policy) {
		a.Resolved.Policy = last
		return a
	}
	if o.policies == nil || len(o.policies) >= maxPolicies {
		o.policies = map[policyKey]*approvals.Policy{}
	}
	o.policies[key] = a.Resolved.Policy
	return a
}

func (o *Overview) known() *overview.Index {
	if o.Index == nil {
		o.Index, o.objects, o.keys = overview.NewIndex(), map[types.NamespacedName]*v1alpha1.Approval{}, o.Store.Ring()
	}
	return o.Index
}
