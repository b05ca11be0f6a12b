package web

import (
	"context"
	"iter"
	"maps"
	"slices"
	"unique"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
)

// viewer is a person who looks at many Approvals: for one page, or for as long as a stream lasts. An
// answer about one Approval holds for all with the same deciders, so that ten thousand cost as much as
// their Gates.
type viewer struct {
	*server
	id     approvals.Identity
	who    person
	gates  map[gate]proof
	decide map[unique.Handle[string]]bool
	bare   map[unique.Handle[string]]bool
	list   map[string]bool
}

type gate struct {
	namespace, name string
	rbac            bool
}

func gateOf(a approvals.Approval) gate {
	return gate{a.Namespace, a.Resolved.Policy.Gate, a.Resolved.Policy.ByRBAC()}
}

// proof is a person as proved for a Gate; with err, without any right.
type proof struct {
	id  approvals.Identity
	err error
}

func (s *server) viewer(id approvals.Identity) *viewer {
	return &viewer{
		server: s, id: id, who: personOf(id), gates: map[gate]proof{},
		decide: map[unique.Handle[string]]bool{}, bare: map[unique.Handle[string]]bool{}, list: map[string]bool{},
	}
}

// proved returns the person with their rights on a's Gate. With an error it returns them without any
// rights of RBAC or a delegation.
func (v *viewer) proved(ctx context.Context, a approvals.Approval) (approvals.Identity, error) {
	if a.Resolved == nil {
		return v.id, nil
	}
	g := gateOf(a)
	p, ok := v.gates[g]
	if !ok {
		p.id, p.err = v.rights.prove(ctx, v.who, v.id, a)
		if p.err != nil {
			v.logInternal(p.err)
			p.id = v.id
		}
		v.gates[g] = p
	}
	return p.id, p.err
}

// unproved forgets the Gates for which the proof failed, and reports whether there were any. The next
// look tries them again.
func (v *viewer) unproved() bool {
	before := len(v.gates)
	maps.DeleteFunc(v.gates, func(_ gate, p proof) bool { return p.err != nil })
	return len(v.gates) != before
}

// prove proves the person for the Gates of list, several at once: RBAC is asked once
// a Gate.
func (v *viewer) prove(ctx context.Context, list []*overview.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	first := map[gate]*overview.Entry{}
	for _, e := range list {
		if e.Resolved == nil {
			continue
		}
		g := gateOf(e.Approval)
		if _, ok := v.gates[g]; !ok && first[g] == nil {
			first[g] = e
		}
	}
	ask := make(map[gate]bool, len(first))
	for g := range first {
		ask[g] = true
	}
	each(ask, func(g gate) (bool, error) {
		_, err := v.rights.prove(ctx, v.who, v.id, first[g].Approval)
		return err == nil, err
	})
	var failed error
	for _, e := range first {
		if _, err := v.proved(ctx, e.Approval); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// mayVote reports whether the rules let the person vote on e, as far as was proved.
func (v *viewer) mayVote(ctx context.Context, e *overview.Entry) bool {
	if may, ok := v.decide[e.Deciders]; ok {
		return may
	}
	id, err := v.proved(ctx, e.Approval)
	may := approvals.CanVote(e.Approval, id)
	// Of a delegate the votes matter too, which are each Approval's own.
	if len(id.DelegateOf) == 0 && err == nil {
		v.decide[e.Deciders] = may
	}
	return may
}

// waits reports whether e waits for the person: the rules allow it and there is time.
func (v *viewer) waits(ctx context.Context, e *overview.Entry) bool {
	return !e.Decided() && v.mayVote(ctx, e) && v.Now().Before(e.Deadline())
}

// named reports whether e is the person's own without any question: by name, by group, or
// because they asked for it.
func (v *viewer) named(e *overview.Entry) bool {
	own, ok := v.bare[e.Deciders]
	if !ok {
		own = approvals.CanVote(e.Approval, v.id) || asked(e.Approval, v.id)
		v.bare[e.Deciders] = own
	}
	return own
}

// sees returns what of classes the person may see, and the number of namespaces for which RBAC did not
// answer. Of those they get what they may decide, or requested. Of all that they see, the result is
// classes itself.
func (v *viewer) sees(ctx context.Context, classes []*overview.Class) (seen []*overview.Class, unknown int) {
	ask := map[string]bool{}
	for _, c := range classes {
		if e := c.All[0]; !v.named(e) {
			ask[e.Namespace] = true
		}
	}
	unknown = v.mayList(ctx, ask)
	var rest []*overview.Entry
	for _, c := range classes {
		if e := c.All[0]; !v.lists(e.Namespace) && !v.named(e) {
			rest = append(rest, e)
		}
	}
	if len(rest) == 0 {
		return classes, unknown
	}
	_ = v.prove(ctx, rest) // logged; anyone who is not verified sees less
	for _, c := range classes {
		if v.lists(c.All[0].Namespace) {
			seen = append(seen, c)
		} else if own := v.own(ctx, c); own != nil {
			seen = append(seen, own)
		}
	}
	return seen, unknown
}

// own returns what of c the person may see whatever they may list; nil for nothing.
func (v *viewer) own(ctx context.Context, c *overview.Class) *overview.Class {
	if v.named(c.All[0]) {
		return c
	}
	return v.decides(ctx, c)
}

// ownOf returns what of classes the person may see whatever they may list, in no order. With an error
// nobody knows whether there is more.
func (v *viewer) ownOf(ctx context.Context, classes iter.Seq[*overview.Class]) (list []*overview.Entry, err error) {
	all := slices.Collect(classes)
	var rest []*overview.Entry
	for _, c := range all {
		if !v.named(c.All[0]) {
			rest = append(rest, c.All[0])
		}
	}
	if err := v.prove(ctx, rest); err != nil {
		return nil, err
	}
	for _, c := range all {
		if own := v.own(ctx, c); own != nil {
			list = append(list, own.All...)
		}
	}
	return list, nil
}

// decides returns what of c the rules let the person vote on, as far as was proved; nil for nothing.
func (v *viewer) decides(ctx context.Context, c *overview.Class) *overview.Class {
	e := c.All[0]
	may := v.mayVote(ctx, e)
	if _, all := v.decide[e.Deciders]; all {
		if may {
			return c
		}
		return nil
	}
	ok := func(e *overview.Entry) bool { return v.mayVote(ctx, e) }
	if own := (&overview.Class{Pending: keep(c.Pending, ok), All: keep(c.All, ok)}); len(own.All) > 0 {
		return own
	}
	return nil
}

// mayList finds out which of namespaces the person may list, if it is not known yet,
// and in how many that could not be.
func (v *viewer) mayList(ctx context.Context, namespaces map[string]bool) (unknown int) {
	ask := map[string]bool{}
	for name := range namespaces {
		if _, ok := v.list[name]; !ok {
			ask[name] = true
		}
	}
	if len(ask) == 0 || v.list[""] {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	if _, ok := v.list[""]; !ok {
		if all, err := v.rights.mayList(ctx, v.who, v.id, ""); err == nil {
			v.list[""] = all
		}
	}
	if v.list[""] {
		return 0
	}
	may, failed := each(ask, func(namespace string) (bool, error) { return v.rights.mayList(ctx, v.who, v.id, namespace) })
	for name, ok := range may {
		if !failed[name] {
			v.list[name] = ok
		}
	}
	return len(failed)
}

// lists reports whether the person may list a namespace, as far as mayList found out.
func (v *viewer) lists(namespace string) bool { return v.list[""] || v.list[namespace] }

// keep returns the entries of list for which is returns true. It does not change list, which is
// shared.
func keep(list []*overview.Entry, is func(*overview.Entry) bool) []*overview.Entry {
	var out []*overview.Entry
	for _, e := range list {
		if is(e) {
			out = append(out, e)
		}
	}
	return out
}
