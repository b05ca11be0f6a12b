package approvals_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// A ballot whose write was refused, and that was made again behind another's, ends an
// Approval no earlier than the votes that it counts, anyone who's clock was behind.
func TestOutcomeIsNotOlderThanItsVotes(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).With(func(a *approvals.Approval) {
		a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approve, At: minute(3)}}
	}).Obj()
	for name, c := range map[string]struct {
		cast int // when bob's ballot was looked at
		want int
	}{
		"in order":     {4, 4},
		"out of order": {2, 3},
	} {
		got, did, err := approvals.Cast(a, ct.Ballot("bob", approve, ""), minute(c.cast))
		if err != nil || did != approvals.Ended || got.Outcome != approvals.Approved {
			t.Fatalf("%s: %v %v %v", name, got.Outcome, did, err)
		}
		if !got.DecidedAt.Equal(minute(c.want)) || !got.Votes[1].At.Equal(minute(c.cast)) {
			t.Errorf("%s: decided %s, bob's vote %s", name, got.DecidedAt, got.Votes[1].At)
		}
	}
	got, did, err := approvals.Cancel(a, approvals.Cancellation{By: "op", Reason: "no"}, minute(2))
	if err != nil || did != approvals.Ended || !got.DecidedAt.Equal(minute(3)) {
		t.Errorf("cancelled: %s %v %v", got.DecidedAt, did, err)
	}
}
