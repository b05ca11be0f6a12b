package web_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/golden"
)

// fakeLogin takes the cookie who=NAME for a session; internal/oidc has the real one.
type fakeLogin struct{ down bool }

func (f *fakeLogin) Who(r *http.Request) (approvals.Identity, error) {
	if f.down {
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnavailable, "the login provider does not answer")
	}
	c, err := r.Cookie("who")
	if err != nil {
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnauthenticated, "you are not signed in")
	}
	id := approvals.Identity{Name: c.Value, AuthMethod: approvals.AuthLogin, CredentialID: "oidc of " + c.Value}
	if c.Value == "zoe" {
		id.Groups = []string{"sre"}
	}
	return id, nil
}

func (f *fakeLogin) Begin(w http.ResponseWriter, _ *http.Request, back string) (string, error) {
	if f.down {
		return "", approvals.Errorf(approvals.CodeUnavailable, "the login provider does not answer")
	}
	http.SetCookie(w, &http.Cookie{Name: "back", Value: url.QueryEscape(back)})
	return "https://login.example.org/auth?x=1", nil
}

func (f *fakeLogin) Finish(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.Query().Get("code") != "right" {
		return "/mine", approvals.Errorf(approvals.CodeUnauthenticated, "the login provider refused")
	}
	http.SetCookie(w, &http.Cookie{Name: "who", Value: "alice"})
	return r.URL.Query().Get("kept"), nil
}

func (f *fakeLogin) End(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: "who", MaxAge: -1})
}

func newLoginBench(t *testing.T, external string, as ...approvals.Approval) *bench {
	t.Helper()
	b := newBench(t, external, as...)
	b.Login = &fakeLogin{}
	b.handler = web.Handler(b.Deps)
	return b
}

func as(name string) []string {
	return []string{"Cookie", "who=" + name, "Content-Type", "application/x-www-form-urlencoded"}
}

const page = "/approvals/prod/a"

func TestLoginIsNeeded(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base+"/x", ct.Make("a").Obj())
	before := b.state(t)
	for path, back := range map[string]string{
		"/x/":                        "/x/",
		"/x/mine":                    "/x/mine",
		"/x" + page:                  "/x" + page,
		"/x" + page + "?vote=reject": "/x" + page + "?vote=reject",
		"/x/approvals/prod/none":     "/x/approvals/prod/none",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := b.ask(method, path, "", "X-Forwarded-User", "alice", "X-Forwarded-Email", "alice", "X-Forwarded-Groups", "sre", "X-Auth-Request-User", "alice", "Remote-User", "alice")
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/x/login?back="+url.QueryEscape(back) {
				t.Errorf("%s %s: %d to %s", method, path, w.Code, w.Header().Get("Location"))
			}
			wantHeaders(t, path, w.Header())
		}
	}
	// Browsers don't let a form lead to another site, by redirects neither.
	if w := b.ask(http.MethodGet, "/x/?namespace=shop&mine=1", ""); w.Code != http.StatusUnauthorized || w.Header().Get("Refresh") != "0; url=/x/login?back=%2Fx%2F%3Fnamespace%3Dshop%26mine%3D1" {
		t.Errorf("the board's form: %d %v", w.Code, w.Header())
	}
	// A vote is never redirected: it would come back as a GET and look done.
	form := vote("reject", "please <wait>")
	w := b.ask(http.MethodPost, "/x"+page+"?uid=uid-a", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-User", "alice")
	if body := w.Body.String(); w.Code != http.StatusUnauthorized || !strings.Contains(body, "please &lt;wait&gt;") ||
		!strings.Contains(body, `href="/x/login?back=`+url.QueryEscape("/x"+page)+`"`) {
		t.Errorf("a vote without a session: %d %s", w.Code, w.Body)
	}
	if w := b.ask(http.MethodPost, "/x"+page, strings.Repeat("x", 2<<20), "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusUnauthorized {
		t.Errorf("a huge one: %d", w.Code)
	}
	if b.state(t) != before {
		t.Error("something was recorded")
	}
	b.Login.(*fakeLogin).down = true
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if w := b.ask(method, "/x"+page, "vote=approve", as("alice")...); w.Code != http.StatusServiceUnavailable || b.state(t) != before {
			t.Errorf("%s while nobody can be proved: %d", method, w.Code)
		}
	}
}

func TestVoteLoggedIn(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		a       *ct.Builder
		who     string
		query   string // "": the right one
		form    url.Values
		headers []string
		status  int
		votes   int
	}{
		"approve":          {form: vote("approve", "ship it"), status: 200, votes: 1},
		"reject":           {form: vote("reject", ""), status: 200, votes: 1},
		"by a group":       {a: ct.Make("a").Groups("sre"), who: "zoe", form: vote("approve", ""), status: 200, votes: 1},
		"an empty POST":    {form: url.Values{}, status: 400},
		"by the query":     {query: "?uid=uid-a&vote=approve", form: url.Values{}, status: 400},
		"as somebody else": {form: url.Values{"vote": {"approve"}, "voter": {"bob"}, "user": {"bob"}}, status: 200, votes: 1},
		"forwarded name":   {who: "mallory", form: vote("approve", ""), headers: []string{"X-Forwarded-User", "alice"}, status: 403},
		"another's page":   {query: "?uid=uid-old", form: vote("approve", ""), status: 409},
		"no page":          {query: "?x=1", form: vote("approve", ""), status: 409},
		"a stranger":       {who: "mallory", form: vote("approve", ""), status: 403},
		"who may look":     {who: "auditor", form: vote("approve", ""), status: 403},
		"the requester":    {a: ct.Make("a").Users("alice", "bob").Requester("alice"), form: vote("approve", ""), status: 403},
		"too late":         {a: ct.Make("a").Lifetime(20 * time.Minute), form: vote("approve", ""), status: 410},
		"another site":     {form: vote("approve", ""), headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"a huge form":      {form: vote("approve", strings.Repeat("x", 2<<20)), status: 413},
		"rights not known": {who: "nobody-knows", form: vote("approve", ""), status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.a == nil {
				c.a = ct.Make("a")
			}
			if c.who == "" {
				c.who = "alice"
			}
			if c.query == "" {
				c.query = "?uid=uid-a"
			}
			b := newLoginBench(t, base, c.a.Obj())
			w := b.ask(http.MethodPost, page+c.query, c.form.Encode(), append(as(c.who), c.headers...)...)
			if w.Code != c.status {
				t.Errorf("%d, want %d:\n%.3000s", w.Code, c.status, w.Body)
			}
			said.Check(t, name, spoken(w))
			got, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
			if err != nil || len(got.Votes) != c.votes || b.store.Writes() != c.votes {
				t.Fatalf("votes %+v, %v", got.Votes, err)
			}
			for _, v := range got.Votes {
				if v.Voter != c.who || v.AuthMethod != approvals.AuthLogin || v.CredentialID != "oidc of "+c.who {
					t.Errorf("recorded %+v", v)
				}
			}
			if strings.Contains(w.Body.String(), "alice") && c.who == "mallory" {
				t.Error("a stranger is told who can decide")
			}
			wantHeaders(t, name, w.Header())
		})
	}
}

func TestPageBehindLogin(t *testing.T) {
	t.Parallel()
	for who, want := range map[string]struct {
		status int
		vote   bool
	}{"alice": {200, true}, "carol": {200, false}, "CAROL": {200, false}, "auditor": {200, false}, "mallory": {403, false}} {
		b := newLoginBench(t, base, ct.Make("a").Users("alice", "bob").Requester("carol").Obj())
		before := b.state(t)
		w := b.ask(http.MethodGet, page+"?vote=approve", "vote=approve", as(who)...)
		if w.Code != want.status || strings.Contains(w.Body.String(), `value="approve"`) != want.vote {
			t.Errorf("%s: %d, want %d, and a form to vote by: %t\n%.2000s", who, w.Code, want.status, want.vote, w.Body)
		}
		if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), `href="/logout"`) {
			t.Errorf("%s can't log out", who)
		}
		if b.state(t) != before {
			t.Error("looking changed something")
		}
	}
	b := newLoginBench(t, base)
	if w := b.ask(http.MethodGet, page, "", as("auditor")...); w.Code != http.StatusNotFound {
		t.Errorf("none there: %d", w.Code)
	}
	// The requester sees it behind a login. With a token they see only what RBAC allows.
	b = newLoginBench(t, base, ct.Make("a").Requester("carol").Obj())
	if w := b.ask(http.MethodGet, "/api/v1/namespaces/prod/approvals/a", "", bearer("carol")...); w.Code != http.StatusForbidden {
		t.Errorf("a requester with a token: %d", w.Code)
	}
	// A token of the API's is no session.
	if w := b.ask(http.MethodGet, "/mine", "", bearer("alice")...); w.Code != http.StatusSeeOther {
		t.Errorf("with a token: %d", w.Code)
	}
}

// TestReturnPath: a login leads to our own pages and nowhere else.
func TestReturnPath(t *testing.T) {
	t.Parallel()
	for back, want := range map[string]string{
		"/x/":                                 "/x/",
		"/x/mine":                             "/x/mine",
		"/x/approvals/prod/a":                 "/x/approvals/prod/a",
		"/x/?namespace=a%20b&mine=1":          "/x/?namespace=a%20b&mine=1",
		"/x/approvals/prod/a%2Fb":             "/x/approvals/prod/a%2Fb",
		"":                                    "/x/",
		"mine":                                "/x/",
		"/":                                   "/x/",
		"/other":                              "/x/",
		"/xy/mine":                            "/x/",
		"https://evil.example":                "/x/",
		"https://evil.example/x/":             "/x/",
		"//evil.example/x/":                   "/x/",
		"///evil.example/x/":                  "/x/",
		"/\\evil.example":                     "/x/",
		"/x/\\evil.example":                   "/x/",
		"/x/%5Cevil.example":                  "/x/",
		"/x//evil.example":                    "/x/",
		"/x/../evil":                          "/x/",
		"/x/%2e%2e/evil":                      "/x/",
		"javascript:alert(1)":                 "/x/",
		"/x/\r\nSet-Cookie: a=b":              "/x/",
		"/x/\tmine":                           "/x/",
		"https:/x/":                           "/x/",
		"/x/login?back=/x/":                   "/x/",
		"/x/callback?code=right":              "/x/",
		"/x/logout":                           "/x/",
		"/x/" + strings.Repeat("a", 2000):     "/x/",
		"/x/?q=" + url.QueryEscape("//e.com"): "/x/?q=%2F%2Fe.com",
	} {
		b := newLoginBench(t, base+"/x")
		w := b.ask(http.MethodGet, "/x/login?back="+url.QueryEscape(back), "")
		cookies := w.Result().Cookies()
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://login.example.org/auth?x=1" || len(cookies) != 1 {
			t.Fatalf("%q: %d %v", back, w.Code, w.Header())
		}
		if got, _ := url.QueryUnescape(cookies[0].Value); got != want {
			t.Errorf("%q is remembered as %q, want %q", back, got, want)
		}
		w = b.ask(http.MethodGet, "/x/callback?code=right&kept="+url.QueryEscape(back), "")
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%q comes out as %q, want %q", back, w.Header().Get("Location"), want)
		}
	}
}

func FuzzReturnPath(f *testing.F) {
	for _, back := range []string{"/x/mine", "//evil.example", "/x/..//evil.example", "/x/%2e%2e/", "/x/?a=//b", "https:/x/", "/x/;@evil"} {
		f.Add(back)
	}
	f.Fuzz(func(t *testing.T, back string) {
		b := newLoginBench(t, base+"/x")
		w := b.ask(http.MethodGet, "/x/callback?code=right&kept="+url.QueryEscape(back), "")
		from, err := url.Parse(base + "/x/callback")
		if err != nil {
			t.Fatal(err)
		}
		to, err := from.Parse(w.Header().Get("Location"))
		if err != nil || to.Scheme != "https" || to.Host != from.Host || !strings.HasPrefix(to.Path, "/x/") || strings.ContainsAny(w.Header().Get("Location"), "\\\r\n\t") {
			t.Errorf("%q leads to %q", back, w.Header().Get("Location"))
		}
	})
}

func TestLoginPages(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base)
	if w := b.ask(http.MethodGet, "/callback?code=wrong", ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `href="/login?back=%2Fmine"`) {
		t.Errorf("refused: %d %s", w.Code, w.Body)
	}
	w := b.ask(http.MethodGet, "/logout", "", as("alice")...)
	if w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 || !strings.Contains(w.Body.String(), `<form class="on" method="post" action="/logout">`) {
		t.Errorf("GET /logout: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := b.ask(http.MethodPost, "/logout", "", append(as("alice"), "Sec-Fetch-Site", "cross-site")...); w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
		t.Errorf("another site logs people out: %d", w.Code)
	}
	if w := b.ask(http.MethodPost, "/logout", "", as("alice")...); w.Code != http.StatusOK || len(w.Result().Cookies()) != 1 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("POST /logout: %d %v", w.Code, w.Header())
	}
	b.Login.(*fakeLogin).down = true
	if w := b.ask(http.MethodGet, "/login?back=/mine", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `href="/login?back=%2Fmine"`) {
		t.Errorf("provider down: %d %s", w.Code, w.Body)
	}
	// Without a login there are no such pages, and links and tokens go on working.
	b = newBench(t, base)
	for _, path := range []string{"/login", "/callback", "/logout", "/mine", page} {
		if w := b.ask(http.MethodGet, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s without a login: %d", path, w.Code)
		}
	}
}

// rights are the grants of RBAC in a test: one right for each name, in every namespace.
type rights map[string]approvals.Right

func (r rights) Has(_ context.Context, id approvals.Identity, _, _ string, right approvals.Right) (bool, error) {
	return r[id.Name] == right, nil
}

// delegates are whose delegate somebody is, in a test.
type delegates map[string][]string

func (d delegates) Of(_ context.Context, name, _, _ string, _ time.Time) ([]string, error) {
	return d[name], nil
}

// TestRightsBehindLogin: whom RBAC or a delegation lets decide finds it on the board
// and on the page, and can; nobody else does.
func TestRightsBehindLogin(t *testing.T) {
	t.Parallel()
	byRBAC := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers, a.Resolved.Policy.RBAC = nil, true }).Obj()
	for name, c := range map[string]struct {
		a   approvals.Approval
		may string
	}{
		"by RBAC":       {byRBAC, "rita"},
		"as a delegate": {ct.Make("a").Users("alice").Obj(), "dan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLoginBench(t, base, c.a)
			desk := b.Desk.(*approvals.VoteService)
			desk.Rights, desk.Delegates = rights{"rita": approvals.RightApprove}, delegates{"dan": {"alice"}}
			for _, who := range []string{c.may, "mallory"} {
				for path, want := range map[string]string{"/": `class="badge"`, "/mine": page, page: `value="approve"`} {
					if got := strings.Contains(b.ask(http.MethodGet, path, "", as(who)...).Body.String(), want); got != (who == c.may) {
						t.Errorf("%s at %s: %t", who, path, got)
					}
				}
			}
			const form = "vote=approve"
			if w := b.ask(http.MethodPost, page+"?uid="+c.a.UID, form, as("mallory")...); w.Code != http.StatusForbidden {
				t.Errorf("mallory votes: %d", w.Code)
			}
			if w := b.ask(http.MethodPost, page+"?uid="+c.a.UID, form, as(c.may)...); w.Code != http.StatusOK || len(b.ended) != 1 {
				t.Errorf("%s votes: %d, %v", c.may, w.Code, b.ended)
			}
		})
	}
}

func TestBoard(t *testing.T) {
	t.Parallel()
	all := []approvals.Approval{
		ct.Make("mine").Obj(),
		ct.Make("urgent").Users("bob").Lifetime(40 * time.Minute).Obj(),
		ct.Make("asked").In("shop").Users("bob").Requester("alice").Obj(),
		ct.Make("group").In("shop").Users("bob").Groups("sre").Obj(),
		ct.Make("dev").In("dev").Users("bob").With(func(a *approvals.Approval) { a.Resolved.Policy.Gate = "staging" }).Obj(),
		ct.Make("blocked").Unresolved(&approvals.Problem{Reason: "GateNotFound", Message: "none"}).Obj(),
		ct.Make("decided").Voted("alice", approvals.Approve, "ship it").Obj(),
		ct.Make("late").In("old").Users("bob").Lifetime(20 * time.Minute).Obj(),
		ct.Make("half").Users("alice", "bob").Quorum(2).Voted("alice", approvals.Approve, "ok").Obj(),
	}
	for name, c := range map[string]struct {
		who, path string
		want      []string // in this order
	}{
		"an approver":          {"alice", "/", []string{"half", "mine", "asked"}},
		"a member":             {"zoe", "/", []string{"group"}},
		"a stranger":           {"mallory", "/", nil},
		"lists prod":           {"auditor", "/", []string{"urgent", "half", "mine", "blocked"}},
		"lists everything":     {"root", "/", []string{"late", "urgent", "dev", "half", "mine", "asked", "group", "blocked"}},
		"one namespace":        {"root", "/?namespace=shop", []string{"asked", "group"}},
		"one gate":             {"root", "/?gate=staging", []string{"dev"}},
		"both":                 {"root", "/?namespace=shop&gate=staging", nil},
		"mine alone":           {"bob", "/?mine=1", []string{"urgent", "dev", "half", "asked", "group"}},
		"hostile filter":       {"root", "/?namespace=%22%3E%3Cscript%3E&gate=%22%3E%3Cscript%3E", nil},
		"too late is not mine": {"bob", "/mine", []string{"urgent", "dev", "half", "asked", "group"}},
		"waiting and decided":  {"alice", "/mine", []string{"mine", "decided", "half"}},
		"nothing of mine":      {"mallory", "/mine", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLoginBench(t, base, all...)
			before := b.state(t)
			w := b.ask(http.MethodGet, c.path, "", as(c.who)...)
			body := w.Body.String()
			var got []string
			for _, part := range strings.Split(body, `<h3><a href="/approvals/`)[1:] {
				name, _, _ := strings.Cut(part, `"`)
				_, name, _ = strings.Cut(name, "/")
				got = append(got, name)
			}
			if w.Code != http.StatusOK || !slices.Equal(got, c.want) {
				t.Errorf("%d with %v, want %v", w.Code, got, c.want)
			}
			if strings.Contains(body, "<script>") || b.state(t) != before {
				t.Error("a filter became markup, or looking changed something")
			}
			wantHeaders(t, name, w.Header())
		})
	}
}
