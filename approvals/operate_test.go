package approvals_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// operators operate the namespaces that they have.
type operators map[string]string

func (o operators) MayOperate(_ context.Context, id approvals.Identity, namespace string) (bool, error) {
	if id.Name == "nobody-knows" {
		return false, approvals.Errorf(approvals.CodeUnavailable, "down")
	}
	return o[id.Name] == namespace, nil
}

// TestOperate: who operates the namespace cancels and asks for another attempt,
// each in one write, and nobody else does.
func TestOperate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	approved := func() *ct.Builder { return ct.Make("a").Voted("alice", approve, "") }
	untold := func(event string) func(*approvals.Approval) {
		return func(a *approvals.Approval) {
			a.Deliveries = []approvals.Delivery{{Event: event, Channel: "email", Recipient: "alice", Attempts: 1, Error: "550"}}
		}
	}
	running := func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "a"} }
	for name, c := range map[string]struct {
		before *ct.Builder
		who    string
		way    approvals.AuthMethod
		do     string // a reason to cancel for; "": retry
		change approvals.Change
		code   approvals.Code
		state  string // outcome, whether stopped, whether asked again
	}{
		"cancel what waits":           {before: ct.Make("a"), do: "wrong branch", change: approvals.Ended, state: "Cancelled ended Cancelled mapped;"},
		"cancel unresolved":           {before: ct.Make("a").Unresolved(nil), do: "wrong branch", change: approvals.Ended, state: "Cancelled ended Cancelled false;"},
		"cancel what has not started": {before: approved(), do: "wrong branch", change: approvals.Stopped, state: "Approved stopped"},
		"cancel again":                {before: approved().With(func(a *approvals.Approval) { a.Cancellation = &approvals.Cancellation{Reason: "x"} }), do: "y", change: approvals.NoChange, state: "Approved stopped"},
		"cancel what runs":            {before: approved().With(running), do: "wrong branch", code: approvals.CodeConflict, state: "Approved"},
		"cancel without a reason":     {before: ct.Make("a"), do: " ", code: approvals.CodeInvalid, state: "Pending"},
		"cancel, no operator":         {before: ct.Make("a"), who: "alice", do: "x", code: approvals.CodeForbidden, state: "Pending"},
		"cancel, operates another":    {before: ct.Make("a"), who: "dora", do: "x", code: approvals.CodeForbidden, state: "Pending"},
		"cancel, by link":             {before: ct.Make("a"), way: approvals.AuthLink, do: "x", code: approvals.CodeForbidden, state: "Pending"},
		"cancel, by Slack":            {before: ct.Make("a"), way: approvals.AuthSlack, do: "x", code: approvals.CodeForbidden, state: "Pending"},
		"cancel, rights not known":    {before: ct.Make("a"), who: "nobody-knows", do: "x", code: approvals.CodeUnavailable, state: "Pending"},
		"retry the run":               {before: approved(), change: approvals.Again, state: "Approved asked"},
		"retry the mail":              {before: ct.Make("a").With(untold("opened")), change: approvals.Again, state: "Pending asked"},
		"retry the outcome's mail":    {before: approved().With(running).With(untold("decided")), change: approvals.Again, state: "Approved asked"},
		"retry twice":                 {before: approved().With(func(a *approvals.Approval) { a.RetryRequestedAt = minute(5).Add(-time.Second) }), change: approvals.NoChange, state: "Approved asked"},
		"retry later":                 {before: approved().With(func(a *approvals.Approval) { a.RetryRequestedAt = minute(4) }), change: approvals.Again, state: "Approved asked"},
		"retry what nobody needs":     {before: approved().With(running).With(untold("opened")), code: approvals.CodeConflict, state: "Approved"},
		"retry what waits":            {before: ct.Make("a"), code: approvals.CodeConflict, state: "Pending"},
		"retry what is no news":       {before: approved().With(running).With(untold("decided")).With(func(a *approvals.Approval) { a.DecidedAt = minute(4).Add(-approvals.TellWithin) }), code: approvals.CodeConflict, state: "Approved"},
		"retry what was stopped":      {before: approved().With(func(a *approvals.Approval) { a.Cancellation = &approvals.Cancellation{Reason: "x"} }), code: approvals.CodeConflict, state: "Approved stopped"},
		"retry, no operator":          {before: approved(), who: "alice", code: approvals.CodeForbidden, state: "Approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, calls := ct.NewMemStore(c.before.Obj()), ""
			d := approvals.VoteService{
				Store: store, Operators: operators{"olga": "prod", "dora": "dev"}, Now: func() time.Time { return minute(5) },
				Results: ct.ResultsFunc(func(context.Context, approvals.Approval) ([]approvals.Param, error) {
					return []approvals.Param{{Name: "decision", Value: "mapped"}}, nil
				}),
				Outcomes: ct.OutcomeFunc(func(a approvals.Approval) { calls += " ended " + string(a.Outcome) + " " + a.Results[0].Value + ";" }),
			}
			id := approvals.Identity{Name: c.who, AuthMethod: c.way}
			if id.Name == "" {
				id.Name = "olga"
			}
			if id.AuthMethod == "" {
				id.AuthMethod = approvals.AuthLogin
			}
			key := approvals.Key{Namespace: "prod", Name: "a"}
			var did approvals.Change
			var err error
			if c.do == "" {
				_, did, err = d.Retry(t.Context(), key, id)
			} else {
				_, did, err = d.Cancel(t.Context(), key, id, c.do)
			}
			if c.change == "" {
				c.change = approvals.NoChange
			}
			after, _ := store.Get(t.Context(), key)
			state := string(after.Outcome) + calls
			if after.Cancellation != nil && after.Outcome != approvals.Cancelled {
				state += " stopped"
			}
			if !after.RetryRequestedAt.IsZero() {
				state += " asked"
			}
			writes := 1
			if c.change == approvals.NoChange {
				writes = 0
			}
			if did != c.change || approvals.CodeOf(err) != c.code || state != c.state || store.Writes() != writes {
				t.Errorf("%s, %v, %q, %d writes; want %s, %s, %q", did, err, state, store.Writes(), c.change, c.code, c.state)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
		})
	}
}

// TestNobodyOperates: without a way to ask, nobody is an operator.
func TestNobodyOperates(t *testing.T) {
	t.Parallel()
	store := ct.NewMemStore(ct.Make("a").Obj())
	d := approvals.VoteService{Store: store, Now: func() time.Time { return minute(5) }}
	_, _, err := d.Cancel(t.Context(), approvals.Key{Namespace: "prod", Name: "a"}, approvals.Identity{Name: "olga", AuthMethod: approvals.AuthToken}, "x")
	if approvals.CodeOf(err) != approvals.CodeForbidden || store.Writes() != 0 {
		t.Errorf("%v, %d writes", err, store.Writes())
	}
}
