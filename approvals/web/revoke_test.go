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

// mailed is an Approval whose approvers alice and bob were mailed links, and alice voted by hers.
func mailed() approvals.Approval {
	return ct.Make("a").Users("alice", "bob").Quorum(2).With(func(a *approvals.Approval) {
		for i := range a.Resolved.Policy.Approvers {
			a.Resolved.Policy.Approvers[i].Email = a.Resolved.Policy.Approvers[i].Name + "@example.com"
		}
		a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approvals.Approve, At: a.OpenedAt, AuthMethod: approvals.AuthLink, CredentialID: "link", Address: "alice@example.com"}}
	}).Obj()
}

func end(voter string) url.Values { return url.Values{"operate": {"revoke-link"}, "voter": {voter}} }

// wantEnded fails unless alice's link was ended by that person, and her vote with it. With "" it
// fails if anything was written.
func (b *bench) wantEnded(t *testing.T, by string) {
	t.Helper()
	a, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range a.Revoked {
		got += r.Voter + " by " + r.By
	}
	want, votes, writes := "", 1, 0
	if by != "" {
		want, votes, writes = "alice by "+by, 0, 1
	}
	if got != want || len(a.Votes) != votes || b.store.Writes() != writes {
		t.Errorf("%q ended, %d votes, %d writes; want %q, %d, %d", got, len(a.Votes), b.store.Writes(), want, votes, writes)
	}
}

// TestRevokeOnThePage: whose link it is, and an operator, end it there, with the guards
// that a vote has; nobody else does.
func TestRevokeOnThePage(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		who, query string
		form       url.Values
		headers    []string
		status     int
		by         string
	}{
		"an operator":    {who: "operator", form: end("alice"), status: 200, by: "operator"},
		"by the address": {who: "operator", form: end("alice@example.com"), status: 200, by: "operator"},
		"their own":      {who: "alice", form: end("alice"), status: 200, by: "alice"},
		"another's":      {who: "bob", form: end("alice"), status: 403},
		"who may look":   {who: "auditor", form: end("alice"), status: 403},
		"a stranger":     {who: "mallory", form: end("alice"), status: 403},
		"of nobody":      {who: "operator", form: end("zoe"), status: 400},
		"another site":   {who: "operator", form: end("alice"), headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"another's page": {who: "operator", query: "?uid=uid-old", form: end("alice"), status: 409},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.query == "" {
				c.query = "?uid=uid-a"
			}
			b := newLoginBench(t, base, mailed())
			w := b.ask(http.MethodPost, page+c.query, c.form.Encode(), append(as(c.who), c.headers...)...)
			if w.Code != c.status {
				t.Errorf("%d, want %d:\n%.2000s", w.Code, c.status, w.Body)
			}
			said.Check(t, name, spoken(w))
			b.wantEnded(t, c.by)
		})
	}
	for who, want := range map[string]int{"operator": 2, "alice": 1, "auditor": 0} {
		w := newLoginBench(t, base, mailed()).ask(http.MethodGet, page, "", as(who)...)
		if got := strings.Count(w.Body.String(), `value="revoke-link"`); w.Code != 200 || got != want {
			t.Errorf("%s sees %d links to end, want %d (%d)", who, got, want, w.Code)
		}
	}
}

// TestRevokeByTheLink: a link ends itself and no other, and decides nothing afterwards.
func TestRevokeByTheLink(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	b := newBench(t, base, mailed())
	path := "/links/" + b.token(t, mailed(), "alice")
	if w := b.post("/links/"+b.token(t, mailed(), "bob"), end("alice")); w.Code != http.StatusForbidden {
		t.Errorf("another's: %d\n%.2000s", w.Code, w.Body)
	}
	b.wantEnded(t, "")
	if w := b.ask(http.MethodGet, path, ""); strings.Count(w.Body.String(), `value="revoke-link"`) != 1 {
		t.Errorf("the form is not there:\n%.4000s", w.Body)
	}
	w := b.post(path, end("alice"))
	if w.Code != 200 {
		t.Errorf("%d\n%.2000s", w.Code, w.Body)
	}
	said.Check(t, "revoked", spoken(w))
	b.wantEnded(t, "alice")
	if w = b.post(path, vote("approve", "")); w.Code != http.StatusForbidden {
		t.Errorf("a vote by it: %d\n%s", w.Code, w.Body)
	}
	said.Check(t, "a vote by it", spoken(w))
	b.wantEnded(t, "alice")
	if w := b.ask(http.MethodGet, path, ""); w.Code != 200 || strings.Contains(w.Body.String(), `value="approve"`) {
		t.Errorf("it still offers to vote: %d", w.Code)
	}
	// What is mailed next has no link that proves anybody.
	a, _ := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
	if d, err := b.ForMail(a, "alice", "alice@example.com"); err != nil || strings.Contains(d.Link, "/links/") {
		t.Errorf("%q, %v", d.Link, err)
	}
}

// TestAPIRevokeLink: by POST …/revoke-link with {"voter": …}.
func TestAPIRevokeLink(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const path = "/api/v1/namespaces/prod/approvals/a/revoke-link"
	for name, c := range map[string]struct {
		who, body string
		status    int
		want, by  string
	}{
		"an operator":    {"operator", `{"voter":"alice"}`, 200, `"revokedLinks"`, "operator"},
		"by the address": {"operator", `{"voter":"Alice@example.com"}`, 200, `"revokedLinks"`, "operator"},
		"their own":      {"alice", `{"voter":"alice"}`, 200, `"by": "alice"`, "alice"},
		"another's":      {"bob", `{"voter":"alice"}`, 403, "", ""},
		"a stranger":     {"mallory", `{"voter":"alice"}`, 403, "", ""},
		"nobody":         {"", `{"voter":"alice"}`, 401, "", ""},
		"of whom":        {"operator", `{}`, 400, "", ""},
		"of nobody":      {"operator", `{"voter":"zoe"}`, 400, "", ""},
		"a typo":         {"operator", `{"of":"alice"}`, 400, "", ""},
		"not known":      {"nobody-knows", `{"voter":"alice"}`, 503, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, base, mailed())
			var headers []string
			if c.who != "" {
				headers = bearer(c.who)
			}
			w := b.ask(http.MethodPost, path, c.body, headers...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d, want %d with %q:\n%.2000s", w.Code, c.status, c.want, w.Body)
			}
			checkError(t, said, name, w)
			b.wantEnded(t, c.by)
			if c.by == "" {
				return
			}
			if w := b.ask(http.MethodPost, path, c.body, headers...); w.Code != 200 {
				t.Errorf("again: %d", w.Code)
			}
			b.wantEnded(t, c.by)
		})
	}
}
