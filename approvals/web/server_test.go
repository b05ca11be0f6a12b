package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/templates"
)

// TestCrossOrigin: a page of another site can't make a browser vote.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"cross-site":       {[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"same-site":        {[]string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		"another origin":   {[]string{"Origin", "https://evil.example.com"}, http.StatusForbidden},
		"null origin":      {[]string{"Origin", "null"}, http.StatusForbidden},
		"same-origin":      {[]string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		"our own origin":   {[]string{"Origin", "http://example.com"}, http.StatusOK},
		"typed by hand":    {[]string{"Sec-Fetch-Site", "none"}, http.StatusOK},
		"not by a browser": {nil, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Obj()
			b := newBench(t, base, a)
			w := b.ask(http.MethodPost, "/links/"+b.token(t, a, "alice"), "vote=approve", append(c.headers, "Content-Type", "application/x-www-form-urlencoded")...)
			if w.Code != c.status || b.store.Writes() != map[int]int{http.StatusOK: 1}[c.status] {
				t.Errorf("%d with %d writes, want %d", w.Code, b.store.Writes(), c.status)
			}
			wantHeaders(t, name, w.Header())
			if len(b.observed) != 1 {
				t.Errorf("observed %v: it is not counted", b.observed)
			}
		})
	}
}

// TestEveryAnswer has the security headers, counted by route.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		status       int
		observed     string
		want         string
	}{
		"home":              {http.MethodGet, "/", 200, "GET / 200", "Countersign"},
		"home, HEAD":        {http.MethodHead, "/", 200, "HEAD / 200", ""},
		"nothing there":     {http.MethodGet, "/nope", 404, "GET none 404", "/static/"},
		"no API there":      {http.MethodGet, "/api/v2/approvals", 404, "GET none 404", `"code": "not_found"`},
		"no link":           {http.MethodGet, "/links/", 404, "GET none 404", "/static/"},
		"two segments":      {http.MethodGet, "/links/a/b", 404, "GET none 404", "/static/"},
		"405, page":         {http.MethodDelete, "/links/x", 405, "DELETE none 405", "method_not_allowed"},
		"405, home":         {http.MethodPost, "/", 405, "POST none 405", "method_not_allowed"},
		"405, API":          {http.MethodPut, "/api/v1/approvals", 405, "PUT none 405", "method_not_allowed"},
		"405, a vote":       {http.MethodGet, "/api/v1/namespaces/prod/approvals/a/votes", 405, "GET none 405", "method_not_allowed"},
		"401":               {http.MethodGet, "/api/v1/approvals", 401, "GET /api/v1/approvals 401", "unauthenticated"},
		"unclean path":      {http.MethodGet, "//links/../x", 404, "GET none 404", "/static/"},
		"unclean API":       {http.MethodPost, "/api//v1/approvals", 404, "POST none 404", "not_found"},
		"no such file":      {http.MethodGet, "/static/nope.css", 404, "GET /static/ 404", ""},
		"out of the folder": {http.MethodGet, "/static/%2e%2e/%2e%2e/etc/passwd", 404, "GET /static/ 404", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, base)
			w := b.ask(c.method, c.path, "")
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s, want %d with %q", w.Code, w.Body, c.status, c.want)
			}
			if allow := w.Header().Values("Allow"); (c.status == 405) != (len(allow) > 0) || slices.Contains(allow, c.method) {
				t.Errorf("Allow: %v", allow)
			}
			if got := strings.Join(b.observed, ","); got != c.observed {
				t.Errorf("observed %q, want %q", got, c.observed)
			}
			if !strings.HasPrefix(c.path, "/static/") {
				wantHeaders(t, name, w.Header())
			}
		})
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	b := newBench(t, base+"/x")
	page := b.ask(http.MethodGet, "/x/", "").Body.String()
	_, rest, ok := strings.Cut(page, `<link rel="stylesheet" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(path, "/x/static/") {
		t.Fatalf("no style sheet under the prefix in\n%s", page)
	}
	w := b.ask(http.MethodGet, path, "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") || w.Header().Get("Cache-Control") != "public, max-age=3600" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// TestPrefix: everything is under the external URL's path, and nothing beside it.
func TestPrefix(t *testing.T) {
	t.Parallel()
	for _, external := range []string{base + "/x", base + "/x/"} {
		a := ct.Make("a").Obj()
		b := newBench(t, external, a)
		mail, err := b.ForMail(a, "alice", "alice@example.com")
		if err != nil {
			t.Fatal(err)
		}
		token, ok := strings.CutPrefix(mail.Link, base+"/x/links/")
		if !ok || token != b.token(t, a, "alice") {
			t.Errorf("the mail's link is %s", mail.Link)
		}
		u, err := url.Parse(mail.Link)
		if err != nil {
			t.Fatal(err)
		}
		w := b.ask(http.MethodGet, u.Path, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `action="`+u.Path+`"`) {
			t.Errorf("%d, or the form does not post to %s", w.Code, u.Path)
		}
		if w := b.ask(http.MethodGet, "/links/"+token, ""); w.Code != http.StatusNotFound {
			t.Errorf("without the prefix: %d", w.Code)
		}
		if w := b.ask(http.MethodGet, "/x/api/v1/nope", ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "/x/api/v1/namespaces") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := b.ask(http.MethodPut, u.Path, ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("PUT: %d", w.Code)
		}
		if w := b.ask(http.MethodGet, "/x/api/v1/approvals", "", "Authorization", "Bearer token-root"); w.Code != http.StatusOK {
			t.Errorf("the API: %d", w.Code)
		}
		if w := b.post(u.Path, vote("approve", "")); w.Code != http.StatusOK || b.store.Writes() != 1 {
			t.Errorf("vote: %d", w.Code)
		}
	}
}

// TestNothingLeaks: neither a link's token, a bearer token nor what people typed
// reaches the log or the metrics' labels.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	const comment, bearer = "a very private comment", "token-alice-very-secret"
	a := ct.Make("a").Users("alice", "bob", "alice-very-secret").Quorum(3).Obj()
	b := newBench(t, base, a)
	token := b.token(t, a, "alice")
	body := `{"vote":"approve","comment":"` + comment + `"}`
	ask := func() {
		b.ask(http.MethodGet, "/links/"+token, "")
		b.ask(http.MethodGet, "/links/"+token+"x", "")
		b.ask(http.MethodGet, "/nope/"+token, "")
		b.ask(http.MethodDelete, "/links/"+token, "")
		b.post("/links/"+token, vote("approve", comment))
		b.post("/links/"+token, vote(comment, comment))
		b.ask(http.MethodPost, "/links/"+token, "vote=approve", "Sec-Fetch-Site", "cross-site")
		b.ask(http.MethodPost, "/api/v1/namespaces/prod/approvals/a/votes", body, "Authorization", "Bearer "+bearer)
		b.ask(http.MethodPost, "/api/v1/namespaces/prod/approvals/a/votes", `{"`+comment+`":1}`, "Authorization", "Bearer "+bearer)
		b.ask(http.MethodGet, "/api/v1/approvals?access_token="+token, "", "Authorization", "Bearer "+bearer)
	}
	ask()
	b.store.Fail(&approvals.Error{Code: approvals.CodeUnavailable, Message: "down"})
	ask()
	if !strings.Contains(b.log.String(), "down") {
		t.Errorf("the outage is not in the log: %q", b.log.String())
	}
	ct.AssertLeaksNothing(t, "the log", b.log.String(), token, bearer, comment)
	ct.AssertLeaksNothing(t, "the metrics", strings.Join(b.observed, "\n"), token, bearer, comment)
}

// TestDescription: everybody may have openapi.yaml, and it has the service's own address.
func TestDescription(t *testing.T) {
	t.Parallel()
	b := newBench(t, base+"/x/")
	w := b.ask(http.MethodGet, "/x/openapi.yaml", "")
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "\n  - url: "+base+"/x\n") || strings.Count(body, "\n") != strings.Count(web.OpenAPI, "\n") {
		t.Errorf("%d, and servers are not %s/x in %.300s", w.Code, base, body)
	}
	wantHeaders(t, "openapi.yaml", w.Header())
}

// TestBrokenPage: a template that fails half way leaves no half page with a 200.
func TestBrokenPage(t *testing.T) {
	t.Parallel()
	broken, err := templates.New(fstest.MapFS{"approval.html": {Data: []byte(`<p>half{{with .Form}}{{if eq .Comment "boom"}}{{slice .Comment 99}}{{end}}{{end}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	a := ct.Make("a").Obj()
	b := newBench(t, base, a)
	b.Templates = broken
	b.handler = web.Handler(b.Deps)
	w := b.post("/links/"+b.token(t, a, "alice"), vote("", "boom"))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "<p>half") || !strings.Contains(b.log.String(), "render page") {
		t.Errorf("%d %s, log %s", w.Code, w.Body, b.log.String())
	}
	wantHeaders(t, "broken", w.Header())
}

// TestSlack: what people press in Slack is handed on, only by POST, and is there
// only when it is configured. It is no browser's: one that sends it is refused.
func TestSlack(t *testing.T) {
	t.Parallel()
	b := newBench(t, base+"/x")
	if w := b.ask(http.MethodPost, "/x/slack/interactions", "payload={}"); w.Code != http.StatusNotFound {
		t.Errorf("not configured: %d", w.Code)
	}
	b.Slack = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	b.handler = web.Handler(b.Deps)
	for name, c := range map[string]struct {
		method string
		header []string
		status int
	}{
		"by Slack": {http.MethodPost, nil, http.StatusTeapot}, "by a page": {http.MethodPost, []string{"Origin", "https://evil.example.com"}, http.StatusForbidden}, "looked at": {http.MethodGet, nil, http.StatusMethodNotAllowed},
	} {
		w := b.ask(c.method, "/x/slack/interactions", "payload={}", c.header...)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, w.Code, c.status)
		}
		wantHeaders(t, name, w.Header())
	}
}

// TestForRoom: what is shown to everybody has the page's address and nobody's link.
func TestForRoom(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Obj()
	b := newBench(t, base+"/x/", a)
	if d, err := b.ForMail(a, "", ""); err != nil || d.Link != "" {
		t.Errorf("%v: without a login link %s leads nowhere", err, d.Link)
	}
	b.Login = struct{ web.Login }{}
	d, err := b.ForMail(a, "", "")
	if err != nil || d.Link != base+"/x/approvals/prod/a" || d.Recipient != "" || d.Decidable {
		t.Errorf("%v: link %s for %q", err, d.Link, d.Recipient)
	}
}
