package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/web"
)

// TestLanguages: a page is in the language that the reader chose, else in the browser's, else in
// English.
func TestLanguages(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base, ct.Make("a").Users("alice", "bob").Obj())
	for _, c := range []struct {
		path, accept, cookie string
		lang, says           string
	}{
		{page, "", "", "en", "Your decision"},
		{page, "de-DE,de;q=0.9", "", "de", "Ihre Entscheidung"},
		{page, "fr", "", "en", "Your decision"},
		{page, "de", "; countersign-language=ko", "ko", "내 결정"},
		{page, "de", "; countersign-language=xx", "de", "Ihre Entscheidung"},
		{"/", "ja", "", "ja", "承認待ち"},
		{"/mine", "zh-CN", "", "zh-Hans", "轮到您了"},
		{"/operations", "de", "", "de", "Betrieb"},
		{"/history", "de", "", "de", "Verlauf"},
		{"/logout", "de", "", "de", "Abmelden?"},
		{"/nowhere", "de", "", "de", "Diese Seite gibt es nicht"},
	} {
		w := b.ask(http.MethodGet, c.path, "", "Cookie", "who=alice"+c.cookie, "Accept-Language", c.accept)
		h, html := w.Header(), w.Body.String()
		if h.Get("Content-Language") != c.lang || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Accept-Language") {
			t.Errorf("%s for %q%s: Content-Language %q, Vary %q", c.path, c.accept, c.cookie, h.Get("Content-Language"), h.Values("Vary"))
		}
		if !strings.Contains(html, `<html lang="`+c.lang+`">`) || !strings.Contains(html, c.says) {
			t.Errorf("%s for %q%s does not say %q", c.path, c.accept, c.cookie, c.says)
		}
	}
	w := b.ask(http.MethodGet, "/api/v1/approvals", "", append(bearer("alice"), "Accept-Language", "de")...)
	if w.Header().Get("Content-Language") != "" || len(w.Header().Values("Vary")) > 0 {
		t.Errorf("the API has languages: %v", w.Header())
	}
}

// TestLanguageIsChosen: the choice at the foot of a page is kept, and leads back to that page.
func TestLanguageIsChosen(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base+"/x", ct.Make("a").Obj())
	for _, c := range []struct{ path, cookie, to string }{
		{"/x" + page + "?language=ko", "countersign-language=ko; Path=/x/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax", "/x" + page},
		{"/x/?namespace=prod&language=zh-hans", "countersign-language=zh-Hans; Path=/x/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax", "/x/?namespace=prod"},
		{"/x/?language=xx", "", "/x/"},
	} {
		w := b.ask(http.MethodGet, c.path, "", "Cookie", "who=alice")
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.to || w.Header().Get("Set-Cookie") != c.cookie {
			t.Errorf("%s: %d to %q with %q", c.path, w.Code, w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
		}
	}
	for _, path := range []string{"/x/", "/x/history", "/x/operations", "/x/mine"} {
		if html := b.ask(http.MethodGet, path+"?namespace=&gate=prod", "", "Cookie", "who=alice").Body.String(); !strings.Contains(html, `href="?gate=prod&amp;language=ko"`) {
			t.Errorf("%s: the choice of a language loses what it shows", path)
		}
	}
	w := b.ask(http.MethodGet, "//evil.example/?language=ko", "")
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
		t.Errorf("it leads elsewhere: %q", to)
	}
	if w := b.ask(http.MethodPost, "/x"+page+"?language=ko", "", as("alice")...); w.Code == http.StatusSeeOther && w.Header().Get("Set-Cookie") != "" {
		t.Error("a form chooses a language")
	}
}

// TestLanguageOfMail: the reader's by the directory, else the Gate's.
func TestLanguageOfMail(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").With(func(a *approvals.Approval) { a.Resolved.Policy.Language = "de-AT" }).Obj()
	b := newLoginBench(t, base, a)
	var err error
	if b.People, err = approvals.NewDirectory([]approvals.Person{{Names: []string{"bob"}, Language: "ja"}}, nil); err != nil {
		t.Fatal(err)
	}
	b.handler = web.Handler(b.Deps)
	for name, want := range map[string]string{"bob": "ja", "alice": "de", "": "de"} {
		d, err := b.ForMail(a, name, "")
		if err != nil || d.Language != want {
			t.Errorf("%q is told in %q, want %q: %v", name, d.Language, want, err)
		}
	}
}
