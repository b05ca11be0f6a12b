package overview

import "maps"

// change is what goes out of a list and what comes into it.
type change struct{ out, in []*Entry }

// grouped returns groups without out and with in, where each entry belongs to the group of its key. after
// gives a group after a change of it, and reports whether anything is left in it. Groups of which nothing
// changes are shared, and groups is left as it is.
func grouped[K comparable, G any](groups map[K]*G, out, in []*Entry, key func(*Entry) K, after func(old *G, c change) (*G, bool)) map[K]*G {
	changed := map[K]*change{}
	of := func(e *Entry) *change {
		k := key(e)
		if changed[k] == nil {
			changed[k] = &change{}
		}
		return changed[k]
	}
	for _, e := range out {
		c := of(e)
		c.out = append(c.out, e)
	}
	for _, e := range in {
		c := of(e)
		c.in = append(c.in, e)
	}
	next := maps.Clone(groups)
	if next == nil {
		next = map[K]*G{}
	}
	for k, c := range changed {
		old := groups[k]
		if old == nil {
			old = new(G)
		}
		g, some := after(old, *c)
		if next[k] = g; !some {
			delete(next, k)
		}
	}
	return next
}
