package approvals_test

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestOnePersonInAnyOrder: anyone who has a name, an address that is used as one, and a
// login, has one vote, whichever they use first, and as somebody's delegate too.
func TestOnePersonInAnyOrder(t *testing.T) {
	t.Parallel()
	d := directory(t, approvals.Person{Names: []string{"mallory", "m2"}, Emails: []string{"mallory@example.com"}})
	voter := func(way approvals.AuthMethod, name, address string) approvals.Identity {
		return approvals.Identity{Name: name, AuthMethod: way, Address: address, CredentialID: "of " + name, Groups: []string{"sre"}}
	}
	delegate := voter(approvals.AuthToken, "mallory", "")
	delegate.DelegateOf, delegate.Groups = []string{"ceo"}, nil
	other := voter(approvals.AuthToken, "m2", "")
	byName, byAddress := voter(approvals.AuthToken, "mallory", ""), voter(approvals.AuthToken, "mallory@example.com", "")
	for name, pair := range map[string][2]approvals.Identity{
		"a name and an address":           {byName, byAddress},
		"in another case":                 {byName, voter(approvals.AuthToken, "Mallory@Example.com", "")},
		"two names":                       {byName, other},
		"a login by an unknown name":      {byName, voter(approvals.AuthLogin, "sub-5", "mallory@example.com")},
		"an address and such a login":     {byAddress, voter(approvals.AuthLogin, "sub-5", "mallory@example.com")},
		"with a comment":                  {byAddress, voter(approvals.AuthToken, "mallory(2)@example.com", "")},
		"sorted by a plus":                {byAddress, voter(approvals.AuthToken, "mallory+2@example.com", "")},
		"a login, sorted by a plus":       {byAddress, voter(approvals.AuthLogin, "sub-5", "mallory+2@example.com")},
		"a delegate, and by an address":   {delegate, byAddress},
		"a delegate, and by another name": {delegate, other},
		"a delegate, and by such a login": {delegate, voter(approvals.AuthLogin, "sub-5", "mallory@example.com")},
		"a Vote object and an address":    {voter(approvals.AuthObject, "mallory", ""), byAddress},
		"Slack, by an address, and name":  {voter(approvals.AuthSlack, "m2", "mallory@example.com"), byName},
	} {
		for _, order := range []string{"forwards", "backwards"} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				a := ct.Make("a").Users("ceo", "bob").With(func(a *approvals.Approval) {
					a.Resolved.Policy.Strategy, a.Resolved.Policy.Groups = approvals.FourEyes, []string{"sre"}
				}).Obj()
				ids := pair[:]
				if order == "backwards" {
					ids = []approvals.Identity{pair[1], pair[0]}
				}
				for i, id := range ids {
					var err error
					if a, _, err = approvals.Cast(a, approvals.Ballot{Voter: d.Know(id), Verdict: approve}, minute(i+1)); err != nil {
						t.Fatal(err)
					}
				}
				if a.Decided() || approvals.Missing(a) != 1 {
					t.Fatalf("one person made it %s: %+v", a.Outcome, a.Votes)
				}
				var err error
				if a, _, err = approvals.Cast(a, ct.Ballot("bob", approve, ""), minute(5)); err != nil || a.Outcome != approvals.Approved {
					t.Errorf("with bob's: %s, %v", a.Outcome, err)
				}
			})
		}
	}
}

// TestInPersonByAnotherName: anyone who votes in person takes their delegate's place, by
// whichever name of theirs.
func TestInPersonByAnotherName(t *testing.T) {
	t.Parallel()
	d := directory(t, approvals.Person{Names: []string{"ceo"}, Emails: []string{"ceo@example.com"}})
	a := ct.Make("a").Users("ceo", "ceo@example.com", "bob").With(func(a *approvals.Approval) { a.Resolved.Policy.Strategy = approvals.FourEyes }).Obj()
	delegate := ct.Ballot("dora", approve, "")
	delegate.Voter.DelegateOf = []string{"ceo"}
	own := ct.Ballot("ceo@example.com", approve, "")
	own.Voter = d.Know(own.Voter)
	for i, b := range []approvals.Ballot{delegate, own} {
		var err error
		if a, _, err = approvals.Cast(a, b, minute(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if a.Decided() || slices.ContainsFunc(a.Votes, func(v approvals.Vote) bool { return v.OnBehalfOf != "" }) {
		t.Errorf("%s by %+v", a.Outcome, a.Votes)
	}
}

// TestOneMailboxWhoeverIsFirst: a vote that shows two others to be of one mailbox joins
// them, in every order.
func TestOneMailboxWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	votes := []approvals.Vote{
		{Voter: "a@example.com", Verdict: approve},
		{Voter: "x", Address: "b@example.com", Verdict: approve},
		{Voter: "b@example.com", Address: "A@example.com", Verdict: approve},
		{Voter: "carol", Verdict: approve},
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {2, 1, 0, 3}, {1, 2, 3, 0}, {3, 0, 1, 2}, {0, 3, 1, 2}} {
		a := ct.Make("a").Groups("sre").With(func(a *approvals.Approval) {
			a.Resolved.Policy.Strategy, a.Resolved.Policy.Required = approvals.Quorum, 4
		}).Obj()
		for _, i := range order {
			a.Votes = append(a.Votes, votes[i])
		}
		if got := approvals.Missing(a); got != 2 {
			t.Errorf("%v: %d missing of 4, want 2: two people voted", order, got)
		}
	}
}
