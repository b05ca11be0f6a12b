package overview

import (
	"iter"
	"maps"
	"unique"
)

// Class is the Approvals of one namespace that the same people may decide. What a person may of one of
// them, they may of all (delegates apart, for whom votes matter too): so a page costs as much as there
// are classes, and what the person sees, however much there is that they do not.
type Class struct {
	Pending []*Entry // the most urgent first
	All     []*Entry // in the order of their opening; never empty
}

// Classes iterates over the classes of a namespace, or of all with "", in no order.
func (s *Snapshot) Classes(namespace string) iter.Seq[*Class] {
	return func(yield func(*Class) bool) {
		for name, space := range s.Namespaces {
			if namespace != "" && name != namespace {
				continue
			}
			for _, c := range space.classes {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// withClasses returns classes without out and with in. It shares a Class of which nothing changes, and
// leaves the map as it is.
func withClasses(classes map[unique.Handle[string]]*Class, out, in []*Entry) map[unique.Handle[string]]*Class {
	type change struct{ out, in []*Entry }
	changed := map[unique.Handle[string]]*change{}
	of := func(e *Entry) *change {
		if changed[e.Deciders] == nil {
			changed[e.Deciders] = &change{}
		}
		return changed[e.Deciders]
	}
	for _, e := range out {
		c := of(e)
		c.out = append(c.out, e)
	}
	for _, e := range in {
		c := of(e)
		c.in = append(c.in, e)
	}
	next := maps.Clone(classes)
	if next == nil {
		next = map[unique.Handle[string]]*Class{}
	}
	for who, c := range changed {
		old := classes[who]
		if old == nil {
			old = &Class{}
		}
		now := &Class{
			Pending: edit(old.Pending, c.out, c.in, byUrgency, func(e *Entry) bool { return !e.Decided() }),
			All:     edit(old.All, c.out, c.in, byOpening, nil),
		}
		if next[who] = now; len(now.All) == 0 {
			delete(next, who)
		}
	}
	return next
}
