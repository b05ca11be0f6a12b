package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

const (
	approve = approvals.Approve
	reject  = approvals.Reject
)

func minute(n int) time.Time { return ct.T0.Add(time.Duration(n) * time.Minute) }

func TestCast(t *testing.T) {
	t.Parallel()
	two := func() *ct.Builder { return ct.Make("a").Users("alice", "bob").Quorum(2) }
	for name, c := range map[string]struct {
		before  *ct.Builder
		ballot  approvals.Ballot
		change  approvals.Change
		outcome approvals.Outcome
		votes   string
	}{
		"the first vote decides":       {ct.Make("a"), ct.Ballot("alice", approve, "ok"), approvals.Ended, approvals.Approved, "alice approve ok"},
		"a rejection ends a single":    {ct.Make("a"), ct.Ballot("alice", reject, "no"), approvals.Ended, approvals.Rejected, "alice reject no"},
		"one of two":                   {two(), ct.Ballot("alice", approve, ""), approvals.Voted, approvals.Pending, "alice approve "},
		"two of two":                   {two().Voted("alice", approve, "a"), ct.Ballot("bob", approve, "b"), approvals.Ended, approvals.Approved, "alice approve a; bob approve b"},
		"a rejection ends a quorum":    {two().Voted("alice", approve, ""), ct.Ballot("bob", reject, ""), approvals.Ended, approvals.Rejected, "alice approve ; bob reject "},
		"one's own vote is changed":    {two().Voted("alice", approve, ""), ct.Ballot("alice", reject, ""), approvals.Ended, approvals.Rejected, "alice reject "},
		"one's own comment is changed": {two().Voted("alice", approve, "a"), ct.Ballot("alice", approve, "b"), approvals.Voted, approvals.Pending, "alice approve b"},
		"the same vote again":          {two().Voted("alice", approve, "a"), ct.Ballot("alice", approve, " a\x00 "), approvals.NoChange, approvals.Pending, "alice approve a"},
		"a person is not two by case": {
			ct.Make("a").Users("Bob", "bob", "carol").Quorum(2).Voted("Bob", approve, ""),
			ct.Ballot("bob", approve, "again"), approvals.Voted, approvals.Pending, "bob approve again",
		},
		"two groups, one person": { // anyone who is in both groups is still one person
			ct.Make("a").Users().Groups("sre", "security").Quorum(2).With(func(a *approvals.Approval) {
				a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approve, At: minute(1)}}
			}),
			ct.Ballot("alice", approve, "as security", "security"), approvals.Voted, approvals.Pending, "alice approve as security",
		},
		"two people of one group": { // one group can bring both
			ct.Make("a").Users().Groups("sre").Quorum(2).With(func(a *approvals.Approval) {
				a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approve, At: minute(1)}}
			}),
			ct.Ballot("bob", approve, "", "dev", "sre"), approvals.Ended, approvals.Approved, "alice approve ; bob approve ",
		},
		"requester may, when allowed":       {ct.Make("a").Requester("alice").AllowRequester(), ct.Ballot("alice", approve, ""), approvals.Ended, approvals.Approved, "alice approve "},
		"unknown requester excludes nobody": {ct.Make("a").Requester(""), ct.Ballot("alice", approve, ""), approvals.Ended, approvals.Approved, "alice approve "},
		"same vote after the decision":      {ct.Make("a").Voted("alice", approve, "a"), ct.Ballot("alice", approve, "other words"), approvals.NoChange, approvals.Approved, "alice approve a"},
		"same rejection after the decision": {ct.Make("a").Voted("alice", reject, ""), ct.Ballot("alice", reject, ""), approvals.NoChange, approvals.Rejected, "alice reject "},
		"same vote after it expired":        {two().Voted("alice", approve, "").Expired(), ct.Ballot("alice", approve, ""), approvals.NoChange, approvals.Expired, "alice approve "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.before.Obj()
			kept := ct.Clone(before)
			got, change, err := approvals.Cast(before, c.ballot, minute(30))
			if err != nil {
				t.Fatal(err)
			}
			if change != c.change || got.Outcome != c.outcome || said(got.Votes) != c.votes {
				t.Errorf("%s, %s, votes %q; want %s, %s, votes %q", change, got.Outcome, said(got.Votes), c.change, c.outcome, c.votes)
			}
			if d := cmp.Diff(kept, before); d != "" {
				t.Errorf("the input was changed (-before +after)\n%s", d)
			}
			if change == approvals.Ended && (!got.DecidedAt.Equal(minute(30)) || len(got.Results) != 4) {
				t.Errorf("decided at %s with results %v", got.DecidedAt, got.Results)
			}
			if change == approvals.NoChange {
				if d := cmp.Diff(before, got); d != "" {
					t.Errorf("absent, and changed\n%s", d)
				}
			}
		})
	}
}

func TestCastRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	one := func() *ct.Builder { return ct.Make("a").Users("alice", "bob") }
	for name, c := range map[string]struct {
		before *ct.Builder
		ballot approvals.Ballot
		at     time.Time
		code   approvals.Code
	}{
		"not resolved yet": {one().Unresolved(nil), ct.Ballot("alice", approve, ""), minute(1), approvals.CodeNotReady},
		"blocked": {
			one().Unresolved(&approvals.Problem{Reason: "NotResolved", Message: `there is no Gate "x"`}),
			ct.Ballot("alice", approve, ""), minute(1), approvals.CodeNotReady,
		},
		"nobody":              {one(), ct.Ballot("", approve, ""), minute(1), approvals.CodeUnauthenticated},
		"nobody in a group":   {one().Groups("sre"), ct.Ballot("", approve, "", "sre"), minute(1), approvals.CodeUnauthenticated},
		"not listed":          {one(), ct.Ballot("mallory", approve, ""), minute(1), approvals.CodeForbidden},
		"in another group":    {one().Groups("sre"), ct.Ballot("mallory", approve, "", "dev"), minute(1), approvals.CodeForbidden},
		"listed, other case":  {one(), ct.Ballot("Alice", approve, ""), minute(1), approvals.CodeForbidden},
		"a group's name":      {one().Groups("sre"), ct.Ballot("sre", approve, ""), minute(1), approvals.CodeForbidden},
		"a user's name":       {one(), ct.Ballot("mallory", approve, "", "alice"), minute(1), approvals.CodeForbidden},
		"requester":           {one().Requester("alice"), ct.Ballot("alice", approve, ""), minute(1), approvals.CodeForbidden},
		"requester's address": {one().Requester("ALICE@example.com"), ct.Ballot("alice", approve, ""), minute(1), approvals.CodeForbidden},
		"requester, cased":    {one().Requester("ALICE"), ct.Ballot("alice", approve, ""), minute(1), approvals.CodeForbidden},
		"requester rejects":   {one().Requester("alice"), ct.Ballot("alice", reject, ""), minute(1), approvals.CodeForbidden},
		"requester, by group": {one().Groups("sre").Requester("zoe"), ct.Ballot("zoe", approve, "", "sre"), minute(1), approvals.CodeForbidden},
		// What a login redirect leaves of a POST is never a rejection.
		"empty verdict":   {one(), ct.Ballot("alice", "", ""), minute(1), approvals.CodeInvalid},
		"unknown verdict": {one(), ct.Ballot("alice", "Approve", ""), minute(1), approvals.CodeInvalid},
		"a long verdict":  {one(), ct.Ballot("alice", approvals.Verdict(strings.Repeat("é", 500)), ""), minute(1), approvals.CodeInvalid},
		"a long comment":  {one(), ct.Ballot("alice", approve, strings.Repeat("x", approvals.MaxComment+1)), minute(1), approvals.CodeInvalid},
		"at the deadline": {one(), ct.Ballot("alice", approve, ""), minute(60), approvals.CodeGone},
		"after expiry":    {one().Expired(), ct.Ballot("alice", approve, ""), minute(61), approvals.CodeGone},
		"after another approved": { // who, and when
			one().Voted("alice", approve, ""), ct.Ballot("bob", approve, ""), minute(2), approvals.CodeConflict,
		},
		"after one rejected": {one().Voted("bob", reject, ""), ct.Ballot("alice", approve, ""), minute(2), approvals.CodeConflict},
		"change of mind after the decision": {
			one().Voted("alice", approve, ""), ct.Ballot("alice", reject, ""), minute(2), approvals.CodeConflict,
		},
		"after two approved": {
			ct.Make("a").Users("alice", "bob", "carol").Quorum(2).Voted("alice", approve, "").Voted("bob", approve, ""),
			ct.Ballot("carol", approve, ""), minute(3), approvals.CodeConflict,
		},
		"cancelled": {
			one().With(func(a *approvals.Approval) {
				a.Outcome, a.DecidedAt, a.Cancellation = approvals.Cancelled, minute(1), &approvals.Cancellation{By: "olga", Reason: "wrong branch"}
			}),
			ct.Ballot("alice", approve, ""), minute(2), approvals.CodeConflict,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.before.Obj()
			got, change, err := approvals.Cast(before, c.ballot, c.at)
			if approvals.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
			said.Check(t, name, approvals.Message(err))
			if d := cmp.Diff(before, got); change != approvals.NoChange || d != "" {
				t.Errorf("%s; refused, and changed\n%s", change, d)
			}
		})
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before *ct.Builder
		at     time.Time
		want   approvals.Outcome
		change approvals.Change
	}{
		"before":        {ct.Make("a"), minute(60).Add(-1), approvals.Pending, approvals.NoChange},
		"at":            {ct.Make("a"), minute(60), approvals.Expired, approvals.Ended},
		"long after":    {ct.Make("a"), minute(1e6), approvals.Expired, approvals.Ended},
		"with a vote":   {ct.Make("a").Users("alice", "bob").Quorum(2).Voted("alice", approve, "ok"), minute(60), approvals.Expired, approvals.Ended},
		"not resolved":  {ct.Make("a").Unresolved(nil), minute(1e6), approvals.Pending, approvals.NoChange},
		"approved":      {ct.Make("a").Voted("alice", approve, ""), minute(1e6), approvals.Approved, approvals.NoChange},
		"rejected":      {ct.Make("a").Voted("alice", reject, ""), minute(1e6), approvals.Rejected, approvals.NoChange},
		"expired twice": {ct.Make("a").Expired(), minute(1e6), approvals.Expired, approvals.NoChange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.before.Obj()
			got, change := approvals.Expire(before, c.at)
			if got.Outcome != c.want || change != c.change {
				t.Errorf("%s, %s; want %s, %s", got.Outcome, change, c.want, c.change)
			}
			if change == approvals.NoChange {
				if d := cmp.Diff(before, got); d != "" {
					t.Errorf("absent, and changed\n%s", d)
				}
			} else if d, _ := result(got, approvals.ResultDecision); d != "false" || len(got.Results) != 4 {
				t.Errorf("results %v", got.Results)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	three := func() *ct.Builder { return ct.Make("a").Users("alice", "bob", "carol").Quorum(3) }
	for name, c := range map[string]struct {
		a    *ct.Builder
		want int
	}{
		"single":     {ct.Make("a"), 1},
		"no votes":   {three(), 3},
		"one":        {three().Voted("bob", approve, ""), 2},
		"decided":    {ct.Make("a").Voted("alice", approve, ""), 0},
		"rejected":   {three().Voted("alice", reject, ""), 0},
		"without it": {three().Unresolved(nil), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := approvals.Missing(c.a.Obj()); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func said(votes []approvals.Vote) string {
	var out []string
	for _, v := range votes {
		out = append(out, v.Voter+" "+string(v.Verdict)+" "+v.Comment)
	}
	return strings.Join(out, "; ")
}

func result(a approvals.Approval, name string) (string, bool) {
	for _, r := range a.Results {
		if r.Name == name {
			return r.Value, true
		}
	}
	return "", false
}
