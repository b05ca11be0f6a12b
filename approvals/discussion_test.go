package approvals_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// says is a comment of somebody who came with a token.
func says(who string, v approvals.Verdict, text, id string) approvals.Ballot {
	b := ct.Ballot(who, v, text)
	b.ID = id
	return b
}

// discussed is asked about by alice and bob, of whom one has to approve; rita requested it.
func discussed() *ct.Builder { return ct.Make("a").Users("alice", "bob").Requester("rita") }

// TestDiscuss: who may say what, and when.
func TestDiscuss(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	link := func(address string) approvals.Ballot {
		b := says("alice", approvals.Remark, "hello", "1")
		b.Voter.AuthMethod, b.Voter.Address, b.Voter.Emails = approvals.AuthLink, address, []string{"alice@example.com"}
		return b
	}
	with := func(b approvals.Ballot, f func(*approvals.Ballot)) approvals.Ballot { f(&b); return b }
	for name, c := range map[string]struct {
		a    *ct.Builder
		b    approvals.Ballot
		at   time.Duration
		code approvals.Code
	}{
		"an approver":                 {b: says("alice", approvals.Remark, "why now?", "")},
		"an approver wants changes":   {b: says("alice", approvals.AskForChanges, "not on a Friday", "")},
		"the requester":               {b: says("rita", approvals.Remark, "because of INC-7", "")},
		"the requester wants changes": {b: says("rita", approvals.AskForChanges, "wait", ""), code: approvals.CodeForbidden},
		"a stranger":                  {b: says("mallory", approvals.Remark, "hi", ""), code: approvals.CodeForbidden},
		"nobody":                      {b: says("", approvals.Remark, "hi", ""), code: approvals.CodeUnauthenticated},
		"their own link":              {b: link("alice@example.com")},
		"a link to another's mailbox": {b: link("mallory@example.com"), code: approvals.CodeForbidden},
		"nothing":                     {b: says("alice", approvals.Remark, " \n\u202e ", ""), code: approvals.CodeInvalid},
		"too long":                    {b: says("alice", approvals.Remark, strings.Repeat("x", approvals.MaxComment+1), ""), code: approvals.CodeInvalid},
		"an id that is too long":      {b: says("alice", approvals.Remark, "x", strings.Repeat("x", 65)), code: approvals.CodeInvalid},
		"an id with a line end in it": {b: says("alice", approvals.Remark, "x", "a\x00b"), code: approvals.CodeInvalid},
		"break-glass":                 {b: with(says("alice", approvals.Remark, "x", ""), func(b *approvals.Ballot) { b.BreakGlass = true }), code: approvals.CodeInvalid},
		"too late":                    {b: says("alice", approvals.Remark, "x", ""), at: time.Hour, code: approvals.CodeGone},
		"decided":                     {a: discussed().Voted("bob", approvals.Approve, ""), b: says("alice", approvals.Remark, "x", ""), code: approvals.CodeConflict},
		"not resolved":                {a: ct.Make("a").Unresolved(nil), b: says("alice", approvals.Remark, "x", ""), code: approvals.CodeNotReady},
		"older than what it is about": {b: with(says("alice", approvals.Remark, "x", ""), func(b *approvals.Ballot) { b.Made = ct.T0.Add(-time.Second) }), code: approvals.CodeConflict},
		"a way that a policy rules out": {a: discussed().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Limits.Methods = []approvals.AuthMethod{approvals.AuthLogin}
		}), b: says("alice", approvals.Remark, "x", ""), code: approvals.CodeForbidden},
		"a requester whom nobody vouches": {a: ct.Make("a").Said("rita"), b: says("rita", approvals.Remark, "x", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.a
			if b == nil {
				b = discussed()
			}
			before := b.Obj()
			got, did, err := approvals.Cast(before, c.b, ct.T0.Add(max(c.at, time.Minute)))
			if approvals.CodeOf(err) != c.code {
				t.Fatalf("got %q %v, want code %q", approvals.CodeOf(err), err, c.code)
			}
			if c.code != "" {
				said.Check(t, name, approvals.Message(err))
				if d := cmp.Diff(before, got); d != "" || did != approvals.NoChange {
					t.Errorf("refused, and it changed (%s):\n%s", did, d)
				}
				return
			}
			want := approvals.Comment{
				By: c.b.Voter.Name, Text: c.b.Comment, NeedsChanges: c.b.Verdict == approvals.AskForChanges, At: ct.T0.Add(time.Minute),
				AuthMethod: c.b.Voter.AuthMethod, CredentialID: c.b.Voter.CredentialID, Address: c.b.Voter.Address, ID: c.b.ID,
			}
			if d := cmp.Diff([]approvals.Comment{want}, got.Discussion); d != "" || did != approvals.Commented || got.Decided() {
				t.Errorf("%s, %s:\n%s", did, got.Outcome, d)
			}
		})
	}
}

// TestNeedsChanges: an approval is taken back by its voter's wish for changes, and that is
// answered by their next vote and by nobody else's.
func TestNeedsChanges(t *testing.T) {
	t.Parallel()
	a, at := ct.Make("a").Users("alice", "bob", "carol").Quorum(3).Requester("rita").Obj(), ct.T0
	do := func(b approvals.Ballot, want approvals.Change, wanted ...string) {
		t.Helper()
		at = at.Add(time.Minute)
		next, did, err := approvals.Cast(a, b, at)
		if err != nil || did != want {
			t.Fatalf("%s: %s, %v; want %s", b.Verdict, did, err, want)
		}
		if d := cmp.Diff(wanted, next.NeedsChanges()); d != "" {
			t.Errorf("who wants changes after %s of %s:\n%s", b.Verdict, b.Voter.Name, d)
		}
		a = next
	}
	do(ct.Ballot("alice", approvals.Approve, "fine"), approvals.Voted)
	do(says("alice", approvals.AskForChanges, "no, the subnet is wrong", "1"), approvals.Commented, "alice")
	if a.VoteOf(approvals.Identity{Name: "alice"}) != nil || len(a.Withdrawn) != 1 {
		t.Errorf("votes %v, withdrawn %v: the approval is not taken back", a.Votes, a.Withdrawn)
	}
	do(says("alice", approvals.AskForChanges, "no, the subnet is wrong", "1"), approvals.NoChange, "alice")
	do(ct.Ballot("bob", approvals.Approve, ""), approvals.Voted, "alice")
	do(says("rita", approvals.Remark, "mended", ""), approvals.Commented, "alice")
	do(says("rita", approvals.Remark, "mended", ""), approvals.NoChange, "alice")
	do(says("carol", approvals.AskForChanges, "and the name", ""), approvals.Commented, "alice", "carol")
	do(ct.Ballot("alice", approvals.Approve, ""), approvals.Voted, "carol")
	if c := a.Discussion[0]; !c.ClearedAt.Equal(at) {
		t.Errorf("cleared at %s, want %s", c.ClearedAt, at)
	}
	do(ct.Ballot("carol", approvals.Reject, ""), approvals.Ended)
	if _, did, err := approvals.Cast(a, says("alice", approvals.AskForChanges, "no, the subnet is wrong", "1"), at); did != approvals.NoChange || err != nil {
		t.Errorf("the same again after the end: %s, %v", did, err)
	}
}

// TestDiscussionIsBounded: by number, by time, by size; and nobody takes another's place.
func TestDiscussionIsBounded(t *testing.T) {
	t.Parallel()
	one := func(who string, n int, size int, each time.Duration) approvals.Approval {
		a := ct.Make("a").Users("alice", "bob", "carol", "dave").Requester("rita").With(func(a *approvals.Approval) { a.Resolved.Policy.Lifetime = 24 * time.Hour }).Obj()
		for i := range n {
			a.Discussion = append(a.Discussion, approvals.Comment{By: who, Text: strings.Repeat("x", size), At: ct.T0.Add(time.Duration(i) * each)})
		}
		return a
	}
	for name, c := range map[string]struct {
		a    approvals.Approval
		who  string
		code approvals.Code
	}{
		"the last of all":          {a: one("bob", approvals.MaxDiscussion-approvals.AskReserve-1, 1, time.Minute), who: "alice"},
		"one more than all":        {a: one("bob", approvals.MaxDiscussion-approvals.AskReserve, 1, time.Minute), who: "alice", code: approvals.CodeConflict},
		"who fills it":             {a: one("bob", 2, 8<<10-10, time.Minute), who: "bob", code: approvals.CodeConflict},
		"in stored bytes":          {a: one("bob", 9, 1<<10, time.Minute), who: "bob"},
		"the last of one":          {a: one("alice", 19, 1, time.Minute), who: "alice"},
		"one more than one":        {a: one("alice", 20, 1, time.Minute), who: "alice", code: approvals.CodeConflict},
		"another has said as much": {a: one("alice", 20, 1, time.Minute), who: "bob"},
		"too soon":                 {a: one("alice", 5, 1, 0), who: "alice", code: approvals.CodeLimited},
		"too much":                 {a: one("bob", 6, 8<<10, time.Minute), who: "alice", code: approvals.CodeConflict},
		"not too much":             {a: one("bob", 6, 8<<10-20, time.Minute), who: "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := ct.T0
			if n := len(c.a.Discussion); n > 0 {
				at = c.a.Discussion[n-1].At.Add(time.Second)
			}
			_, did, err := approvals.Cast(c.a, says(c.who, approvals.Remark, "words", strconv.Itoa(len(c.a.Discussion))), at)
			if approvals.CodeOf(err) != c.code || (did == approvals.Commented) != (c.code == "") {
				t.Errorf("%s, %v; want code %q", did, err, c.code)
			}
		})
	}
}

// TestDiscussionSilencesNobody: anyone who fills a discussion, with many words or with characters that
// are stored as six, keeps nobody from asking for changes.
func TestDiscussionSilencesNobody(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"many": "x", "long": strings.Repeat("x", 2000), "written as six": strings.Repeat("<", 2000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Users("alice", "bob", "carol", "dave").Requester("rita").With(func(a *approvals.Approval) { a.Resolved.Policy.Lifetime = 24 * time.Hour }).Obj()
			at, refused := ct.T0, map[string]bool{}
			for i := range 4 * approvals.MaxDiscussion {
				at = at.Add(time.Minute)
				who := []string{"rita", "bob", "carol", "dave"}[i%4]
				next, _, err := approvals.Cast(a, says(who, approvals.Remark, text, strconv.Itoa(i)), at)
				refused[who] = refused[who] || err != nil
				a = next
			}
			if len(refused) != 4 || !refused["rita"] || !refused["bob"] {
				t.Errorf("nobody was stopped: %v, %d comments", refused, len(a.Discussion))
			}
			if raw, err := json.Marshal(a.Discussion); err != nil || len(raw) > 80<<10 {
				t.Errorf("%d bytes are stored, %v", len(raw), err)
			}
			_, did, err := approvals.Cast(a, says("alice", approvals.AskForChanges, "Please use the other region.", "ask"), at.Add(time.Minute))
			if did != approvals.Commented || err != nil {
				t.Errorf("alice asks for changes: %s, %v", did, err)
			}
		})
	}
}

// TestOldAskTakesBackNoVote: what somebody asked for by an object that had to wait takes back no
// vote that they made since.
func TestOldAskTakesBackNoVote(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Quorum(2).Obj()
	made := ct.T0.Add(time.Minute)
	a, _, err := approvals.Cast(a, approvals.Ballot{Voter: approvals.Identity{Name: "alice", AuthMethod: approvals.AuthToken}, Verdict: approvals.Approve}, made.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	old := says("alice", approvals.AskForChanges, "wait", "1")
	old.Voter.AuthMethod, old.Voter.CredentialID, old.Made = approvals.AuthObject, "vote:1", made
	after, did, err := approvals.Cast(a, old, made.Add(2*time.Minute))
	if approvals.CodeOf(err) != approvals.CodeConflict || did != approvals.NoChange || len(after.Votes) != 1 {
		t.Errorf("%s, %v, %d votes", did, err, len(after.Votes))
	}
	old.Made = made.Add(2 * time.Minute)
	if after, did, err = approvals.Cast(a, old, made.Add(2*time.Minute)); err != nil || did != approvals.Commented || len(after.Votes) != 0 {
		t.Errorf("asked after the vote: %s, %v, %d votes", did, err, len(after.Votes))
	}
}
