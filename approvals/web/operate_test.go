package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestOperate: an operator cancels and tries again from the approval's page, with the
// guards that a vote has; nobody else does.
func TestOperate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	approved := func() *ct.Builder { return ct.Make("a").Voted("alice", approvals.Approve, "") }
	cancel := func(why string) url.Values { return url.Values{"operate": {"cancel"}, "reason": {why}} }
	retry := url.Values{"operate": {"retry"}}
	rerun := func(why string) url.Values { return url.Values{"operate": {"rerun"}, "reason": {why}} }
	failed := func(limit int) *ct.Builder {
		return approved().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Rerun.Limit = limit
			a.SecondRun = &approvals.Run{Name: "apply-x", UID: "run-2", Pipeline: "apply", At: a.DecidedAt}
			a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: a.DecidedAt, Task: "apply"}
		})
	}
	for name, c := range map[string]struct {
		a       *ct.Builder
		who     string
		query   string // "": the right one
		form    url.Values
		headers []string
		status  int
		outcome approvals.Outcome
		by      string // of a cancellation
		asked   bool
	}{
		"cancel":               {form: cancel("wrong <branch>"), status: 200, outcome: approvals.Cancelled, by: "operator"},
		"cancel what runs not": {a: approved(), form: cancel("wrong branch"), status: 200, outcome: approvals.Approved, by: "operator"},
		"cancel, no reason":    {form: cancel(" "), status: 400},
		"cancel, too long":     {form: cancel(strings.Repeat("long ", 600)), status: 400},
		"retry":                {a: approved(), form: retry, status: 200, outcome: approvals.Approved, asked: true},
		"retry nothing":        {form: retry, status: 409},
		"run again":            {a: failed(1), form: rerun("the registry is back"), status: 200, outcome: approvals.Approved},
		"run again, no reason": {a: failed(1), form: rerun(" "), status: 400},
		"run again, never":     {a: failed(0), form: rerun("x"), status: 409},
		"run again, approver":  {a: failed(1), who: "alice", form: rerun("x"), status: 403},
		"something else":       {form: url.Values{"operate": {"delete"}}, status: 400},
		"by the query":         {query: "?uid=uid-a&operate=cancel&reason=x", form: url.Values{}, status: 400},
		"an approver":          {who: "alice", form: cancel("x"), status: 403},
		"who may look":         {who: "auditor", form: cancel("x"), status: 403},
		"a stranger":           {who: "mallory", form: cancel("x"), status: 403},
		"another's page":       {query: "?uid=uid-old", form: cancel("x"), status: 409},
		"another site":         {form: cancel("x"), headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"a huge form":          {form: cancel(strings.Repeat("x", 2<<20)), status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = ct.Make("a")
			}
			if c.who == "" {
				c.who = "operator"
			}
			if c.query == "" {
				c.query = "?uid=uid-a"
			}
			b := newLoginBench(t, base, c.a.Obj())
			before := b.state(t)
			w := b.ask(http.MethodPost, page+c.query, c.form.Encode(), append(as(c.who), c.headers...)...)
			if w.Code != c.status || strings.Contains(w.Body.String(), "<branch>") {
				t.Errorf("%d, want %d:\n%.3000s", w.Code, c.status, w.Body)
			}
			said.Check(t, name, spoken(w))
			got, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
			if err != nil {
				t.Fatal(err)
			}
			if c.outcome == "" {
				if b.state(t) != before {
					t.Error("something was changed")
				}
				return
			}
			by := ""
			if got.Cancellation != nil {
				by = got.Cancellation.By
			}
			if got.Outcome != c.outcome || by != c.by || got.RetryRequestedAt.IsZero() == c.asked {
				t.Errorf("%s, cancelled by %q, asked %s", got.Outcome, by, got.RetryRequestedAt)
			}
			wantHeaders(t, name, w.Header())
		})
	}
	// Nobody without a session, and nobody by a link.
	b := newLoginBench(t, base, ct.Make("a").Obj())
	before := b.state(t)
	if w := b.ask(http.MethodPost, page+"?uid=uid-a", cancel("my reason").Encode(), "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "my reason") {
		t.Errorf("no session: %d", w.Code)
	}
	if w := b.post("/links/"+b.token(t, ct.Make("a").Obj(), "alice"), cancel("x")); w.Code != http.StatusBadRequest || b.state(t) != before {
		t.Errorf("by link: %d", w.Code)
	}
}

// TestOperatorsPage: the forms are for operators, where they can do something.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	for who, want := range map[string]bool{"operator": true, "root": true, "auditor": false, "alice": false} {
		b := newLoginBench(t, base, ct.Make("a").Obj(), ct.Make("done").Voted("alice", approvals.Reject, "").Obj())
		if w := b.ask(http.MethodGet, page, "", as(who)...); w.Code != 200 || strings.Contains(w.Body.String(), `value="cancel"`) != want {
			t.Errorf("%s: %d, the form is there: %t", who, w.Code, !want)
		}
		if w := b.ask(http.MethodGet, "/approvals/prod/done", "", as(who)...); w.Code != 200 || strings.Contains(w.Body.String(), `name="operate"`) {
			t.Errorf("%s: %d, a form for what is over", who, w.Code)
		}
	}
}

// TestGlance: an operator is told how things stand where they operate.
func TestGlance(t *testing.T) {
	t.Parallel()
	all := []approvals.Approval{
		ct.Make("one").Obj(), ct.Make("two").Obj(), ct.Make("elsewhere").In("dev").Obj(),
		ct.Make("today").Voted("alice", approvals.Reject, "").Obj(),
		ct.Make("before").Voted("alice", approvals.Reject, "").With(func(a *approvals.Approval) { a.DecidedAt = ct.T0.AddDate(0, 0, -1) }).Obj(),
		ct.Make("stuck").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.Unreleased = &approvals.Problem{Reason: "NameTaken", Message: "x"}
		}).Obj(),
	}
	for who, want := range map[string][]string{
		"operator": {"<dt>Waiting</dt><dd>2 ", "<dt>Decided today (UTC)</dt><dd>2</dd>", "<dt>Not started</dt><dd>1</dd>", "<dt>Failed notifications</dt><dd>0</dd>"},
		"root":     {"<dt>Waiting</dt><dd>3 ", "oldest <time"},
		"alice":    nil,
	} {
		w := newLoginBench(t, base, all...).ask(http.MethodGet, "/operations", "", as(who)...)
		for _, x := range want {
			if !strings.Contains(w.Body.String(), x) {
				t.Errorf("%s: %q is missing:\n%.4000s", who, x, w.Body)
			}
		}
		if want == nil && strings.Contains(w.Body.String(), "<dt>Waiting") {
			t.Errorf("%s is told how things stand", who)
		}
	}
}

func TestAPIOperate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const path = "/api/v1/namespaces/prod/approvals/a"
	approved := func() *ct.Builder { return ct.Make("a").Voted("alice", approvals.Approve, "") }
	for name, c := range map[string]struct {
		a       *ct.Builder
		who, do string
		body    string
		status  int
		want    string
		writes  int
	}{
		"cancel":            {do: "cancel", body: `{"reason":"wrong branch"}`, status: 200, want: `"reason": "wrong branch"`, writes: 1},
		"cancel again":      {a: ct.Make("a").With(func(a *approvals.Approval) { a.Cancellation = &approvals.Cancellation{By: "x", Reason: "y"} }), do: "cancel", body: `{"reason":"z"}`, status: 200, want: `"reason": "y"`},
		"cancel, no reason": {do: "cancel", body: ``, status: 400},
		"cancel, no JSON":   {do: "cancel", body: `x`, status: 400},
		"cancel, a typo":    {do: "cancel", body: `{"why":"x"}`, status: 400},
		"cancel, huge":      {do: "cancel", body: `{"reason":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413},
		"cancel, approver":  {who: "alice", do: "cancel", body: `{"reason":"x"}`, status: 403},
		"cancel, nobody":    {who: "-", do: "cancel", body: `{"reason":"x"}`, status: 401},
		"retry":             {a: approved(), do: "retry", status: 200, want: `"retryRequestedAt": "2026-03-01T09:30:00Z"`, writes: 1},
		"retry, nothing":    {do: "retry", body: `{}`, status: 409},
		"retry, approver":   {a: approved(), who: "alice", do: "retry", status: 403},
		"retry, not known":  {a: approved(), who: "nobody-knows", do: "retry", status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = ct.Make("a")
			}
			headers := bearer("operator")
			if c.who != "" {
				headers = bearer(c.who)
			}
			if c.who == "-" {
				headers = nil
			}
			b := newBench(t, base, c.a.Obj())
			w := b.ask(http.MethodPost, path+"/"+c.do, c.body, headers...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || !json.Valid(w.Body.Bytes()) || b.store.Writes() != c.writes {
				t.Errorf("%d, want %d with %q; %d writes:\n%.2000s", w.Code, c.status, c.want, b.store.Writes(), w.Body)
			}
			checkError(t, said, name, w)
			if w := b.ask(http.MethodGet, path+"/"+c.do, "", headers...); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("GET: %d", w.Code)
			}
		})
	}
	b := newBench(t, base)
	if w := b.ask(http.MethodPost, path+"/cancel", `{"reason":"x"}`, bearer("operator")...); w.Code != http.StatusNotFound {
		t.Errorf("not there: %d", w.Code)
	}
}
