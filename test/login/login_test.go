//go:build login

package login

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
)

const (
	approval = "/approvals/prod/a"
	right    = approval + "?uid=uid-a"
)

// world is a provider and the service that uses it.
func world(t *testing.T) (*service, string) {
	t.Helper()
	s := newService(t)
	issuer := dex(t, "", s.address()+"/callback")
	s.serve(t, issuer)
	return s, issuer
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s, issuer := world(t)
	b := newBrowser(t)
	if p := b.login(s.URL+approval+"?a=b%20c", "alice"); p.status != http.StatusOK || p.url.String() != s.URL+approval+"?a=b%20c" || !strings.Contains(p.body, "alice@example.com") || !strings.Contains(p.body, "<form") {
		t.Fatalf("%d at %s:\n%.2000s", p.status, p.url, p.body)
	}
	if p := b.post(s.URL+right, url.Values{"vote": {"approve"}, "comment": {"ship it"}}); p.status != http.StatusOK || !strings.Contains(p.body, `data-result="voted"`) {
		t.Fatalf("%d:\n%.2000s", p.status, p.body)
	}
	v := s.votes(t)
	if len(v) != 1 || v[0].Voter != "alice@example.com" || v[0].AuthMethod != approvals.AuthLogin || !strings.HasPrefix(v[0].CredentialID, "oidc "+issuer+" sub ") {
		t.Errorf("recorded %+v", v)
	}
	if p := b.get(s.URL + "/mine"); !strings.Contains(p.body, "You approved") {
		t.Errorf("mine: %d\n%.2000s", p.status, p.body)
	}
	if p := b.get(s.URL + "/"); p.status != http.StatusOK || !strings.Contains(p.body, `href="/approvals/prod/a"`) {
		t.Errorf("the board: %d\n%.2000s", p.status, p.body)
	}

	// Logging out is a POST, and then nobody is there.
	if p := b.get(s.URL + "/logout"); p.status != http.StatusOK || b.cookie(s, "countersign-session") == nil {
		t.Errorf("GET /logout: %d", p.status)
	}
	old := b.cookie(s, "countersign-session").Value
	if p := b.post(s.URL+"/logout", nil); p.status != http.StatusOK || b.cookie(s, "countersign-session") != nil {
		t.Errorf("POST /logout: %d", p.status)
	}
	b.before = func(u *url.URL) bool { return u.Path != "/login" }
	if p := b.get(s.URL + "/mine"); p.status != 0 || p.url.Query().Get("back") != "/mine" {
		t.Errorf("after logging out: %d at %s", p.status, p.url)
	}
	for _, secret := range []string{old, clientSecret, password, "ship it"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// TestWhoIsNot: somebody else is somebody else, and an address that the provider
// has not verified is nobody's.
func TestWhoIsNot(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	if p := newBrowser(t).login(s.URL+approval, "mallory"); p.status != http.StatusForbidden || strings.Contains(p.body, "bob@") {
		t.Errorf("mallory: %d %s", p.status, p.body)
	}
	b := newBrowser(t)
	p := b.login(s.URL+"/", "unverified")
	if p.status != http.StatusOK || strings.Contains(p.body, "unverified@example.com") {
		t.Errorf("an address that was not verified: %d %s", p.status, p.body)
	}
	// It is in group sre all the same, so it may vote, but not as that address.
	if p := b.post(s.URL+right, url.Values{"vote": {"approve"}}); p.status != http.StatusOK || s.votes(t)[0].Voter == "unverified@example.com" {
		t.Errorf("%d, %+v", p.status, s.votes(t))
	}
}

// TestLoginRefused: what was changed on the way begins no session.
func TestLoginRefused(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	replace := func(at, key, value string) func(*browser) {
		return func(b *browser) {
			b.before = func(u *url.URL) bool {
				if q := u.Query(); strings.HasSuffix(u.Path, at) && q.Has(key) {
					q.Set(key, value)
					u.RawQuery = q.Encode()
				}
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*browser)
		want   string
	}{
		"wrong state":      {replace("/callback", "state", "other"), "belongs to another sign-in"},
		"wrong code":       {replace("/callback", "code", "other"), "did not accept its code"},
		"wrong nonce":      {replace("/auth", "nonce", "other"), "belongs to another sign-in"},
		"wrong verifier":   {replace("/auth", "code_challenge", oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())), "did not accept its code"},
		"another redirect": {replace("/auth", "redirect_uri", "https://evil.example/"), ""},
		"another browser": {func(b *browser) {
			b.before = func(u *url.URL) bool {
				if u.Path == "/callback" {
					b.client.Jar = newBrowser(b.t).client.Jar
				}
				return true
			}
		}, "sign-in was started in this browser"},
		"the victim's": {func(b *browser) {
			// Somebody makes another's browser finish his own login.
			b.before = func(u *url.URL) bool {
				if u.Path == "/callback" {
					victim := newBrowser(b.t)
					victim.before = func(u *url.URL) bool { return !strings.HasSuffix(u.Path, "/auth") }
					victim.get(s.URL + "/login")
					b.client.Jar = victim.client.Jar
				}
				return true
			}
		}, "belongs to another sign-in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t)
			c.change(b)
			p := b.login(s.URL+"/mine", "alice")
			if !strings.Contains(p.body, c.want) || b.cookie(s, "countersign-session") != nil || p.status < 400 {
				t.Errorf("%d at %s, want %q:\n%.2000s", p.status, p.url, c.want, p.body)
			}
		})
	}
	t.Run("replayed", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t)
		var callback, flow string
		b.before = func(u *url.URL) bool {
			if u.Path == "/callback" && callback == "" {
				callback, flow = u.String(), b.cookie(s, "countersign-login").Value
			}
			return true
		}
		if p := b.login(s.URL+"/mine", "alice"); p.status != http.StatusOK {
			t.Fatalf("%d", p.status)
		}
		if p := b.get(callback); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "sign-in was started in this browser") {
			t.Errorf("once more: %d %s", p.status, p.body)
		}
		thief := newBrowser(t)
		thief.setCookie(s, "countersign-login", flow)
		if p := thief.get(callback); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "did not accept its code") || thief.cookie(s, "countersign-session") != nil {
			t.Errorf("with the cookie of then: %d %s", p.status, p.body)
		}
	})
	t.Run("to another host", func(t *testing.T) {
		t.Parallel()
		for _, back := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example/", "https:evil.example"} {
			b := newBrowser(t)
			if p := b.login(s.URL+"/login?back="+url.QueryEscape(back), "alice"); p.status != http.StatusOK || p.url.String() != s.URL+"/" {
				t.Errorf("%s leads to %s", back, p.url)
			}
		}
	})
}

func TestSessionRefused(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	b := newBrowser(t)
	if p := b.login(s.URL+"/mine", "alice"); p.status != http.StatusOK {
		t.Fatalf("%d", p.status)
	}
	good := b.cookie(s, "countersign-session").Value
	probe := func() int { // 200, or 0 when it goes to log in
		b.before = func(u *url.URL) bool { return u.Path != "/login" }
		return b.get(s.URL + "/mine").status
	}
	if probe() != http.StatusOK {
		t.Fatal("the session does not hold")
	}
	raw, err := base64.URLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(raw); i += 7 {
		raw[i] ^= 1
		b.setCookie(s, "countersign-session", base64.URLEncoding.EncodeToString(raw))
		if probe() != 0 {
			t.Fatalf("byte %d was changed and it is believed", i)
		}
		raw[i] ^= 1
	}
	b.setCookie(s, "countersign-session", good)
	old := s.keys()
	s.set(func() { s.ring = keyring.Ring{keyring.NewKey(time.Now())} })
	if probe() != 0 {
		t.Error("a cookie of another key is believed")
	}
	s.set(func() { s.ring = append(s.ring, old...) })
	if probe() != http.StatusOK {
		t.Error("a rotation ends sessions")
	}
	s.set(func() { s.later = time.Hour + time.Minute })
	if probe() != 0 {
		t.Error("an hour later than the token's end it is believed")
	}

	// A vote that finds the session ended is not redirected, nor recorded.
	p := b.post(s.URL+right, url.Values{"vote": {"reject"}, "comment": {"my words"}})
	if p.status != http.StatusUnauthorized || !strings.Contains(p.body, `class="quote pre"`) || !strings.Contains(p.body, "my words") || len(s.votes(t)) != 0 {
		t.Errorf("%d:\n%.2000s", p.status, p.body)
	}
	// And what a login redirect makes of a POST is no rejection.
	s.set(func() { s.later = 0 })
	for _, form := range []url.Values{nil, {"comment": {"x"}}} {
		if p := b.post(s.URL+right, form); p.status != http.StatusBadRequest || !strings.Contains(p.body, `role="alert"`) || len(s.votes(t)) != 0 {
			t.Errorf("an empty POST: %d:\n%.2000s", p.status, p.body)
		}
	}
	if p := b.get(s.URL + right + "&vote=reject"); p.status != http.StatusOK || len(s.votes(t)) != 0 {
		t.Errorf("GET: %d", p.status)
	}
}

// token goes through the provider as name, for client, and returns an ID token.
func token(t *testing.T, s *service, issuer, client, name string) string {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	c := oauth2.Config{
		ClientID: client, ClientSecret: clientSecret, Scopes: []string{"openid", "email", "groups"}, RedirectURL: s.address() + "/callback",
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/auth", TokenURL: issuer + "/token"},
	}
	b := newBrowser(t)
	b.before = func(u *url.URL) bool { return u.Path != "/callback" }
	p := b.login(c.AuthCodeURL("x", oauth2.S256ChallengeOption(verifier)), name)
	got, err := c.Exchange(t.Context(), p.url.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return got.Extra("id_token").(string)
}

// TestTokens: an ID token is as good as a session, when it is one for us.
func TestTokens(t *testing.T) {
	t.Parallel()
	s, issuer := world(t)
	elsewhere := dex(t, "", s.address()+"/callback")
	good := token(t, s, issuer, clientID, "alice")
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"ours":               {good, true},
		"for another client": {token(t, s, issuer, "other", "alice"), false},
		"of another issuer":  {token(t, s, elsewhere, clientID, "alice"), false},
		"alg none":           {none + "." + payload + ".", false},
		"alg none, signed":   {none + "." + payload + "." + signature, false},
		"not signed":         {head + "." + payload + ".", false},
		"opaque":             {"alice@example.com", false},
	} {
		for _, header := range []string{"Authorization", "X-Forwarded-Access-Token", "X-Auth-Request-Access-Token"} {
			value := c.token
			if header == "Authorization" {
				value = "Bearer " + value
			}
			b := newBrowser(t)
			b.before = func(u *url.URL) bool { return u.Path != "/login" }
			if p := b.get(s.URL+approval, header, value, "X-Forwarded-User", "bob@example.com"); (p.status == http.StatusOK) != c.ok || c.ok != strings.Contains(p.body, "alice@example.com") {
				t.Errorf("%s in %s: %d", name, header, p.status)
			}
		}
		p := newBrowser(t).get(s.URL+"/api/v1/namespaces/prod/approvals/a", "Authorization", "Bearer "+c.token)
		if c.ok != (p.status == http.StatusOK) || !c.ok && p.status != http.StatusUnauthorized {
			t.Errorf("%s at the API: %d %s", name, p.status, p.body)
		}
	}
	s.set(func() { s.later = time.Hour + time.Minute })
	if p := newBrowser(t).get(s.URL+"/api/v1/namespaces/prod/approvals/a", "Authorization", "Bearer "+good); p.status != http.StatusUnauthorized {
		t.Errorf("ended: %d", p.status)
	}
}

// TestBehindProxy: oauth2-proxy does the login and passes the ID token on. What it
// or anybody else writes into other headers proves nothing.
func TestBehindProxy(t *testing.T) {
	t.Parallel()
	s := newService(t)
	address := freePort(t)
	issuer := dex(t, "", s.address()+"/callback", "http://"+address+"/oauth2/callback")
	s.serve(t, issuer)
	proxy := oauth2Proxy(t, address, issuer, s.URL)

	b := newBrowser(t)
	p := b.login(proxy+approval, "alice")
	if p.status != http.StatusOK || p.url.String() != proxy+approval || !strings.Contains(p.body, "alice@example.com") || b.cookie(s, "countersign-session") != nil {
		t.Fatalf("%d at %s:\n%.2000s", p.status, p.url, p.body)
	}
	if p := b.post(proxy+right, url.Values{"vote": {"approve"}}, "Origin", proxy, "Sec-Fetch-Site", "same-origin"); p.status != http.StatusOK || len(s.votes(t)) != 1 || s.votes(t)[0].Voter != "alice@example.com" {
		t.Errorf("a vote: %d, %+v", p.status, s.votes(t))
	}
	if p := b.post(proxy+right, url.Values{"vote": {"reject"}}, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden || len(s.votes(t)) != 1 {
		t.Errorf("another site's: %d", p.status)
	}

	named := []string{
		"X-Forwarded-User", "bob@example.com", "X-Forwarded-Email", "bob@example.com", "X-Forwarded-Preferred-Username", "bob@example.com",
		"X-Forwarded-Groups", "sre", "X-Auth-Request-User", "bob@example.com", "X-Auth-Request-Email", "bob@example.com",
	}
	// Around the proxy: nobody.
	around := newBrowser(t)
	around.before = func(u *url.URL) bool { return u.Path != "/login" }
	if p := around.get(s.URL+approval, named...); p.status != 0 {
		t.Errorf("around the proxy: %d %.500s", p.status, p.body)
	}
	if p := around.post(s.URL+right, url.Values{"vote": {"approve"}}, named...); p.status != http.StatusUnauthorized || len(s.votes(t)) != 1 {
		t.Errorf("a vote around the proxy: %d", p.status)
	}
	if p := around.get(s.URL+"/api/v1/approvals", named...); p.status != http.StatusUnauthorized {
		t.Errorf("the API around the proxy: %d", p.status)
	}
	// Through it: anyone who has logged in, whatever else is said.
	mallory := newBrowser(t)
	mallory.login(proxy+"/mine", "mallory")
	if p := mallory.get(proxy+"/mine", named...); p.status != http.StatusOK || !strings.Contains(p.body, "mallory@example.com") || strings.Contains(p.body, "bob@") {
		t.Errorf("through the proxy: %d %.2000s", p.status, p.body)
	}
	if p := mallory.post(proxy+right, url.Values{"vote": {"approve"}}, named...); p.status != http.StatusForbidden || len(s.votes(t)) != 1 {
		t.Errorf("a vote through the proxy: %d", p.status)
	}
	// Without a session of the proxy's a POST ends at its login, and is nothing here.
	if p := newBrowser(t).post(proxy+right, url.Values{"vote": {"reject"}}); len(s.votes(t)) != 1 {
		t.Errorf("a POST without a session: %d", p.status)
	}
}

// TestProviderComesLater: the service serves while there is no provider, and says so.
func TestProviderComesLater(t *testing.T) {
	t.Parallel()
	s := newService(t)
	address := freePort(t)
	s.serve(t, "http://"+address+"/dex")
	b := newBrowser(t)
	if p := b.get(s.URL + "/mine"); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "login provider does not answer") || !strings.Contains(p.body, "Try again") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	dex(t, address, s.address()+"/callback")
	s.set(func() { s.later = 3 * time.Second }) // it is not asked again at once
	if p := b.login(s.URL+"/mine", "alice"); p.status != http.StatusOK || p.url.Path != "/mine" {
		t.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
}
