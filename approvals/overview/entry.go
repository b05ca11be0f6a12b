package overview

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
	"unique"

	"github.com/countersign-dev/countersign/approvals"
)

// Entry is one version of an Approval. Anyone who looks shares it: nothing in it may be
// changed.
type Entry struct {
	approvals.Approval
	// Urgency orders what waits: by deadline, and last what has none yet.
	Urgency time.Time
	// Sum sums up what pages show of it that can change.
	Sum uint64
	// Deciders is the same for two Approvals that the same people asked for and may
	// decide, in the same namespace by the same Gate: anyone who finds out for one what
	// a person may, knows it for all. (Delegates apart, for whom votes matter too.)
	Deciders unique.Handle[string]
}

// never is so long after anything else that it sorts behind it.
const never = 100

func newEntry(seed maphash.Seed, a approvals.Approval) *Entry {
	e := &Entry{Approval: a, Urgency: a.Deadline(), Sum: Sum(seed, a), Deciders: unique.Make(decidersOf(a))}
	if e.Urgency.IsZero() {
		e.Urgency = a.OpenedAt.AddDate(never, 0, 0)
	}
	return e
}

// Sum sums up what pages show of a that can change: with one seed it is the same
// while nothing of that does.
func Sum(seed maphash.Seed, a approvals.Approval) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	fmt.Fprintf(&h, "%q %q %q %t %t", a.UID, a.Outcome, a.SupersededBy, a.Resolved != nil, a.SecondRun != nil || a.Effect != nil)
	fmt.Fprintf(&h, " %t %d %t", a.Cancellation != nil, a.RetryRequestedAt.UnixNano(), a.AnsweredAt.IsZero())
	fmt.Fprintf(&h, " %d %d %t", len(a.Revoked), len(a.Reruns), a.RunEnd != nil)
	fmt.Fprintf(&h, " %d %d", len(a.Discussion), len(a.NeedsChanges()))
	for _, v := range a.Votes {
		fmt.Fprintf(&h, " %q %q %d", v.Voter, v.Verdict, v.At.UnixNano())
	}
	for _, p := range []*approvals.Problem{a.Blocked, a.Unreleased} {
		if p != nil {
			fmt.Fprintf(&h, " %q", *p)
		}
	}
	return h.Sum64()
}

// decidersOf returns a key of everything in a that determines who may decide it: two Approvals with
// one key have the same deciders, so that one answer serves for both. It is "" until a is resolved.
func decidersOf(a approvals.Approval) string {
	t := a.Resolved
	if t == nil {
		return ""
	}
	p := t.Policy
	return fmt.Sprintf("%q %q %t %q %q %q %q %q %q", a.Namespace, p.Gate, p.ByRBAC(), p.Requester, t.Requester, t.RequesterProof, t.RequesterAliases, p.People(), p.AllGroups())
}

// troubled reports whether something of e may have gone wrong that an operator can put right.
func (e *Entry) troubled() bool {
	return e.ToRelease() || slices.ContainsFunc(e.Deliveries, approvals.Delivery.Failed)
}

// byUrgency, byOpening and byName are total: no two Approvals are equal in them.
func byUrgency(x, y *Entry) int { return cmp.Or(x.Urgency.Compare(y.Urgency), byName(x, y)) }

func byOpening(x, y *Entry) int { return cmp.Or(x.OpenedAt.Compare(y.OpenedAt), byName(x, y)) }

func byName(x, y *Entry) int {
	return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
}
