package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

func selected(names ...string) url.Values {
	v := url.Values{}
	for _, n := range names {
		v.Add("on", "prod/"+n+"/uid-"+n)
	}
	return v
}

// TestBulk: each of several gets a vote, or a reason why it gets none, and a GET casts none.
func TestBulk(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	needs := func(a *approvals.Approval) {
		a.Resolved.Policy.Inputs = []approvals.Input{{Name: "ticket", Type: approvals.InputString, Required: true}}
	}
	b := newLoginBench(
		t, base,
		ct.Make("one").Obj(), ct.Make("two").Users("alice", "bob").Quorum(2).Obj(), ct.Make("fields").With(needs).Obj(),
		ct.Make("theirs").Users("bob").Obj(), ct.Make("done").Voted("alice", approvals.Reject, "no").Obj(), ct.Make("again").Obj(),
	)
	all := selected("one", "two", "fields", "theirs", "done", "missing", "one")
	all.Add("on", "prod/again/uid-of-another")
	before := b.state(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if w := b.ask(method, "/decide?"+all.Encode()+"&vote=approve", "", as("alice")...); w.Code != http.StatusOK || b.state(t) != before {
			t.Errorf("%s: %d; want 200 and nothing changed", method, w.Code)
		}
	}
	body := b.ask(http.MethodGet, "/decide?"+all.Encode(), "", as("alice")...).Body.String()
	for want, n := range map[string]int{
		`<li class="item`: 7, `type="hidden" name="on"`: 3, "<strong>Approve 2</strong>": 1, "<strong>Reject 3</strong>": 1,
		"It has fields to fill in": 1, "It is decided already: rejected.": 1, "opened again since you selected it": 1, "may not see this approval": 2,
	} {
		if got := strings.Count(body, want); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, n, body)
		}
	}
	form := selected("one", "two", "fields", "theirs", "done")
	if w := b.ask(http.MethodPost, "/decide", form.Encode(), as("alice")...); w.Code != http.StatusBadRequest || b.state(t) != before {
		t.Errorf("without a vote: %d; want 400 and nothing changed", w.Code)
	}
	form.Set("vote", "approve")
	form.Set("comment", "as we said")
	w := b.ask(http.MethodPost, "/decide", form.Encode(), as("alice")...)
	if w.Code != http.StatusOK {
		t.Errorf("%d, want 200\n%s", w.Code, w.Body)
	}
	said.Check(t, "three that could not be decided", spoken(w))
	for name, votes := range map[string]int{"one": 1, "two": 1, "fields": 0, "theirs": 0, "done": 1} {
		a, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Votes) != votes || votes == 1 && name != "done" && (a.Votes[0].Comment != "as we said" || a.Votes[0].Voter != "alice" || a.Votes[0].AuthMethod != approvals.AuthLogin) {
			t.Errorf("%s has %+v, want %d votes", name, a.Votes, votes)
		}
	}
}

// TestBulkRefuses what was not selected on a page of ours.
func TestBulkRefuses(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base, ct.Make("a").Obj())
	before, many := b.state(t), url.Values{}
	for range 51 {
		many.Add("on", "prod/a/uid-a"+strings.Repeat("x", len(many["on"])))
	}
	for query, status := range map[string]int{"": 400, "on=": 400, "on=prod/a": 400, "on=//": 400, many.Encode(): 400} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := b.ask(method, "/decide?"+query, query+"&vote=approve", as("alice")...)
			if w.Code != status || b.state(t) != before {
				t.Errorf("%s %.60s: %d, want %d and nothing changed", method, query, w.Code, status)
			}
		}
	}
	if w := b.ask(http.MethodPost, "/decide", selected("a").Encode()+"&vote=approve", "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusUnauthorized || b.state(t) != before {
		t.Errorf("without a session: %d, want 401", w.Code)
	}
}

// TestBoardFinds what is listed, in the order that is asked for.
func TestBoardFinds(t *testing.T) {
	t.Parallel()
	titled := func(title string) func(*approvals.Approval) {
		return func(a *approvals.Approval) { a.Resolved.About.Title = title }
	}
	later := func(a *approvals.Approval) { a.OpenedAt = a.OpenedAt.Add(10) }
	b := newLoginBench(
		t, base,
		ct.Make("shop-1").With(titled("Deploy shop 1.5.3")).Obj(), ct.Make("net-1").With(titled("Widen the network")).With(later).Obj(),
	)
	for query, want := range map[string]string{
		"": "shop-1 net-1", "?q=SHOP": "shop-1", "?q=widen": "net-1", "?q=nothing": "", "?q=production": "shop-1 net-1",
		"?sort=newest": "net-1 shop-1", "?sort=oldest": "shop-1 net-1", "?sort=other": "shop-1 net-1",
	} {
		var got []string
		for _, m := range linkTo.FindAllStringSubmatch(b.ask(http.MethodGet, "/"+query, "", as("alice")...).Body.String(), -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %v, want %q", query, got, want)
		}
	}
}
