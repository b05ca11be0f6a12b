package tasks_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// TestAsksAgain: only what nobody decided is asked again, and what somebody decided against
// is final for every later attempt.
func TestAsksAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcome      approvals.Outcome
		by           string // who cancelled it
		again, final bool
	}{
		{approvals.Approved, "", false, false},
		{approvals.Rejected, "", false, true},
		{approvals.Expired, "", true, false},
		{approvals.Cancelled, "", false, false}, // its task had ended
		{approvals.Cancelled, "alice", false, true},
		{approvals.Superseded, "", false, true},
		{approvals.Pending, "", false, false},
	} {
		a := approvals.Approval{Outcome: c.outcome}
		if c.outcome == approvals.Cancelled {
			a.Cancellation = &approvals.Cancellation{By: c.by, Reason: "x"}
		}
		if got := tasks.AsksAgain(c.outcome); got != c.again {
			t.Errorf("%s asks again: %v", c.outcome, got)
		}
		if got := tasks.Final(a); got != c.final {
			t.Errorf("%s by %q is final: %v", c.outcome, c.by, got)
		}
	}
}
