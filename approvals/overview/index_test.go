package overview_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/overview"
)

func names(list []*overview.Entry) string {
	var out []string
	for _, e := range list {
		out = append(out, e.Namespace+"/"+e.Name)
	}
	return fmt.Sprint(out)
}

// TestOrders: the most urgent first, what has no deadline last, and all by opening.
func TestOrders(t *testing.T) {
	t.Parallel()
	x := overview.NewIndex()
	for _, a := range []approvals.Approval{
		ct.Make("later").Lifetime(3 * time.Hour).Obj(),
		ct.Make("open").Unresolved(nil).Obj(),
		ct.Make("soon").In("dev").Lifetime(time.Hour).Obj(),
		ct.Make("older").Lifetime(2 * time.Hour).With(func(a *approvals.Approval) { a.OpenedAt = a.OpenedAt.Add(-time.Minute) }).Obj(),
		ct.Make("done").Voted("alice", approvals.Approve, "").Obj(),
	} {
		x.Put(a)
	}
	s := x.Snapshot()
	for what, c := range map[string][2]string{
		"pending":               {names(s.In("").Pending), "[dev/soon prod/older prod/later prod/open]"},
		"pending of one":        {names(s.In("prod").Pending), "[prod/older prod/later prod/open]"},
		"all":                   {names(s.In("").All), "[prod/older dev/soon prod/done prod/later prod/open]"},
		"to be released":        {names(s.In("").Troubled), "[prod/done]"},
		"voted by alice":        {names(s.In("").VotedBy("alice")), "[prod/done]"},
		"voted by nobody":       {names(s.In("").VotedBy("nobody")), "[]"},
		"of no namespace":       {names(s.In("none").All), "[]"},
		"voted elsewhere":       {names(s.In("dev").VotedBy("alice")), "[]"},
		"nothing of an unknown": {names(s.In("none").VotedBy("alice")), "[]"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", what, c[0], c[1])
		}
	}
}

// TestSnapshotsStay: what somebody has in hand does not change under them, and what
// has not changed is the same.
func TestSnapshotsStay(t *testing.T) {
	t.Parallel()
	x := overview.NewIndex()
	x.Put(ct.Make("a").Obj())
	x.Put(ct.Make("b").In("dev").Obj())
	first := x.Snapshot()
	if x.Snapshot() != first {
		t.Error("another one of the same")
	}
	prod, dev, sum := first.In("prod"), first.In("dev"), first.In("").Sum
	x.Put(ct.Make("a").Voted("alice", approvals.Approve, "").Obj())
	second := x.Snapshot()
	if names(first.In("").Pending) != "[dev/b prod/a]" || len(prod.VotedBy("alice")) != 0 || prod.Pending[0].Decided() {
		t.Errorf("the first changed: %s", names(first.In("").Pending))
	}
	if names(second.In("").Pending) != "[dev/b]" || second.In("prod") == prod || second.In("dev") != dev || second.In("").Sum == sum {
		t.Errorf("the second: %s", names(second.In("").Pending))
	}
	x.Put(ct.Make("a").Obj())
	if back := x.Snapshot(); back.In("").Sum != sum || len(back.In("prod").VotedBy("alice")) != 0 {
		t.Error("the sum is not that of what is there")
	}
	x.Remove("prod", "a")
	x.Remove("prod", "never")
	gone := x.Snapshot()
	for name := range gone.Namespaces {
		if name != "dev" {
			t.Errorf("%q is left", name)
		}
	}
	if names(gone.In("").All) != "[dev/b]" {
		t.Errorf("left: %s", names(gone.In("").All))
	}
}

// TestDeciders: the same for the same people and Gate, and for no others.
func TestDeciders(t *testing.T) {
	t.Parallel()
	entry := func(b *ct.Builder) *overview.Entry {
		x := overview.NewIndex()
		x.Put(b.Obj())
		return x.Snapshot().In("").All[0]
	}
	this := entry(ct.Make("a").Requester("carol"))
	if entry(ct.Make("b").Requester("carol").Lifetime(2*time.Hour).Voted("alice", approvals.Approve, "")).Deciders != this.Deciders {
		t.Error("the same people decide")
	}
	for name, b := range map[string]*ct.Builder{
		"another namespace": ct.Make("a").Requester("carol").In("dev"),
		"another requester": ct.Make("a").Requester("dave"),
		"requester allowed": ct.Make("a").Requester("carol").AllowRequester(),
		"another approver":  ct.Make("a").Requester("carol").Users("alice", "bob"),
		"a group":           ct.Make("a").Requester("carol").Groups("sre"),
		"another Gate":      ct.Make("a").Requester("carol").With(func(a *approvals.Approval) { a.Resolved.Policy.Gate = "staging" }),
		"RBAC":              ct.Make("a").Requester("carol").With(func(a *approvals.Approval) { a.Resolved.Policy.RBAC = true }),
		"another address":   ct.Make("a").Requester("carol").With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers[0].Email = "carol" }),
		"not resolved":      ct.Make("a").Unresolved(nil),
	} {
		if entry(b).Deciders == this.Deciders {
			t.Errorf("%s: the same deciders", name)
		}
	}
}

// TestIndexIsAListing: after any changes in any order, a snapshot equals a list that is sorted
// again.
func TestIndexIsAListing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	x, there := overview.NewIndex(), map[string]approvals.Approval{}
	for i := range 3000 {
		name, namespace := fmt.Sprintf("a%d", r.IntN(60)), fmt.Sprintf("n%d", r.IntN(4))
		if r.IntN(4) == 0 {
			delete(there, namespace+"/"+name)
			x.Remove(namespace, name)
		} else {
			b := ct.Make(name).In(namespace).Users("alice", "bob").Lifetime(time.Duration(1+r.IntN(5)) * time.Hour).Requester(fmt.Sprintf("r%d", r.IntN(3)))
			if r.IntN(3) == 0 {
				b.Voted([]string{"alice", "bob"}[r.IntN(2)], approvals.Approve, "")
			}
			a := b.Obj()
			there[namespace+"/"+name] = a
			x.Put(a)
		}
		if i%7 != 0 {
			continue
		}
		s := x.Snapshot()
		for _, namespace := range []string{"", "n0", "n3"} {
			var pending, byAlice []approvals.Approval
			all := 0
			for _, a := range there {
				if namespace != "" && a.Namespace != namespace {
					continue
				}
				all++
				if !a.Decided() {
					pending = append(pending, a)
				}
				if len(a.Votes) > 0 && a.Votes[0].Voter == "alice" {
					byAlice = append(byAlice, a)
				}
			}
			slices.SortFunc(pending, func(x, y approvals.Approval) int {
				return cmp.Or(x.Deadline().Compare(y.Deadline()), cmp.Compare(x.Key.String(), y.Key.String()))
			})
			var want []string
			for _, a := range pending {
				want = append(want, a.Key.String())
			}
			space := s.In(namespace)
			var inClasses, pendingInClasses int
			for c := range s.Classes(namespace) {
				inClasses, pendingInClasses = inClasses+len(c.All), pendingInClasses+len(c.Pending)
				for _, e := range slices.Concat(c.All, c.Pending) {
					if e.Deciders != c.All[0].Deciders || e.Namespace != c.All[0].Namespace || space.Find(e.Approval) != e {
						t.Fatalf("change %d: %s is in a class with %s", i, e.Key, c.All[0].Key)
					}
				}
				if !slices.IsSortedFunc(c.Pending, func(x, y *overview.Entry) int { return x.Urgency.Compare(y.Urgency) }) {
					t.Fatalf("change %d: a class is not sorted: %s", i, names(c.Pending))
				}
			}
			if inClasses != all || pendingInClasses != len(want) {
				t.Fatalf("change %d, %q: %d in classes, %d pending; want %d, %d", i, namespace, inClasses, pendingInClasses, all, len(want))
			}
			if got := names(space.Pending); got != fmt.Sprint(want) || len(space.All) != all || len(space.VotedBy("alice")) != len(byAlice) {
				t.Fatalf("change %d, %q: %s, want %s; %d of %d, %d of %d by alice", i, namespace, got, want, len(space.All), all, len(space.VotedBy("alice")), len(byAlice))
			}
		}
	}
}
