//go:build login

package login

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser keeps cookies and follows redirects one by one.
type browser struct {
	t      *testing.T
	client *http.Client
	// before may change an address before it is gone to; false stops there.
	before func(*url.URL) bool
	path   []string // addresses gone to
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{
		t: t, before: func(*url.URL) bool { return true },
		client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// page is the page at which a browser has come to rest.
type page struct {
	status int
	url    *url.URL
	body   string
	header http.Header
}

func (b *browser) get(address string, headers ...string) page {
	return b.send(http.MethodGet, address, "", headers...)
}

func (b *browser) post(address string, form url.Values, headers ...string) page {
	return b.send(http.MethodPost, address, form.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (b *browser) send(method, address, form string, headers ...string) page {
	b.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	for range 20 {
		if !b.before(at) {
			return page{url: at}
		}
		r, err := http.NewRequestWithContext(b.t.Context(), method, at.String(), strings.NewReader(form))
		if err != nil {
			b.t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := b.client.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		b.path = append(b.path, at.String())
		p := page{resp.StatusCode, at, body(b.t, resp), resp.Header}
		next := resp.Header.Get("Location")
		if resp.StatusCode/100 != 3 || next == "" {
			return p
		}
		if at, err = at.Parse(next); err != nil {
			b.t.Fatal(err)
		}
		if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
			method, form = http.MethodGet, ""
		}
	}
	b.t.Fatalf("it goes round: %v", b.path)
	return page{}
}

var dexForm = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

// login asks for address and logs in as name on the way.
func (b *browser) login(address, name string) page {
	b.t.Helper()
	p := b.get(address)
	m := dexForm.FindStringSubmatch(p.body)
	if m == nil {
		return p // somebody said no before
	}
	to, err := p.url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(to.String(), url.Values{"login": {name + "@example.com"}, "password": {password}})
}

// cookie is one of the service's.
func (b *browser) cookie(s *service, name string) *http.Cookie {
	b.t.Helper()
	u, err := url.Parse(s.address())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (b *browser) setCookie(s *service, name, value string) {
	b.t.Helper()
	u, err := url.Parse(s.address())
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}
