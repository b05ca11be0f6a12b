package overview

import (
	"iter"
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

// withClasses returns classes without out and with in.
func withClasses(classes map[unique.Handle[string]]*Class, out, in []*Entry) map[unique.Handle[string]]*Class {
	return grouped(classes, out, in, func(e *Entry) unique.Handle[string] { return e.Deciders }, func(old *Class, c change) (*Class, bool) {
		next := &Class{
			Pending: edit(old.Pending, c.out, c.in, byUrgency, func(e *Entry) bool { return !e.Decided() }),
			All:     edit(old.All, c.out, c.in, byOpening, nil),
		}
		return next, len(next.All) > 0
	})
}
