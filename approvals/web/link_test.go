package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

const base = "https://approve.example.com"

// TestLinkReadsOnly: whatever follows a link changes nothing. Mail scanners,
// previews and prefetching browsers send these.
func TestLinkReadsOnly(t *testing.T) {
	t.Parallel()
	a := ct.Make("apply-1").Obj()
	b := newBench(t, base, a)
	path := "/links/" + b.token(t, a, "alice")
	before := b.state(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, "PROPFIND"} {
		for _, query := range []string{"", "?vote=approve", "?vote=reject&comment=x", "?_method=POST&vote=approve"} {
			w := b.ask(method, path+query, "vote=approve", "Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "POST", "Sec-Purpose", "prefetch")
			want := http.StatusMethodNotAllowed
			if method == http.MethodGet || method == http.MethodHead {
				want = http.StatusOK
			}
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, query, w.Code, want)
			}
			if after := b.state(t); after != before {
				t.Fatalf("%s %s changed what is kept", method, query)
			}
		}
	}
	w := b.ask(http.MethodGet, path, "")
	page := w.Body.String()
	if !strings.Contains(page, "<form") || !strings.Contains(page, `method="post"`) {
		t.Errorf("no form in\n%s", page)
	}
	for _, auto := range []string{"onload", `http-equiv="refresh"`} {
		if strings.Contains(strings.ToLower(page), auto) {
			t.Errorf("the page has %s: it could act by itself", auto)
		}
	}
	if w := b.post(path, vote("approve", "")); w.Code != http.StatusOK {
		t.Errorf("the link was used up by looking: %d", w.Code)
	}
}

func TestLinkVotes(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		a       *ct.Builder
		voter   string
		form    url.Values
		query   string
		status  int
		outcome approvals.Outcome
		votes   int
	}{
		"approve":            {voter: "alice", form: vote("approve", "ship it"), status: 200, outcome: approvals.Approved, votes: 1},
		"reject":             {voter: "alice", form: vote("reject", ""), status: 200, outcome: approvals.Rejected, votes: 1},
		"one of two":         {a: ct.Make("a").Users("alice", "bob").Quorum(2), voter: "alice", form: vote("approve", ""), status: 200, outcome: approvals.Pending, votes: 1},
		"other fields":       {voter: "alice", form: url.Values{"vote": {"approve"}, "voter": {"bob"}, "user": {"bob"}}, status: 200, outcome: approvals.Approved, votes: 1},
		"nothing chosen":     {voter: "alice", form: url.Values{}, status: 400, outcome: approvals.Pending},
		"comment alone":      {voter: "alice", form: vote("", "my words"), status: 400, outcome: approvals.Pending},
		"by the query":       {voter: "alice", form: url.Values{}, query: "?vote=approve", status: 400, outcome: approvals.Pending},
		"query against form": {voter: "alice", form: vote("reject", ""), query: "?vote=approve", status: 200, outcome: approvals.Rejected, votes: 1},
		"unknown verdict":    {voter: "alice", form: vote("yes", ""), status: 400, outcome: approvals.Pending},
		"a long comment":     {voter: "alice", form: vote("approve", long), status: 400, outcome: approvals.Pending},
		"a huge form":        {voter: "alice", form: vote("approve", strings.Repeat("x", 2<<20)), status: 413, outcome: approvals.Pending},
		"the requester":      {a: ct.Make("a").Users("alice", "bob").Requester("alice"), voter: "alice", form: vote("approve", ""), status: 403, outcome: approvals.Pending},
		"a login is needed":  {a: ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.LinkNeedsLogin = true }), voter: "alice", form: vote("approve", ""), status: 403, outcome: approvals.Pending},
		"no longer listed":   {a: ct.Make("a").Users("bob"), voter: "alice", form: vote("approve", ""), status: 403, outcome: approvals.Pending},
		"the other, after": {
			a: ct.Make("a").Users("alice", "bob").Voted("bob", approvals.Approve, ""), voter: "alice", form: vote("approve", ""), status: 409,
			outcome: approvals.Approved, votes: 1,
		},
		"a change of mind, after": {a: ct.Make("a").Voted("alice", approvals.Approve, ""), voter: "alice", form: vote("reject", ""), status: 409, outcome: approvals.Approved, votes: 1},
		"the same, after":         {a: ct.Make("a").Voted("alice", approvals.Approve, ""), voter: "alice", form: vote("approve", ""), status: 200, outcome: approvals.Approved, votes: 1},
		"blocked": {
			a: ct.Make("a").With(func(a *approvals.Approval) {
				a.Blocked = &approvals.Problem{Reason: "SignatureInvalid", Message: "its signature is not by a key of this service"}
			}), voter: "alice", form: vote("approve", ""), status: 409, outcome: approvals.Pending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = ct.Make("a")
			}
			a := c.a.Obj()
			b := newBench(t, base, a)
			token := b.token(t, a, c.voter)
			if name == "blocked" { // its signature broke after the mail went out
				a.Resolved = nil
				b = newBench(t, base, a)
			}
			w := b.post("/links/"+token+c.query, c.form)
			if w.Code != c.status {
				t.Errorf("%d, want %d:\n%.3000s", w.Code, c.status, w.Body)
			}
			said.Check(t, name, spoken(w))
			got, err := b.store.Get(t.Context(), a.Key)
			if err != nil || got.Outcome != c.outcome || len(got.Votes) != c.votes {
				t.Errorf("outcome %s with votes %+v, %v; want %s with %d", got.Outcome, got.Votes, err, c.outcome, c.votes)
			}
			for _, v := range got.Votes[len(a.Votes):] {
				if v.Voter != c.voter || v.AuthMethod != approvals.AuthLink || v.CredentialID != "link until 2026-03-01T10:00:00Z to alice@example.com" || v.Address != "alice@example.com" {
					t.Errorf("recorded %+v", v)
				}
			}
			wantHeaders(t, name, w.Header())
		})
	}
}

// TestLinkNeedsLogin: the page behind the link leads to the login, where there is one.
func TestLinkNeedsLogin(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.LinkNeedsLogin = true }).Obj()
	for want, b := range map[bool]*bench{true: newLoginBench(t, base, a), false: newBench(t, base, a)} {
		w := b.ask(http.MethodGet, "/links/"+b.token(t, a, "alice"), "")
		if strings.Contains(w.Body.String(), `/approvals/prod/a">Sign in</a>`) != want || strings.Contains(w.Body.String(), `name="vote"`) {
			t.Errorf("with a login %t: %s", want, w.Body)
		}
	}
}

// TestLinkTwice: a form sent twice is one vote, one decision and no error.
func TestLinkTwice(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").Obj()
	b := newBench(t, base, a)
	path := "/links/" + b.token(t, a, "alice")
	for _, name := range []string{"once", "twice", "again"} {
		w := b.post(path, vote("approve", "ok"))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
		said.Check(t, name, spoken(w))
	}
	if b.store.Writes() != 1 || len(b.ended) != 1 {
		t.Errorf("%d writes, ended %v", b.store.Writes(), b.ended)
	}
}

func TestLinkRefused(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").Obj()
	expired := ct.Make("a").Lifetime(20 * 60e9).Obj()
	for name, c := range map[string]struct {
		a      approvals.Approval
		token  func(good string) string
		down   error
		status int
	}{
		"expired":       {a: expired, status: 410},
		"tampered":      {token: func(s string) string { return "A" + s[1:] }, status: 401},
		"cut":           {token: func(s string) string { return s[:len(s)-3] }, status: 401},
		"made up":       {token: func(string) string { return "hello" }, status: 401},
		"its head only": {token: func(s string) string { s, _, _ = strings.Cut(s, "."); return s }, status: 401},
		"deleted":       {a: ct.Make("other").Obj(), status: 404},
		"replaced":      {a: ct.Make("a").With(func(a *approvals.Approval) { a.UID = "uid-before" }).Obj(), status: 404},
		"store is down": {down: approvals.Errorf(approvals.CodeUnavailable, "try again in a moment"), status: 503},
		"store breaks":  {down: http.ErrAbortHandler, status: 500},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				if c.a.Name == "" {
					c.a = a
				}
				b := newBench(t, base, a)
				token := b.token(t, c.a, "alice")
				if c.token != nil {
					token = c.token(token)
				}
				before := b.state(t)
				b.store.Fail(c.down)
				w := b.ask(method, "/links/"+token, "vote=approve", "Content-Type", "application/x-www-form-urlencoded")
				b.store.Fail(nil)
				if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
					t.Errorf("%d %s, want %d:\n%s", w.Code, w.Header().Get("Content-Type"), c.status, w.Body)
				}
				said.Check(t, name, spoken(w))
				if b.state(t) != before {
					t.Error("something was changed")
				}
				wantHeaders(t, name, w.Header())
			})
		}
	}
}

// TestShow: the page's data for each reader and state.
func TestShow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a         *ct.Builder
		voter     string
		decidable bool
		whyNot    string
		missing   int
		mine      bool
		shown     int
	}{
		"an approver":    {a: ct.Make("a"), voter: "alice", decidable: true, missing: 1},
		"has voted":      {a: ct.Make("a").Users("alice", "bob").Quorum(2).Voted("alice", approvals.Approve, ""), voter: "alice", decidable: true, missing: 1, mine: true},
		"the requester":  {a: ct.Make("a").Users("alice", "bob").Requester("alice"), voter: "alice", whyNot: "requester", missing: 1},
		"time is over":   {a: ct.Make("a").Lifetime(10 * 60e9), voter: "alice", whyNot: "the deadline passed at 2026-03-01T09:10:00Z", missing: 1},
		"decided":        {a: ct.Make("a").Voted("alice", approvals.Approve, ""), voter: "alice", mine: true},
		"decided, other": {a: ct.Make("a").Voted("alice", approvals.Approve, ""), voter: "mallory"},
		"not resolved":   {a: ct.Make("a").Unresolved(nil), voter: "alice", whyNot: "still being prepared"},
		"shows a result": {a: ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Show = []string{"digest", "absent"} }), voter: "alice", decidable: true, missing: 1, shown: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newBench(t, base+"/x/").Show(c.a.Obj(), c.voter)
			if d.Decidable != c.decidable || !strings.Contains(d.WhyNot, c.whyNot) || (d.WhyNot == "") != (c.whyNot == "") || approvals.Missing(d.Approval) != c.missing || (d.MyVote != nil) != c.mine || len(d.Shown) != c.shown {
				t.Errorf("decidable %t, why not %q, missing %d, my vote %v, shown %v", d.Decidable, d.WhyNot, approvals.Missing(d.Approval), d.MyVote, d.Shown)
			}
			if d.Base != "/x" || d.Recipient != c.voter {
				t.Errorf("base %q, recipient %q", d.Base, d.Recipient)
			}
		})
	}
}

// spoken is what a page says of what was asked: its notice, its alert, or what it is about when it
// is a page about a problem.
func spoken(w *httptest.ResponseRecorder) string {
	var all []string
	for _, m := range regexp.MustCompile(`(?s)(?:role="(?:alert|status)"|class="lede pre"|class="quote pre")[^>]*>(.*?)</(?:div|p|blockquote)>`).FindAllStringSubmatch(w.Body.String(), -1) {
		all = append(all, unescape(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], "")))
	}
	return strings.Join(all, "\n")
}

var timeTags = regexp.MustCompile(`</?time[^>]*>`)

func unescape(html string) string {
	html = timeTags.ReplaceAllString(html, "") // around the times of sentences
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(html)
}
