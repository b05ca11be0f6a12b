package approvals_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestDesk: what follows a vote is told once, with what was saved, and only when
// it was saved.
func TestDesk(t *testing.T) {
	t.Parallel()
	noResults := errors.New("no such key")
	for name, c := range map[string]struct {
		before  *ct.Builder
		ballot  approvals.Ballot
		results error
		down    error
		change  approvals.Change
		code    approvals.Code
		calls   string
		writes  int
	}{
		"one of two":     {before: ct.Make("a").Users("alice", "bob").Quorum(2), ballot: ct.Ballot("alice", approve, ""), change: approvals.Voted, calls: "voted approve;", writes: 1},
		"it decides":     {before: ct.Make("a"), ballot: ct.Ballot("alice", reject, ""), change: approvals.Ended, calls: "ended Rejected mapped;voted reject;", writes: 1},
		"again":          {before: ct.Make("a").Voted("alice", approve, ""), ballot: ct.Ballot("alice", approve, ""), change: approvals.NoChange},
		"refused":        {before: ct.Make("a"), ballot: ct.Ballot("mallory", approve, ""), change: approvals.NoChange, code: approvals.CodeForbidden},
		"results fail":   {before: ct.Make("a"), ballot: ct.Ballot("alice", approve, ""), results: noResults, change: approvals.NoChange, code: approvals.CodeInternal},
		"store is down":  {before: ct.Make("a"), ballot: ct.Ballot("alice", approve, ""), down: approvals.Errorf(approvals.CodeUnavailable, "down"), change: approvals.NoChange, code: approvals.CodeUnavailable},
		"it is not here": {before: ct.Make("other"), ballot: ct.Ballot("alice", approve, ""), change: approvals.NoChange, code: approvals.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := ct.NewMemStore(c.before.Obj())
			store.Fail(c.down)
			calls := ""
			d := approvals.VoteService{
				Store: store, Now: func() time.Time { return minute(5) },
				Results: ct.ResultsFunc(func(context.Context, approvals.Approval) ([]approvals.Param, error) {
					return []approvals.Param{{Name: "decision", Value: "mapped"}}, c.results
				}),
				Voted:    func(_ approvals.Approval, v approvals.Verdict) { calls += "voted " + string(v) + ";" },
				Outcomes: ct.OutcomeFunc(func(a approvals.Approval) { calls += "ended " + string(a.Outcome) + " " + a.Results[0].Value + ";" }),
			}
			_, change, err := d.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: "a"}, c.ballot)
			if change != c.change || approvals.CodeOf(err) != c.code || calls != c.calls || store.Writes() != c.writes {
				t.Errorf("%s, %q, calls %q, %d writes; want %s, %q, %q, %d", change, approvals.CodeOf(err), calls, store.Writes(), c.change, c.code, c.calls, c.writes)
			}
		})
	}
}

// rbac is RBAC in a test: what it was asked, and who has which right.
type rbac struct {
	asked []string
	has   map[string]bool
	err   error
}

func (r *rbac) Has(_ context.Context, id approvals.Identity, namespace, gate string, right approvals.Right) (bool, error) {
	question := id.Name + " " + string(right) + " " + namespace + "/" + gate
	r.asked = append(r.asked, question)
	return r.has[question], r.err
}

// TestRights: RBAC is asked where it matters, and nobody brings rights along.
func TestRights(t *testing.T) {
	t.Parallel()
	byRBAC := func(a *approvals.Approval) { a.Resolved.Policy.Approvers, a.Resolved.Policy.RBAC = nil, true }
	ballot := func(way approvals.AuthMethod, glass bool) approvals.Ballot {
		b := ct.Ballot("zoe", approve, "fire")
		b.Voter.AuthMethod, b.BreakGlass = way, glass
		b.Voter.Rights = []approvals.Right{approvals.RightApprove, approvals.RightBreakGlass} // as nobody may claim
		return b
	}
	for name, c := range map[string]struct {
		before *ct.Builder
		ballot approvals.Ballot
		has    string
		err    error
		code   approvals.Code
		asked  int
	}{
		"not by RBAC":            {before: ct.Make("a"), ballot: ballot(approvals.AuthToken, false), code: approvals.CodeForbidden},
		"by RBAC":                {before: ct.Make("a").With(byRBAC), ballot: ballot(approvals.AuthToken, false), has: "zoe approve prod/production", asked: 1},
		"by RBAC, not this one":  {before: ct.Make("a").With(byRBAC), ballot: ballot(approvals.AuthToken, false), has: "amy approve prod/production", code: approvals.CodeForbidden, asked: 1},
		"a link proves no right": {before: ct.Make("a").With(byRBAC), ballot: ballot(approvals.AuthLink, false), has: "zoe approve prod/production", code: approvals.CodeForbidden},
		"glass":                  {before: ct.Make("a"), ballot: ballot(approvals.AuthToken, true), has: "zoe break-glass prod/production", asked: 1},
		"glass, no right":        {before: ct.Make("a"), ballot: ballot(approvals.AuthToken, true), code: approvals.CodeForbidden, asked: 1},
		"no answer":              {before: ct.Make("a").With(byRBAC), ballot: ballot(approvals.AuthToken, false), err: approvals.Errorf(approvals.CodeUnavailable, "down"), code: approvals.CodeUnavailable, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &rbac{has: map[string]bool{c.has: true}, err: c.err}
			d := approvals.VoteService{
				Store: ct.NewMemStore(c.before.Obj()), Rights: r, Now: func() time.Time { return minute(5) },
				Results: ct.DefaultResults{},
				Voted:   func(approvals.Approval, approvals.Verdict) {}, Outcomes: ct.NoOutcomes{},
			}
			a, _, err := d.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: "a"}, c.ballot)
			if approvals.CodeOf(err) != c.code || len(r.asked) != c.asked || (err == nil) != (a.Outcome == approvals.Approved) {
				t.Errorf("%v, %s, asked %v", err, a.Outcome, r.asked)
			}
		})
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Obj()
	if got := a.Deadline(); !got.Equal(minute(60)) {
		t.Errorf("deadline %s", got)
	}
	if got := ct.Make("a").Unresolved(nil).Obj().Deadline(); !got.IsZero() {
		t.Errorf("unresolved, deadline %s", got)
	}
	if a.Key.String() != "prod/a" || a.Subject() != "apply after plan" {
		t.Errorf("%s, %s", a.Key, a.Subject())
	}
	if got := ct.Make("a").Event("{}").Obj().Subject(); got != "apply" {
		t.Errorf("an event's subject is %q", got)
	}
	if (approvals.Approval{}).Decided() {
		t.Error("an outcome that was never written is a decision")
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		want bool
	}{
		"pending":             {ct.Make("a"), false},
		"approved":            {ct.Make("a").Voted("alice", approve, ""), true},
		"rejected":            {ct.Make("a").Voted("alice", reject, ""), false},
		"rejected, released":  {ct.Make("a").ReleaseOn(approvals.Rejected).Voted("alice", reject, ""), true},
		"started":             {ct.Make("a").Voted("alice", approve, "").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{} }), false},
		"resolved taken away": {ct.Make("a").Voted("alice", approve, "").Unresolved(nil), false},
	} {
		if got := c.a.Obj().ToRelease(); got != c.want {
			t.Errorf("%s: to release is %t", name, got)
		}
	}
}

// ledger is a record's store that is ready unless err says otherwise.
type ledger struct{ err error }

func (l ledger) Ready(context.Context) error { return l.err }

// TestRecordRequired: where the Gate insists on the record, no vote is taken without it.
func TestRecordRequired(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	down := errors.New("no route to host")
	for name, c := range map[string]struct {
		required  bool
		recording approvals.RecordStore
		refused   bool
	}{
		"follows":  {false, ledger{down}, false},
		"required": {true, ledger{}, false},
		"down":     {true, ledger{down}, true},
		"none":     {true, nil, true},
	} {
		a := ct.Make("a").Users("alice").With(func(a *approvals.Approval) { a.Resolved.Policy.RecordRequired = c.required }).Obj()
		store := ct.NewMemStore(a)
		d := &approvals.VoteService{
			Store: store, Recording: c.recording, Now: func() time.Time { return minute(1) },
			Results:  ct.DefaultResults{},
			Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
		}
		_, _, err := d.Vote(t.Context(), a.Key, ct.Ballot("alice", approve, ""))
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
		if err != nil && (approvals.CodeOf(err) != approvals.CodeUnavailable || store.Writes() != 0) {
			t.Errorf("%s: %s, %d writes", name, approvals.CodeOf(err), store.Writes())
		}
	}
}
