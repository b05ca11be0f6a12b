package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestCancel: what waits ends, what is decided starts nothing any more, and what has
// started is not taken back.
func TestCancel(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	approved := func() *ct.Builder { return ct.Make("a").Users("alice").Voted("alice", approve, "") }
	for name, c := range map[string]struct {
		a       *ct.Builder
		why     string
		did     approvals.Change
		ends    approvals.Outcome
		refused bool
	}{
		"pending":     {ct.Make("a"), "wrong branch", approvals.Ended, approvals.Cancelled, false},
		"blocked":     {ct.Make("a").Unresolved(nil), "never mind", approvals.Ended, approvals.Cancelled, false},
		"approved":    {approved(), "wrong branch", approvals.Stopped, approvals.Approved, false},
		"no reason":   {ct.Make("a"), " \n", approvals.NoChange, approvals.Pending, true},
		"too long":    {ct.Make("a"), strings.Repeat("x", approvals.MaxComment+1), approvals.NoChange, approvals.Pending, true},
		"rejected":    {ct.Make("a").Users("alice").Voted("alice", reject, ""), "x", approvals.NoChange, approvals.Rejected, true},
		"has started": {approved().With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "a"} }), "x", approvals.NoChange, approvals.Approved, true},
	} {
		got, did, err := approvals.Cancel(c.a.Obj(), approvals.Cancellation{By: "olga", Reason: c.why}, minute(5))
		if did != c.did || got.Outcome != c.ends || (err != nil) != c.refused {
			t.Errorf("%s: %s, %s, %v", name, did, got.Outcome, err)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
		if c.did == approvals.NoChange {
			continue
		}
		if got.ToRelease() || *got.Cancellation != (approvals.Cancellation{By: "olga", Reason: c.why, At: minute(5)}) {
			t.Errorf("%s: to release %t, %+v", name, got.ToRelease(), got.Cancellation)
		}
		again, did, err := approvals.Cancel(got, approvals.Cancellation{By: "eve", Reason: "me too"}, minute(6))
		if err != nil || did != approvals.NoChange || again.Cancellation.By != "olga" {
			t.Errorf("%s again: %s, %v", name, did, err)
		}
	}
}

// TestGiveUp: a run is started within a day of the decision or not at all.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").Users("alice").Voted("alice", approve, "").Obj()
	end := a.DecidedAt.Add(approvals.ReleaseWithin)
	if _, did := approvals.GiveUp(a, end.Add(-time.Nanosecond)); did != approvals.NoChange {
		t.Errorf("before its time: %s", did)
	}
	got, did := approvals.GiveUp(a, end)
	if did != approvals.Stopped || got.ToRelease() || got.Outcome != approvals.Approved {
		t.Errorf("%s: %+v", did, got)
	}
	said.Check(t, "given up", got.Unreleased.Message)
	if _, did := approvals.GiveUp(got, end); did != approvals.NoChange {
		t.Errorf("again: %s", did)
	}
	a.SecondRun = &approvals.Run{Name: "a"}
	if _, did := approvals.GiveUp(a, end); did != approvals.NoChange {
		t.Errorf("its run was seen: %s", did)
	}
}

// TestSupersedeStuck: a newer one takes the place of one that can't be released, and
// leaves one alone that is being released.
func TestSupersedeStuck(t *testing.T) {
	t.Parallel()
	newest := func(a *approvals.Approval) {
		a.Resolved.Policy.Supersede, a.Resolved.SupersedeKey = approvals.SupersedeNewest, "prod"
	}
	old := ct.Make("a").Users("alice").With(newest).Voted("alice", approve, "").Obj()
	newer := ct.Make("b").With(newest).With(func(a *approvals.Approval) { a.OpenedAt = a.OpenedAt.Add(time.Second) }).Obj()
	if _, did := approvals.Supersede(old, newer, minute(5)); did != approvals.NoChange {
		t.Errorf("being released: %s", did)
	}
	old.Unreleased = &approvals.Problem{Reason: "ListenerDown", Message: "no"}
	got, did := approvals.Supersede(old, newer, minute(5))
	if did != approvals.Stopped || got.ToRelease() || got.Outcome != approvals.Approved || got.Cancellation == nil {
		t.Errorf("%s: %+v", did, got.Cancellation)
	}
}
