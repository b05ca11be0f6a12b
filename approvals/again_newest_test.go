package approvals_test

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestAskedAgainSupersedesNothing: it is opened last, and what it asks about is old.
func TestAskedAgainSupersedesNothing(t *testing.T) {
	t.Parallel()
	newest := func(name string, opened time.Time) approvals.Approval {
		return ct.Make(name).With(func(a *approvals.Approval) {
			a.UID, a.OpenedAt, a.Terms.Policy.Supersede = name, opened, approvals.SupersedeNewest
		}).Obj()
	}
	waits, late := newest("b", ct.T0), newest("a-again", ct.T0.Add(time.Hour))
	if !approvals.Supersedes(late, waits) {
		t.Fatal("a newer one does not supersede, so this test proves nothing")
	}
	late.Again = &approvals.AskedAgain{Of: "a", OfUID: "a", Number: 1}
	if approvals.Supersedes(late, waits) {
		t.Error("what asks again about an older one takes the place of a newer one")
	}
}
