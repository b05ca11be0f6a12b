package approvals_test

import (
	"context"
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
			a.UID, a.OpenedAt, a.Resolved.Policy.Supersede = name, opened, approvals.SupersedeNewest
		}).Obj()
	}
	waits, late := newest("b", ct.T0), newest("a-again", ct.T0.Add(time.Hour))
	if !approvals.Supersedes(late, waits) {
		t.Fatal("a newer one does not supersede, so this test proves nothing")
	}
	late.Replaces = &approvals.Replacement{Name: "a", UID: "a", Number: 1}
	if approvals.Supersedes(late, waits) {
		t.Error("what asks again about an older one takes the place of a newer one")
	}
}

// reopens is a Reopener that opens what it is asked for.
type reopens struct{}

func (reopens) Reopen(_ context.Context, old approvals.Approval, by string) (approvals.Approval, error) {
	next, again := ct.Make(old.Name+"-again").Obj(), approvals.AgainOf(old, by)
	next.Replaces = &again
	return next, nil
}

// TestRequesterAsksAgain: a requester who was proved may; somebody who is only said to have
// asked may have written that themselves.
func TestRequesterAsksAgain(t *testing.T) {
	t.Parallel()
	for proof, want := range map[approvals.Proof]approvals.Code{approvals.NoProof: approvals.CodeForbidden, approvals.ByAdmission: "", approvals.BySignature: ""} {
		expired := ct.Make("a").With(func(a *approvals.Approval) {
			a.Resolved.Requester, a.Resolved.RequesterProof = "zoe", proof
			a.Outcome, a.DecidedAt = approvals.Expired, ct.T0
		}).Obj()
		store := ct.NewMemStore(expired)
		d := &approvals.VoteService{Store: store, Again: reopens{}, Now: func() time.Time { return ct.T0.Add(time.Hour) }, Outcomes: ct.NoOutcomes{}}
		next, err := d.AskAgain(t.Context(), expired.Key, approvals.Identity{Name: "zoe", AuthMethod: approvals.AuthToken})
		if approvals.CodeOf(err) != want || (err == nil) != (next.Replaces != nil) {
			t.Errorf("proof %q: %v, %+v", proof, err, next.Replaces)
		}
	}
}
