package overview

import (
	"maps"
	"slices"
	"unique"

	"github.com/countersign-dev/countersign/approvals"
)

// Snapshot is all Approvals at one moment. It never changes, and neither may
// anyone who reads it change what it gives.
type Snapshot struct{ spaces map[string]*Space }

// Space is the Approvals of one namespace, or of all. While nothing in it changes
// the next snapshot has the same one.
type Space struct {
	Pending  []*Entry // the most urgent first
	All      []*Entry // in the order of their opening
	Troubled []*Entry // those that an operator may have to look at, as All
	// Gates has the Gates of one namespace by name. "" is for policies in a Trigger, and for
	// Approvals that are not resolved yet. It is nil in the Space of all namespaces.
	Gates map[string]*Gate
	// Sum is the sum of the entries' Sums, so it does not depend on their order. It changes when
	// an entry does.
	Sum     uint64
	voters  map[string][]*Entry
	classes map[unique.Handle[string]]*Class // of one namespace, by who may decide; nil in that of all
}

var nothing = &Space{}

// In is a namespace, or all with "".
func (s *Snapshot) In(namespace string) *Space {
	if space := s.spaces[namespace]; space != nil {
		return space
	}
	return nothing
}

// Namespaces iterates over the namespaces that have Approvals.
func (s *Snapshot) Namespaces(yield func(string, *Space) bool) {
	for name, space := range s.spaces {
		if name != "" && !yield(name, space) {
			return
		}
	}
}

// VotedBy returns the Approvals on which a person has a vote, in the order of All.
func (s *Space) VotedBy(name string) []*Entry { return s.voters[name] }

// Find is the entry of a, nil when it is not there.
func (s *Space) Find(a approvals.Approval) *Entry {
	at, ok := slices.BinarySearchFunc(s.All, &Entry{Approval: a}, byOpening)
	if !ok || s.All[at].UID != a.UID {
		return nil
	}
	return s.All[at]
}

// with is s without out and with in. Entries of s are not looked at, but for the
// places of those: what it costs is a copy of pointers.
func (s *Space) with(out, in []*Entry) *Space {
	next := &Space{
		Pending:  edit(s.Pending, out, in, byUrgency, func(e *Entry) bool { return !e.Decided() }),
		All:      edit(s.All, out, in, byOpening, nil),
		Troubled: edit(s.Troubled, out, in, byOpening, (*Entry).troubled),
		Sum:      s.Sum, voters: s.voters,
	}
	for _, e := range out {
		next.Sum -= e.Sum
	}
	for _, e := range in {
		next.Sum += e.Sum
	}
	gone, came := ballots(out), ballots(in)
	if len(gone)+len(came) == 0 {
		return next
	}
	next.voters = maps.Clone(s.voters)
	if next.voters == nil {
		next.voters = map[string][]*Entry{}
	}
	for name := range gone {
		next.voters[name] = edit(s.voters[name], gone[name], came[name], byOpening, nil)
		if len(next.voters[name]) == 0 {
			delete(next.voters, name)
		}
	}
	for name := range came {
		if gone[name] == nil {
			next.voters[name] = edit(s.voters[name], nil, came[name], byOpening, nil)
		}
	}
	return next
}

// ballots are list by voter.
func ballots(list []*Entry) map[string][]*Entry {
	by := map[string][]*Entry{}
	for _, e := range list {
		for _, v := range e.Votes {
			by[v.Voter] = append(by[v.Voter], e)
		}
	}
	return by
}

// edit returns list, which must be sorted by order, without the entries of out and with those of in,
// if keep accepts them; a nil keep accepts all. It does not change list, which others read.
func edit(list, out, in []*Entry, order func(x, y *Entry) int, keep func(*Entry) bool) []*Entry {
	pick := func(from []*Entry) []*Entry {
		var picked []*Entry
		for _, e := range from {
			if keep == nil || keep(e) {
				picked = append(picked, e)
			}
		}
		slices.SortFunc(picked, order)
		return picked
	}
	out, in = pick(out), pick(in)
	if len(out)+len(in) == 0 {
		return list
	}
	next := make([]*Entry, 0, len(list)-len(out)+len(in))
	for len(out)+len(in) > 0 {
		// Of two that stand in one place the old one goes first.
		goes := len(in) == 0 || len(out) > 0 && order(out[0], in[0]) <= 0
		var e *Entry
		if goes {
			e, out = out[0], out[1:]
		} else {
			e, in = in[0], in[1:]
		}
		at, found := slices.BinarySearchFunc(list, e, order)
		next, list = append(next, list[:at]...), list[at:]
		switch {
		case !goes:
			next = append(next, e)
		case found:
			list = list[1:]
		}
	}
	return append(next, list...)
}
