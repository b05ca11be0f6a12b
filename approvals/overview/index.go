package overview

import (
	"hash/maphash"
	"maps"
	"sync"

	"github.com/countersign-dev/countersign/approvals"
)

// Index is told of every change and gives snapshots. Nothing is worked out for a
// change but its Entry, until somebody looks.
type Index struct {
	seed maphash.Seed

	mu   sync.Mutex
	last *Snapshot
	now  map[place]*Entry
	was  map[place]*Entry // of what changed since last, what last has; nil: nothing
}

type place struct{ namespace, name string }

// NewIndex returns an empty Index, which a watch fills by Put and Remove.
func NewIndex() *Index {
	return &Index{seed: maphash.MakeSeed(), last: &Snapshot{}, now: map[place]*Entry{}, was: map[place]*Entry{}}
}

// Put is told of an Approval that is new, or has changed.
func (x *Index) Put(a approvals.Approval) {
	e := newEntry(x.seed, a)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.set(place{a.Namespace, a.Name}, e)
}

// Remove is told of an Approval that is gone.
func (x *Index) Remove(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.set(place{namespace, name}, nil)
}

func (x *Index) set(at place, e *Entry) {
	if _, ok := x.was[at]; !ok {
		x.was[at] = x.now[at]
	}
	if e != nil {
		x.now[at] = e
		return
	}
	delete(x.now, at)
	if x.was[at] == nil {
		delete(x.was, at) // it came and went, and nobody looked
	}
}

// Snapshot returns an immutable view of all Approvals at present. Two calls without a change
// between them return the same value.
func (x *Index) Snapshot() *Snapshot {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.was) == 0 {
		return x.last
	}
	changed := map[string]*change{"": {}}
	for at, old := range x.was {
		if changed[at.namespace] == nil {
			changed[at.namespace] = &change{}
		}
		for _, c := range []*change{changed[""], changed[at.namespace]} {
			if old != nil {
				c.out = append(c.out, old)
			}
			if e := x.now[at]; e != nil {
				c.in = append(c.in, e)
			}
		}
	}
	next := &Snapshot{spaces: maps.Clone(x.last.spaces)}
	if next.spaces == nil {
		next.spaces = map[string]*Space{}
	}
	for name, c := range changed {
		next.spaces[name] = x.last.In(name).with(c.out, c.in)
		if name != "" {
			next.spaces[name].Gates = withGates(x.last.In(name).Gates, c.out, c.in)
			next.spaces[name].classes = withClasses(x.last.In(name).classes, c.out, c.in)
		}
		if len(next.spaces[name].All) == 0 {
			delete(next.spaces, name)
		}
	}
	x.last, x.was = next, map[place]*Entry{}
	return next
}
