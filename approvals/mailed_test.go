package approvals_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// byLink is somebody who came by the link that was mailed to address.
func byLink(name, address string, v approvals.Verdict) approvals.Ballot {
	return approvals.Ballot{
		Voter:   approvals.Identity{Name: name, AuthMethod: approvals.AuthLink, Address: address, CredentialID: "link to " + address},
		Verdict: v,
	}
}

func told(name, address string) approvals.Approver {
	return approvals.Approver{Name: name, Email: address}
}

func gate(s approvals.Strategy, people ...approvals.Approver) approvals.Approval {
	return ct.Make("a").With(func(a *approvals.Approval) {
		a.Resolved.Policy.Strategy, a.Resolved.Policy.Approvers = s, people
	}).Obj()
}

// TestLinkProvesAnAddress: anyone who writes the Gate says where people are told, and not
// whose mailbox that is.
func TestLinkProvesAnAddress(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	d := directory(t, approvals.Person{Names: []string{"ceo"}, Emails: []string{"ceo@example.com"}})
	for name, c := range map[string]struct {
		who, mailed string
		refused     bool
	}{
		"their name":                {"ceo@example.com", "CEO@example.com", false},
		"the directory's":           {"ceo", "ceo@example.com", false},
		"another's":                 {"ceo", "mallory@example.com", true},
		"another's, for an address": {"ceo@example.com", "mallory@example.com", true},
		"one that only begins so":   {"ceo", "ceo@example.com.evil.example", true},
		"of an older service":       {"ceo@example.com", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range []approvals.Verdict{approve, reject, approvals.Withdraw} {
				b := byLink(c.who, c.mailed, v)
				b.Voter = d.Know(b.Voter)
				got, _, err := approvals.Cast(gate(approvals.Quorum, told(c.who, c.mailed), told("bob", "")), b, minute(1))
				switch {
				case !c.refused && v != approvals.Withdraw && (err != nil || got.Votes[0].Address != c.mailed):
					t.Errorf("%s: %v, %+v", v, err, got.Votes)
				case c.refused && approvals.CodeOf(err) != approvals.CodeForbidden:
					t.Errorf("%s: %v", v, err)
				case c.refused:
					said.Check(t, name+", to "+string(v), approvals.Message(err))
				}
			}
		})
	}
}

// TestOneMailbox: one reader is one person, whatever they are called on the Gate, and
// whatever an administrator says whose the mailbox is.
func TestOneMailbox(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const desk = "release-desk@example.com"
	d := directory(t, approvals.Person{Names: []string{"alice"}, Emails: []string{desk}}, approvals.Person{Names: []string{"bob"}, Emails: []string{"bob@example.com"}})
	for name, c := range map[string]struct {
		strategy approvals.Strategy
		people   []approvals.Approver
		refused  bool
	}{
		"four eyes":            {approvals.FourEyes, []approvals.Approver{told("alice", desk), told("bob", "Release-Desk@example.com")}, true},
		"everybody":            {approvals.Multi, []approvals.Approver{told("alice", desk), told("bob", desk)}, true},
		"with comments":        {approvals.FourEyes, []approvals.Approver{told("alice", "release-desk(a)@example.com"), told("bob", "(b)release-desk@example.com")}, true},
		"sorted by a plus":     {approvals.FourEyes, []approvals.Approver{told("alice", "release-desk+a@example.com"), told("bob", "release-desk+b@example.com")}, true},
		"a name and a mailbox": {approvals.FourEyes, []approvals.Approver{told("bob@example.com", "bob@example.com"), told("carol", "bob@example.com")}, true},
		"one more":             {approvals.FourEyes, []approvals.Approver{told("alice", desk), told("bob", desk), told("carol", "")}, false},
		"one is enough":        {approvals.Single, []approvals.Approver{told("alice", desk), told("bob", desk)}, false},
		"told nowhere":         {approvals.FourEyes, []approvals.Approver{told("alice", ""), told("bob", "")}, false},
		"two of one person":    {approvals.FourEyes, []approvals.Approver{told("bob", ""), told("robert", "")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := gate(c.strategy, c.people...).Resolved.Policy
			err := p.ValidateFor(approvals.RequesterIdentity{}, d)
			if (err != nil) != c.refused {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
			p.LinkNeedsLogin = true
			if err := p.ValidateFor(approvals.RequesterIdentity{}, d); err != nil {
				t.Errorf("no link decides, so nobody reads two votes out of one mailbox: %v", err)
			}
		})
	}
	both := directory(t, approvals.Person{Names: []string{"bob", "robert"}})
	p := gate(approvals.FourEyes, told("bob", ""), told("robert", "")).Resolved.Policy
	err := p.ValidateFor(approvals.RequesterIdentity{}, both)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("two names of one person: %v", err)
	}
	said.Check(t, "two names of one person", approvals.Message(err))

	// Whatever the Gate was when it was opened: the votes of one mailbox count once.
	a := gate(approvals.FourEyes, told("alice", desk), told("bob", desk), told("carol", ""))
	cast := func(b approvals.Ballot, at int) {
		t.Helper()
		var err error
		b.Voter.Emails = []string{b.Voter.Address} // which are two for the directory
		if a, _, err = approvals.Cast(a, b, minute(at)); err != nil {
			t.Fatal(err)
		}
	}
	cast(byLink("alice", desk, approve), 1)
	cast(byLink("bob", "Release-desk+bob@example.com", approve), 2)
	if a.Decided() || approvals.Missing(a) != 1 || len(a.Votes) != 2 {
		t.Fatalf("%s, %d missing, by one reader", a.Outcome, approvals.Missing(a))
	}
	if got := approvals.CountsWith(a, a.Votes[1]); len(got) != 1 || got[0] != "alice" {
		t.Errorf("bob's counts with %v", got)
	}
	if got := approvals.CountsWith(a, a.Votes[0]); got != nil {
		t.Errorf("alice's counts with %v", got)
	}
	if cast(ct.Ballot("carol", approve, ""), 3); a.Outcome != approvals.Approved {
		t.Errorf("with carol's: %s", a.Outcome)
	}
}

// TestTwoNamesOnePerson: anyone who votes by a second name of theirs has voted before.
func TestTwoNamesOnePerson(t *testing.T) {
	t.Parallel()
	d := directory(t, approvals.Person{Names: []string{"alice", "alice@example.com"}})
	a := gate(approvals.FourEyes, told("alice", ""), told("alice@example.com", "alice@example.com"), told("bob", ""))
	for i, name := range []string{"alice", "alice@example.com"} {
		b := ct.Ballot(name, approve, "")
		b.Voter = d.Know(b.Voter)
		var err error
		if a, _, err = approvals.Cast(a, b, minute(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if a.Decided() || len(a.Votes) != 1 {
		t.Errorf("%s by %+v", a.Outcome, a.Votes)
	}
}

// TestRevokeLink: a link ends once, with the vote that came by it, and nothing else does.
func TestRevokeLink(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := gate(approvals.FourEyes, told("alice@example.com", "alice@example.com"), told("bob@example.com", "bob@example.com"), told("carol", ""))
	by := approvals.Identity{Name: "olga"}
	var err error
	if a, _, err = approvals.Cast(a, byLink("alice@example.com", "alice@example.com", approve), minute(1)); err != nil {
		t.Fatal(err)
	}
	a, did, err := approvals.RevokeLink(a, "Alice@example.com", by, minute(2))
	if err != nil || did != approvals.LinkRevoked || len(a.Votes) != 0 || len(a.Revoked) != 1 || len(a.Withdrawn) != 1 {
		t.Fatalf("%s, %v, %+v", did, err, a)
	}
	if _, did, err := approvals.RevokeLink(a, "alice@example.com", by, minute(3)); err != nil || did != approvals.NoChange {
		t.Errorf("again: %s, %v", did, err)
	}
	_, _, err = approvals.Cast(a, byLink("alice@example.com", "alice@example.com", approve), minute(4))
	if approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("by the link: %v", err)
	}
	said.Check(t, "by the link", approvals.Message(err))
	if next, _, err := approvals.Cast(a, ct.Ballot("alice@example.com", approve, ""), minute(4)); err != nil || len(next.Votes) != 1 {
		t.Errorf("by a token: %v", err)
	}
	if next, _, err := approvals.Cast(a, byLink("bob@example.com", "bob@example.com", approve), minute(4)); err != nil || len(next.Votes) != 1 {
		t.Errorf("another's link: %v", err)
	}
	for _, who := range []string{"carol", "mallory", ""} {
		if _, did, err := approvals.RevokeLink(a, who, by, minute(5)); approvals.CodeOf(err) != approvals.CodeInvalid || did != approvals.NoChange {
			t.Errorf("%q, who was mailed none: %s, %v", who, did, err)
		}
	}
	ended, _ := approvals.Expire(a, a.Deadline())
	if _, _, err := approvals.RevokeLink(ended, "bob@example.com", by, a.Deadline()); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("after the end: %v", err)
	}
	byToken := gate(approvals.FourEyes, told("alice@example.com", "alice@example.com"), told("bob", ""))
	if byToken, _, err = approvals.Cast(byToken, ct.Ballot("alice@example.com", approve, ""), minute(1)); err != nil {
		t.Fatal(err)
	}
	if next, _, err := approvals.RevokeLink(byToken, "alice@example.com", by, minute(2)); err != nil || len(next.Votes) != 1 {
		t.Errorf("a vote by a token goes with the link: %v", err)
	}
	gone := byLink("bob@example.com", "bob@example.com", approve)
	gone.Voter.LinkEnded = "the gate does not name bob any more"
	if _, _, err := approvals.Cast(a, gone, minute(4)); approvals.CodeOf(err) != approvals.CodeForbidden || approvals.Message(err) != gone.Voter.LinkEnded {
		t.Errorf("of somebody whom the Gate does not name any more: %v", err)
	}
}
