package store

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Of each Approval the informers' cache has what lists, rules, indexes and queues read all
// the time. What people and pipelines wrote is left out where it is more than a little, and
// read from the API server where it is needed: thousands wait for days, each with as much as
// one object holds.
//
// Nothing can take what is left for a whole Approval. The store's Get, Fresh, Decided and
// Update give whole ones; Cached gives a Lean, which is another type. An object from which
// something was left out has no JSON (v1alpha1.ApprovalSpec), so it can't be written, signed
// or digested; and the domain makes nothing of it (approvals.Source.Whole).

// leave leaves out of o what is more than keep, and notes what the signature is over: it is verified
// by that from then on.
func leave(o *v1alpha1.Approval, keep int) {
	if o.Spec.Lean != nil { // as an informer hands it over again
		return
	}
	l := v1alpha1.Lean{Values: valuesOf(o) > keep, Words: wordsOf(o) > keep, Claims: claimsSize(o) > keep}
	if l == (v1alpha1.Lean{}) {
		return
	}
	l.SignedContent = string(SignedContentOf(o))
	l.Event = EventSize(o.Spec.Source.Event)
	o.Spec.Lean = &l
	if l.Values {
		leaveValues(o)
	}
	if l.Words {
		for i := range o.Status.Votes {
			o.Status.Votes[i].Comment, o.Status.Votes[i].Inputs = "", nil
		}
		for i := range o.Status.Discussion {
			c := &o.Status.Discussion[i] // who wants changes is all that lists and plans read of it
			c.Text, c.DisplayName, c.CredentialID, c.Address, c.ID = "", "", "", "", ""
		}
	}
	if r := o.Spec.Source.PipelineRun; l.Claims && r != nil {
		r.Claims = nil
	}
}

func leaveValues(o *v1alpha1.Approval) {
	if e := o.Spec.Source.Event; e != nil {
		e.Body, e.Headers, e.Extensions, e.URL = "", nil, "", ""
	}
	if r := o.Spec.Source.PipelineRun; r != nil {
		r.Params, r.Results, r.Labels, r.Annotations = nil, nil, nil, nil
	}
	if t := o.Spec.Source.CustomRun; t != nil {
		t.Params, t.Labels, t.Annotations = nil, nil, nil
	}
	if t := o.Spec.Resolved; t != nil {
		t.Params, t.References, t.SupersedeKey = nil, nil, approvals.LineKey(t.SupersedeKey)
		t.Instructions, t.Links = "", nil
	}
	o.Status.Results, o.Status.Inputs = nil, nil
}

// EventSize returns the bytes of an event that its sender chose, 0 for nil.
func EventSize(e *v1alpha1.EventSource) int64 {
	if e == nil {
		return 0
	}
	return int64(len(e.Body) + len(e.Extensions) + len(e.URL) + paramsSize(e.Headers))
}

func valuesOf(o *v1alpha1.Approval) int {
	n := paramsSize(o.Status.Results, o.Status.Inputs)
	n += int(EventSize(o.Spec.Source.Event))
	if r := o.Spec.Source.PipelineRun; r != nil {
		n += paramsSize(r.Params, r.Results) + mapSize(r.Labels) + mapSize(r.Annotations)
	}
	if t := o.Spec.Source.CustomRun; t != nil {
		n += paramsSize(t.Params) + mapSize(t.Labels) + mapSize(t.Annotations)
	}
	if t := o.Spec.Resolved; t != nil {
		n += paramsSize(t.Params) + len(t.SupersedeKey) + len(t.Instructions)
		for _, r := range t.References {
			n += 5*kubeutil.PerText + len(r.Kind) + len(r.Name) + len(r.UID) + len(r.Digest)
		}
	}
	return n
}

func wordsOf(o *v1alpha1.Approval) (n int) {
	for _, v := range o.Status.Votes {
		n += len(v.Comment) + paramsSize(v.Inputs)
	}
	for _, c := range o.Status.Discussion {
		n += len(c.Text) + len(c.DisplayName) + len(c.CredentialID) + len(c.Address) + len(c.ID)
	}
	return n
}

func claimsSize(o *v1alpha1.Approval) int {
	if r := o.Spec.Source.PipelineRun; r != nil {
		return paramsSize(r.Claims)
	}
	return 0
}

func paramsSize(lists ...[]v1alpha1.Param) (n int) {
	for _, ps := range lists {
		for _, p := range ps {
			n += 2*kubeutil.PerText + len(p.Name) + len(p.Value)
		}
	}
	return n
}

func mapSize(m map[string]v1alpha1.LabelValue) (n int) {
	for k, v := range m {
		n += 2*kubeutil.PerText + len(k) + len(v)
	}
	return n
}

// Lean is an Approval as the informers' cache has it.
type Lean struct {
	state approvals.Approval
	from  *v1alpha1.Approval
}

// State returns the Approval as the cache has it, maybe without the values that people and
// pipelines wrote. It is for rules, lists and queues. Code that needs values asks the Store
// for Whole.
func (l Lean) State() approvals.Approval { return l.state }

// Lean verifies what the cache has of an Approval.
func (s *Store) Lean(o *v1alpha1.Approval) Lean { return Lean{s.View(o), o} }

// Whole is l with all that it has: what the cache has where nothing was left out, else as the
// API server has it, which may be newer.
func (s *Store) Whole(ctx context.Context, l Lean) (approvals.Approval, error) {
	if !l.state.Source.Lean.Any() {
		return l.state, nil
	}
	o, err := s.WholeObject(ctx, l.from)
	if err != nil {
		return approvals.Approval{}, err
	}
	return s.View(o), nil
}

// WholeObject is o where nothing was left out, or what was read of that version before, or as the
// API server has it.
func (s *Store) WholeObject(ctx context.Context, o *v1alpha1.Approval) (*v1alpha1.Approval, error) {
	if o.Spec.Lean == nil {
		return o, nil
	}
	if w := s.wholes.Get(o); w != nil {
		return w, nil
	}
	w, err := s.Object(ctx, API, approvals.Key{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)})
	if err != nil {
		return nil, err
	}
	s.wholes.Put(w)
	return w, nil
}

// Wholes remembers some of what was read whole, and written, of late: who votes, decides and
// releases reads one Approval several times in a row. The zero value is ready.
type Wholes struct {
	mu    sync.Mutex
	Known map[types.UID]*v1alpha1.Approval
	Order []types.UID
	Bytes int
}

const (
	// MaxWhole bounds what wholes are remembered, in bytes.
	MaxWhole = 4 << 20
	// itself is about what the rest of an Approval takes, besides what tenants choose.
	itself = 3 << 10
)

// Get is the whole object of that UID and resource version; nil when it is not remembered.
func (w *Wholes) Get(o *v1alpha1.Approval) *v1alpha1.Approval {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.Known[o.UID]; k != nil && k.ResourceVersion == o.ResourceVersion && k.ResourceVersion != "" {
		return k
	}
	return nil
}

// Put remembers o, as the API server has it, unless the cache keeps it whole anyhow. It is w's from
// then on.
func (w *Wholes) Put(o *v1alpha1.Approval) {
	size := WholeSize(o)
	if o.UID == "" || size <= kubeutil.MaxKept+itself || size > MaxWhole/2 {
		return
	}
	o.ManagedFields = nil // as much as all the rest, and nobody reads it
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Known == nil {
		w.Known = map[types.UID]*v1alpha1.Approval{}
	}
	if old := w.Known[o.UID]; old != nil {
		w.Bytes -= WholeSize(old)
	} else {
		w.Order = append(w.Order, o.UID)
	}
	w.Known[o.UID] = o
	for w.Bytes += size; w.Bytes > MaxWhole; w.Order = w.Order[1:] {
		w.Bytes -= WholeSize(w.Known[w.Order[0]])
		delete(w.Known, w.Order[0])
	}
}

// WholeSize is about how many bytes of memory o takes: values, words and claims, which tenants
// choose, and the rest.
func WholeSize(o *v1alpha1.Approval) int {
	return itself + valuesOf(o) + wordsOf(o) + claimsSize(o)
}
