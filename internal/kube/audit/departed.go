package audit

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/record"
)

// maxDeparted bounds the Approvals that were deleted while the store is down and had no
// finalizer, which are in this process's memory alone.
const maxDeparted = 10_000

type departed struct {
	mu sync.Mutex
	by map[types.NamespacedName][]tombstone
	n  int // tombstones in all
}

// tombstone is of an Approval that is gone: the lines that the ledger may not have yet, and
// no more of it. There are none where it was kept by its finalizer; one that was opened
// before there was a store has none.
type tombstone struct {
	uid   string
	lines []record.Line
}

// Deleted keeps what the last that was seen of an Approval tells the audit log. But for
// its end the lines are there already, unless the store is down or somebody was very
// quick.
func (r *Record) Deleted(o *v1alpha1.Approval) bool {
	a, verified := r.source().Recordable(o)
	told := record.Lines(a)
	if a.Source.Lean.Words { // what people said is not in memory, and the rest is no line of theirs
		told = slices.DeleteFunc(told, func(l record.Line) bool { return l.Kind == record.Voted })
	}
	written, known := r.written.of(a.UID)
	if !verified && !known {
		return true
	}
	if at := o.DeletionTimestamp; at != nil && known && written == digestOf(append(slices.Clone(told), record.Removal(a, at.UTC()))) {
		r.written.forget(a.UID) // its finalizer was removed, so it is gone
		r.Forget(a.UID)
		return true
	}
	t := tombstone{uid: a.UID, lines: told}
	if known && written == digestOf(told) {
		t.lines = nil
	}
	t.lines = append(t.lines, record.Removal(a, r.Now()))
	if !r.gone.add(types.NamespacedName{Namespace: a.Namespace, Name: a.Name}, t) {
		r.Log.Error("a deleted approval is not in the audit log: too many entries are waiting for its store", "namespace", a.Namespace, "approval", a.Name)
	}
	return true
}

// appendDeparted writes down what was deleted under the name of this Approval.
func (r *Record) appendDeparted(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	for {
		t, ok := r.gone.first(x.name)
		if !ok {
			return res, false, nil
		}
		if err := r.append(ctx, t.uid, t.lines); err != nil {
			return r.failed(ctx, err)
		}
		r.Forget(t.uid)
		r.gone.dropFirst(x.name)
		r.written.forget(t.uid)
	}
}

// add keeps t, unless too many are kept.
func (d *departed) add(name types.NamespacedName, t tombstone) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n >= maxDeparted {
		return false
	}
	if d.by == nil {
		d.by = map[types.NamespacedName][]tombstone{}
	}
	d.by[name] = append(d.by[name], t)
	d.n++
	return true
}

func (d *departed) first(name types.NamespacedName) (tombstone, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.by[name]) == 0 {
		return tombstone{}, false
	}
	return d.by[name][0], true
}

func (d *departed) dropFirst(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by[name] = d.by[name][1:]; len(d.by[name]) == 0 {
		delete(d.by, name)
	}
	d.n--
}

// lines returns the entries of all deleted Approvals.
func (d *departed) lines() (out []record.Line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ts := range d.by {
		for _, t := range ts {
			out = append(out, t.lines...)
		}
	}
	return out
}
