package approvals_test

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// object is a ballot that was made at a time and arrives whenever.
func object(voter string, v approvals.Verdict, uid string, made time.Time) approvals.Ballot {
	b := ct.Ballot(voter, v, "")
	b.Voter.Way, b.Voter.Evidence, b.Made = approvals.WayObject, "vote:"+uid, made
	return b
}

// TestBallotArrivesTwice: a ballot that is delivered again changes nothing, whatever
// its voter did since.
func TestBallotArrivesTwice(t *testing.T) {
	t.Parallel()
	first := object("alice", approve, "1", minute(1))
	page := ct.Ballot("alice", approvals.Withdraw, "")
	for name, c := range map[string]struct {
		since []approvals.Ballot
		again approvals.Ballot
		votes int
		code  approvals.Code
	}{
		"nothing since":          {nil, first, 1, ""},
		"withdrawn on the page":  {[]approvals.Ballot{page}, first, 0, approvals.CodeConflict},
		"withdrawn by an object": {[]approvals.Ballot{object("alice", approvals.Withdraw, "2", minute(1))}, first, 0, approvals.CodeConflict},
		"the withdrawal twice":   {[]approvals.Ballot{object("alice", approvals.Withdraw, "2", minute(2))}, object("alice", approvals.Withdraw, "2", minute(2)), 0, ""},
		"changed on the page":    {[]approvals.Ballot{ct.Ballot("alice", approve, "looks good")}, first, 1, approvals.CodeConflict},
		"withdrawn, voted again": {[]approvals.Ballot{page, ct.Ballot("alice", approve, "after all")}, first, 1, approvals.CodeConflict},
		"a new one after that":   {[]approvals.Ballot{page}, object("alice", approve, "3", minute(20)), 1, ""},
	} {
		a, now := ct.Make("a").Users("alice", "bob").Quorum(2).Obj(), 1
		for _, b := range append([]approvals.Ballot{first}, c.since...) {
			now++
			next, _, err := approvals.Cast(a, b, minute(now))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			a = next
		}
		got, _, err := approvals.Cast(a, c.again, minute(30))
		if approvals.CodeOf(err) != c.code || len(got.Votes) != c.votes {
			t.Errorf("%s: %v, votes %+v", name, err, got.Votes)
		}
		if c.code != "" && len(got.Votes) > 0 && got.Votes[0].Way == approvals.WayObject {
			t.Errorf("%s: the old one is back", name)
		}
	}
}

// TestBallotOfBefore: nobody votes on what was not there to be seen.
func TestBallotOfBefore(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice").Obj()
	if _, did, err := approvals.Cast(a, object("alice", approve, "1", a.OpenedAt.Add(-time.Second)), minute(1)); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("%s, %v", did, err)
	}
	a.Terms.SetAt = minute(5)
	if _, did, err := approvals.Cast(a, object("alice", approve, "1", minute(4)), minute(6)); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("before the terms: %s, %v", did, err)
	}
}

// TestOneLoginOnePerson: whom the provider names anew in between is not two people.
func TestOneLoginOnePerson(t *testing.T) {
	t.Parallel()
	login := func(name string) approvals.Ballot {
		b := ct.Ballot(name, approve, "", "sre")
		b.Voter.Way, b.Voter.Evidence = approvals.WayLogin, "oidc https://idp sub 7"
		return b
	}
	a := ct.Make("a").Users().Groups("sre").Quorum(2).Obj()
	a, _, err := approvals.Cast(a, login("alice@example.com"), minute(1))
	if err != nil {
		t.Fatal(err)
	}
	a, _, err = approvals.Cast(a, login("alice.smith@example.com"), minute(2))
	if err != nil || a.Decided() || len(a.Votes) != 1 {
		t.Errorf("one person's two names: %s with %d votes, %v", a.Outcome, len(a.Votes), err)
	}
}

// TestMoreProof: the same vote with a group that was not proved before counts by it.
func TestMoreProof(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice").Groups("sre").Quorum(2).Obj()
	a, _, _ = approvals.Cast(a, ct.Ballot("alice", approve, ""), minute(1))
	a, did, err := approvals.Cast(a, ct.Ballot("alice", approve, "", "sre"), minute(2))
	if err != nil || did != approvals.Voted || len(a.Votes) != 1 || len(a.Votes[0].Groups) != 1 {
		t.Errorf("%s, %v: %+v", did, err, a.Votes)
	}
}
