package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// reopener opens nothing: it returns the Approval that would replace old.
type reopener struct{ opened int }

func (r *reopener) Reopen(_ context.Context, old approvals.Approval, by string) (approvals.Approval, error) {
	r.opened++
	again := approvals.AgainOf(old, by)
	return ct.Make("b").With(func(a *approvals.Approval) { a.Replaces = &again }).Obj(), nil
}

// changedAfter was approved, and what would start has changed since.
func changedAfter() *ct.Builder {
	return ct.Make("a").Requester("zoe").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		a.Unreleased = &approvals.Problem{Reason: approvals.ReasonContentChanged, Message: "the template changed"}
	})
}

// TestAskAgain: from the page and by the API, by who operates or asked for it.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		a      *ct.Builder
		who    string
		status int
		want   string
		button bool
	}{
		"an operator":      {who: "operator", status: http.StatusSeeOther, want: "/approvals/prod/b", button: true},
		"who asked for it": {who: "zoe", status: http.StatusSeeOther, want: "/approvals/prod/b", button: true},
		"an approver":      {who: "alice", status: http.StatusForbidden},
		"what waits":       {a: ct.Make("a"), who: "operator", status: http.StatusConflict},
		"a rejection":      {a: ct.Make("a").Voted("alice", approvals.Reject, "no"), who: "operator", status: http.StatusConflict},
		"what starts":      {a: ct.Make("a").Voted("alice", approvals.Approve, ""), who: "operator", status: http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = changedAfter()
			}
			b, r := newLoginBench(t, base, c.a.Obj()), &reopener{}
			b.Desk.(*approvals.VoteService).Again = r
			if w := b.ask(http.MethodGet, page, "", as(c.who)...); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `value="again"`) != c.button {
				t.Errorf("%d, the button is there: %t", w.Code, !c.button)
			}
			w := b.ask(http.MethodPost, page+"?uid=uid-a", url.Values{"operate": {"again"}}.Encode(), as(c.who)...)
			if w.Code != c.status || w.Header().Get("Location") != c.want || r.opened > 0 != c.button {
				t.Errorf("%d to %s, opened %d:\n%.2000s", w.Code, w.Header().Get("Location"), r.opened, w.Body)
			}
			if w.Code >= 400 {
				said.Check(t, name, spoken(w))
			}
			a, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
			if err != nil || (a.SupersededBy == "b") != c.button || c.button && a.ToRelease() {
				t.Errorf("%v: by %q, to release %t", err, a.SupersededBy, a.ToRelease())
			}

			api := newBench(t, base, c.a.Obj())
			api.Desk.(*approvals.VoteService).Again = &reopener{}
			status := c.status
			if c.button {
				status, c.want = http.StatusCreated, `"name": "a"`
			}
			w = api.ask(http.MethodPost, "/api/v1/namespaces/prod/approvals/a/again", "", bearer(c.who)...)
			if w.Code != status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("the API: %d\n%.2000s", w.Code, w.Body)
			}
			checkError(t, said, name+", by the API", w)
		})
	}
	b := newBench(t, base)
	for who, want := range map[string]int{"operator": http.StatusNotFound, "mallory": http.StatusForbidden} {
		if w := b.ask(http.MethodPost, "/api/v1/namespaces/prod/approvals/none/again", "", bearer(who)...); w.Code != want {
			t.Errorf("%s of what is not there: %d, want %d", who, w.Code, want)
		}
	}
}

// TestStartable: what is known of what would start is in the API, all of it.
func TestStartable(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").With(func(a *approvals.Approval) {
		a.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: "Forbidden", Message: "no right"}, {Reason: approvals.ReasonTextInScript, Message: "a script"}})
	}).Obj()
	w := newBench(t, base, a).ask(http.MethodGet, "/api/v1/namespaces/prod/approvals/a", "", bearer("alice")...)
	for _, x := range []string{`"status": "False"`, `"reason": "Forbidden"`, `"message": "no right"`, `"warnings": [`} {
		if !strings.Contains(w.Body.String(), x) {
			t.Errorf("%q is missing: %s", x, w.Body)
		}
	}
	p := unescape(newLoginBench(t, base, a).ask(http.MethodGet, page, "", as("alice")...).Body.String())
	before, buttons, ok := strings.Cut(strings.ToLower(p), "no right")
	if !ok || !strings.Contains(buttons, `value="approve"`) || strings.Contains(before, `value="approve"`) {
		t.Error("it is not said before the buttons")
	}
}
