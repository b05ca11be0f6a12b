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
	b.Voter.AuthMethod, b.Voter.CredentialID, b.Made = approvals.AuthObject, "vote:"+uid, made
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
		if c.code != "" && len(got.Votes) > 0 && got.Votes[0].AuthMethod == approvals.AuthObject {
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
	a.Resolved.ResolvedAt = minute(5)
	if _, did, err := approvals.Cast(a, object("alice", approve, "1", minute(4)), minute(6)); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("before it is resolved: %s, %v", did, err)
	}
}

// TestOneLoginOnePerson: whom the provider names anew in between is not two people.
func TestOneLoginOnePerson(t *testing.T) {
	t.Parallel()
	login := func(name string) approvals.Ballot {
		b := ct.Ballot(name, approve, "", "sre")
		b.Voter.AuthMethod, b.Voter.CredentialID = approvals.AuthLogin, "oidc https://idp sub 7"
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
	for id, theirs := range map[string]bool{"ALICE@example.com": true, "bob": false, "": false} {
		if got := a.VoteOf(approvals.Identity{Name: id}); (got != nil) != theirs {
			t.Errorf("%q is shown %+v as their own", id, got)
		}
	}
	if a.VoteOf(login("alice@example.org").Voter) == nil {
		t.Error("by a third name one's own vote is not shown, and can't be taken back")
	}
}

// TestOneLoginTwoVotes: a login that has voted by the name before, and by the name that it
// has now in another way, has one vote from when that shows, and takes both back.
func TestOneLoginTwoVotes(t *testing.T) {
	t.Parallel()
	login := func(v approvals.Verdict, name, comment string) approvals.Ballot {
		b := ct.Ballot(name, v, comment, "sre")
		b.Voter.AuthMethod, b.Voter.CredentialID = approvals.AuthLogin, "oidc https://idp sub 7"
		return b
	}
	a := ct.Make("a").Users().Groups("sre").Quorum(3).Obj()
	for _, b := range []approvals.Ballot{login(approve, "alice", ""), ct.Ballot("alice.smith", approve, "", "sre")} {
		next, _, err := approvals.Cast(a, b, minute(1))
		if err != nil {
			t.Fatal(err)
		}
		a = next
	}
	for name, c := range map[string]struct {
		ballot approvals.Ballot
		votes  int
	}{
		"votes": {login(approve, "alice.smith", "both are me"), 1},
		// The same vote as the first of the two is one more look at who it is.
		"votes the same": {login(approve, "alice.smith", ""), 1},
		"withdraws":      {login(approvals.Withdraw, "alice.smith", ""), 0},
	} {
		got, did, err := approvals.Cast(a, c.ballot, minute(2))
		if err != nil || did == approvals.NoChange || len(got.Votes) != c.votes {
			t.Errorf("%s: %s, %v: %+v", name, did, err, got.Votes)
		}
		got, _, err = approvals.Cast(got, ct.Ballot("bob", approve, "", "sre"), minute(3))
		if err != nil || got.Decided() || approvals.Missing(got) != 3-c.votes-1 {
			t.Errorf("%s: with bob %s, %d missing, %v", name, got.Outcome, approvals.Missing(got), err)
		}
	}
}

// TestBallotOfOtherQueue: a Vote object is taken in turn with others of its voter, and not
// with what they said in an ApprovalTask since.
func TestBallotOfOtherQueue(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Obj()
	answer := ct.Ballot("alice", approve, "in the task")
	answer.Voter.AuthMethod, answer.Voter.CredentialID = approvals.AuthObject, "approvaltask:u:alice"
	a, _, _ = approvals.Cast(a, answer, minute(10))
	if got, did, err := approvals.Cast(a, object("alice", approvals.Withdraw, "1", minute(5)), minute(11)); approvals.CodeOf(err) != approvals.CodeConflict || len(got.Votes) != 1 {
		t.Errorf("%s, %v: an older object undid %+v", did, err, got.Votes)
	}
	if got, _, err := approvals.Cast(a, object("alice", approvals.Withdraw, "2", minute(12)), minute(13)); err != nil || len(got.Votes) != 0 {
		t.Errorf("a newer object did not: %v", err)
	}
}

// TestBallotRecordedThenForbidden: what stands is not refused when it arrives again, though
// its voter could not cast it any more.
func TestBallotRecordedThenForbidden(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("bob").Groups("sre").Quorum(2).Obj()
	b := object("alice", approve, "1", minute(1))
	b.Voter.Groups = []string{"sre"}
	a, _, err := approvals.Cast(a, b, minute(2))
	if err != nil {
		t.Fatal(err)
	}
	b.Voter.Groups = nil
	if _, did, err := approvals.Cast(a, b, minute(3)); did != approvals.NoChange || err != nil {
		t.Errorf("%s, %v", did, err)
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
