package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestRefusedWhileAskedAgain: who asks again while somebody says no does not undo that. What
// asks in the place of a refusal ends, whether it has been decided or not.
func TestRefusedWhileAskedAgain(t *testing.T) {
	t.Parallel()
	pending := ct.Make("a").Obj()
	pending.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: approvals.ReasonContentChanged, Message: "x"}})
	next := ct.Make("b").Obj()
	again := approvals.AgainOf(pending, "olga")
	next.Replaces = &again
	later := ct.T0.Add(time.Second)
	approved, _, err := approvals.Cast(next, ct.Ballot("alice", approvals.Approve, ""), later)
	if err != nil || approved.Outcome != approvals.Approved {
		t.Fatal(approved.Outcome, err)
	}
	rejected, _, err := approvals.Cast(pending, ct.Ballot("alice", approvals.Reject, "no"), later)
	if err != nil {
		t.Fatal(err)
	}
	cancelled, _, err := approvals.Cancel(pending, approvals.Cancellation{By: "olga", Reason: "no need"}, later)
	if err != nil {
		t.Fatal(err)
	}
	old := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	stopped, _, err := approvals.Cancel(old, approvals.Cancellation{By: "olga", Reason: "no need"}, later)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		before approvals.Approval
		says   string
	}{
		"rejected":            {rejected, "was rejected meanwhile"},
		"cancelled":           {cancelled, "was cancelled by olga meanwhile"},
		"its start cancelled": {stopped, "was cancelled by olga meanwhile"},
	} {
		if o, did := approvals.TakeOver(c.before, next, later); did != approvals.NoChange || o.SupersededBy != "" || o.Outcome != c.before.Outcome {
			t.Errorf("%s: taken over: %s, %s by %q", name, did, o.Outcome, o.SupersededBy)
		}
		if o, did := approvals.NotInPlace(next, c.before, later); did != approvals.Ended || o.Outcome != approvals.Cancelled || !strings.Contains(o.Cancellation.Reason, c.says) {
			t.Errorf("%s: the pending one: %s, %s", name, did, o.Outcome)
		}
		if o, did := approvals.NotInPlace(approved, c.before, later); did != approvals.Stopped || o.ToRelease() {
			t.Errorf("%s: the approved one: %s, starts: %t", name, did, o.ToRelease())
		}
		other := c.before
		other.UID = "other"
		if _, did := approvals.NotInPlace(next, other, later); did != approvals.NoChange {
			t.Errorf("%s of another one: %s", name, did)
		}
	}
	taken, did := approvals.TakeOver(pending, next, later)
	if did != approvals.Ended || taken.SupersededBy != "b" || taken.BarsAgain() != "" {
		t.Errorf("what waits: %s, %s", did, taken.BarsAgain())
	}
	if _, did := approvals.NotInPlace(next, taken, later); did != approvals.NoChange {
		t.Errorf("in the place of what it took over: %s", did)
	}
}
