package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/golden"
)

const external = "https://approve.example.com/x"

// begin starts a login and returns its cookie and what the provider is asked.
func (b *bench) begin(t *testing.T, back string) (*http.Cookie, url.Values) {
	t.Helper()
	w := httptest.NewRecorder()
	to, err := b.Begin(w, httptest.NewRequest(http.MethodGet, "/x/login", nil), back)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil || len(w.Result().Cookies()) != 1 || !strings.HasPrefix(to, b.provider.URL+"/auth?") {
		t.Fatalf("%s, %v, cookies %v", to, err, w.Result().Cookies())
	}
	return w.Result().Cookies()[0], u.Query()
}

// finish comes back with query and cookies.
func (b *bench) finish(query url.Values, cookies ...*http.Cookie) (string, []*http.Cookie, error) {
	r := httptest.NewRequest(http.MethodGet, "/x/callback?"+query.Encode(), nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	back, err := b.Finish(w, r)
	return back, w.Result().Cookies(), err
}

// login goes all the way, with more claims, and returns the session's cookie.
func (b *bench) login(t *testing.T, more claims) (*http.Cookie, error) {
	t.Helper()
	flow, q := b.begin(t, "/x/mine")
	c := b.provider.good(claims{"nonce": q.Get("nonce")})
	maps.Copy(c, more)
	b.provider.set(func() { b.provider.claims = c })
	back, cookies, err := b.finish(url.Values{"state": {q.Get("state")}, "code": {"right"}}, flow)
	if back != "/x/mine" {
		t.Errorf("back to %q", back)
	}
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return strings.HasSuffix(c.Name, sessionCookie) })
	if i < 0 {
		return nil, err
	}
	return cookies[i], err
}

func (b *bench) who(cookies []*http.Cookie, headers ...string) (approvals.Identity, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.Who(r)
}

func wantNobody(t *testing.T, what string, id approvals.Identity, err error) {
	t.Helper()
	if approvals.CodeOf(err) != approvals.CodeUnauthenticated || id.Name != "" {
		t.Errorf("%s: %+v, %v; want nobody", what, id, err)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ external, prefix string }{{external, "__Host-"}, {"http://127.0.0.1:8080", ""}} {
		b := newBench(t, c.external, nil)
		flow, q := b.begin(t, "/x/mine")
		want := url.Values{
			"client_id": {"countersign"}, "response_type": {"code"}, "redirect_uri": {c.external + "/callback"}, "scope": {"openid profile email groups"},
			"state": q["state"], "nonce": q["nonce"], "code_challenge": q["code_challenge"], "code_challenge_method": {"S256"},
		}
		if d := cmp.Diff(want, q); d != "" || len(q.Get("state")) < 22 || len(q.Get("nonce")) < 22 || len(q.Get("code_challenge")) != 43 {
			t.Errorf("asked %s", d)
		}
		session, err := b.login(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, cookie := range map[string]*http.Cookie{flowCookie: flow, sessionCookie: session} {
			if cookie.Name != c.prefix+name || cookie.Path != "/" || cookie.Domain != "" || !cookie.HttpOnly || cookie.Secure != (c.prefix != "") || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge <= 0 {
				t.Errorf("cookie %+v", cookie)
			}
			raw, _ := base64.URLEncoding.DecodeString(cookie.Value)
			for _, secret := range []string{"alice", "sre", q.Get("nonce"), q.Get("state")} {
				if strings.Contains(cookie.Value, secret) || strings.Contains(string(raw), secret) {
					t.Errorf("cookie %s shows %s", name, secret)
				}
			}
		}
		id, err := b.who([]*http.Cookie{session})
		if d := cmp.Diff(approvals.Identity{
			Name: "alice@example.com", Groups: []string{"dev", "sre"}, AuthMethod: approvals.AuthLogin, CredentialID: "oidc " + b.provider.URL + " sub sub-1", Address: "alice@example.com",
		}, id); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
		if v := b.provider.asked; len(v.Get("code_verifier")) != 43 || v.Get("redirect_uri") != c.external+"/callback" {
			t.Errorf("the code was redeemed with %v", v)
		}
		w := httptest.NewRecorder()
		b.End(w)
		if out := w.Result().Cookies(); len(out) != 1 || out[0].Name != session.Name || out[0].MaxAge >= 0 || out[0].Value != "" {
			t.Errorf("logging out sets %v", out)
		}
	}
}

// TestFinishRefuses: an answer that is not of this browser's login, or whose token
// is not, begins no session.
func TestFinishRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	type attempt struct {
		b     *bench
		flow  *http.Cookie
		query url.Values
		token claims
	}
	for name, c := range map[string]struct {
		change func(*attempt)
		code   approvals.Code
	}{
		"no cookie":              {func(a *attempt) { a.flow = &http.Cookie{Name: "x", Value: "y"} }, approvals.CodeUnauthenticated},
		"another's cookie":       {func(a *attempt) { a.flow, _ = a.b.begin(t, "/") }, approvals.CodeUnauthenticated},
		"another key's cookie":   {func(a *attempt) { a.b.set(func() { a.b.ring = keyring.Ring{testRing(9)} }) }, approvals.CodeUnauthenticated},
		"no key":                 {func(a *attempt) { a.b.set(func() { a.b.ring = nil }) }, approvals.CodeUnauthenticated},
		"a session for a flow":   {func(a *attempt) { s, _ := a.b.login(t, nil); s.Name = a.flow.Name; a.flow = s }, approvals.CodeUnauthenticated},
		"eleven minutes":         {func(a *attempt) { a.b.set(func() { a.b.now = t0.Add(11 * time.Minute) }) }, approvals.CodeUnauthenticated},
		"wrong state":            {func(a *attempt) { a.query.Set("state", "other") }, approvals.CodeUnauthenticated},
		"no state":               {func(a *attempt) { a.query.Del("state") }, approvals.CodeUnauthenticated},
		"another provider says":  {func(a *attempt) { a.query.Set("iss", "https://evil.example") }, approvals.CodeUnauthenticated},
		"the provider refuses":   {func(a *attempt) { a.query.Set("error", "access_denied") }, approvals.CodeUnauthenticated},
		"no code":                {func(a *attempt) { a.query.Del("code") }, approvals.CodeUnauthenticated},
		"wrong code":             {func(a *attempt) { a.query.Set("code", "wrong") }, approvals.CodeUnauthenticated},
		"wrong nonce":            {func(a *attempt) { a.token["nonce"] = "other" }, approvals.CodeUnauthenticated},
		"no nonce":               {func(a *attempt) { delete(a.token, "nonce") }, approvals.CodeUnauthenticated},
		"another issuer":         {func(a *attempt) { a.token["iss"] = "https://evil.example" }, approvals.CodeUnauthenticated},
		"another audience":       {func(a *attempt) { a.token["aud"] = "other" }, approvals.CodeUnauthenticated},
		"ended":                  {func(a *attempt) { a.token["exp"] = t0.Add(-time.Second).Unix() }, approvals.CodeUnauthenticated},
		"no end":                 {func(a *attempt) { delete(a.token, "exp") }, approvals.CodeUnauthenticated},
		"no subject":             {func(a *attempt) { delete(a.token, "sub") }, approvals.CodeUnauthenticated},
		"a system name":          {func(a *attempt) { a.token["email"] = "system:admin" }, approvals.CodeUnauthenticated},
		"a name with an escape":  {func(a *attempt) { a.token["email"] = "a\u202eb@example.com" }, approvals.CodeUnauthenticated},
		"a long name":            {func(a *attempt) { a.token["email"] = strings.Repeat("a", 300) }, approvals.CodeUnauthenticated},
		"groups that are a map":  {func(a *attempt) { a.token["groups"] = claims{"a": 1} }, approvals.CodeUnauthenticated},
		"a thousand groups":      {func(a *attempt) { a.token["groups"] = groups(1001) }, approvals.CodeUnauthenticated},
		"too many for a cookie":  {func(a *attempt) { a.token["groups"] = groups(900) }, approvals.CodeUnauthenticated},
		"an endless token":       {func(a *attempt) { a.token["x"] = strings.Repeat("x", maxToken) }, approvals.CodeUnauthenticated},
		"the provider goes down": {func(a *attempt) { a.b.provider.set(func() { a.b.provider.down = true }) }, approvals.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, external, nil)
			flow, q := b.begin(t, "/x/mine")
			a := &attempt{b: b, flow: flow, query: url.Values{"state": {q.Get("state")}, "code": {"right"}}, token: b.provider.good(claims{"nonce": q.Get("nonce")})}
			c.change(a)
			b.provider.set(func() { b.provider.claims = a.token })
			_, cookies, err := b.finish(a.query, a.flow)
			if approvals.CodeOf(err) != c.code {
				t.Errorf("%v, want code %s", err, c.code)
			}
			said.Check(t, name, strings.ReplaceAll(approvals.Message(err), b.provider.URL, "PROVIDER"))
			for _, set := range cookies {
				if set.Value != "" {
					t.Errorf("a cookie was set: %v", set)
				}
			}
			for _, secret := range []string{"a secret detail", "a-very-secret-secret", a.query.Get("code") + "!"} {
				if strings.Contains(fmt.Sprint(err), secret) || strings.Contains(b.log.String(), secret) {
					t.Errorf("%q is told: %v, %s", secret, err, b.log)
				}
			}
		})
	}
}

func groups(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%x", (i+1)*7919)
	}
	return out
}

// TestSession: it ends when it should, and is ours.
func TestSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lifetime time.Duration
		token    time.Duration
		want     time.Duration
	}{
		"the token's":        {0, 5 * time.Minute, 5 * time.Minute},
		"at most half a day": {0, 100 * time.Hour, 12 * time.Hour},
		"as configured":      {8 * time.Hour, 5 * time.Minute, 8 * time.Hour},
		"shorter than it":    {10 * time.Minute, time.Hour, 10 * time.Minute},
	} {
		b := newBench(t, external, func(x *Config) { x.SessionLifetime = c.lifetime })
		session, err := b.login(t, claims{"exp": t0.Add(c.token).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(session.MaxAge) * time.Second; got != c.want {
			t.Errorf("%s: the browser keeps it %s, want %s", name, got, c.want)
		}
		b.set(func() { b.now = t0.Add(c.want - time.Second) })
		if _, err := b.who([]*http.Cookie{session}); err != nil {
			t.Errorf("%s: just before: %v", name, err)
		}
		b.set(func() { b.now = t0.Add(c.want) })
		id, err := b.who([]*http.Cookie{session}) // a browser that keeps it nevertheless
		wantNobody(t, name, id, err)
	}

	b := newBench(t, external, nil)
	session, err := b.login(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(session.Value) {
		c := *session
		c.Value = c.Value[:i] + string(c.Value[i]^1) + c.Value[i+1:]
		if id, err := b.who([]*http.Cookie{&c}); err == nil && id.Name != "alice@example.com" {
			t.Errorf("byte %d: %v", i, id)
		} else if err == nil && i < len(session.Value)-4 {
			t.Errorf("byte %d was changed and it is believed", i)
		}
	}
	flow, _ := b.begin(t, "/")
	flow.Name = session.Name
	id, err := b.who([]*http.Cookie{flow})
	wantNobody(t, "a flow for a session", id, err)

	// Rotation: a new key, and the old one still opens until it is gone.
	b.set(func() { b.ring = keyring.Ring{testRing(2), testRing(1)} })
	if _, err := b.who([]*http.Cookie{session}); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	b.set(func() { b.ring = keyring.Ring{testRing(2)} })
	id, err = b.who([]*http.Cookie{session})
	wantNobody(t, "its key is gone", id, err)
	b.set(func() { b.ring = keyring.Ring{testRing(1)} })

	// Who is called otherwise now has to log in again.
	other := newBench(t, external, func(c *Config) { c.Issuer = b.provider.URL; c.UsernamePrefix = "corp:" })
	id, err = other.who([]*http.Cookie{session})
	wantNobody(t, "another configuration", id, err)
}

// TestPassedOn: a token that a proxy passes on is verified; a name is not read.
func TestPassedOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	good := b.provider.token(b.provider.good(nil))
	for _, h := range [][]string{
		{"Authorization", "Bearer " + good},
		{"authorization", "bearer " + good},
		{"X-Forwarded-Access-Token", good},
		{"X-Auth-Request-Access-Token", good},
		{"Authorization", "Bearer opaque", "X-Forwarded-Access-Token", good},
		{"Authorization", "Basic eDp5", "X-Forwarded-Access-Token", good, "X-Forwarded-User", "mallory"},
	} {
		if id, err := b.who(nil, h...); err != nil || id.Name != "alice@example.com" || id.AuthMethod != approvals.AuthLogin {
			t.Errorf("%v: %+v, %v", h[0], id, err)
		}
	}
	other := newProvider(t)
	stranger := testKey()
	forged := func(change claims) string { return b.provider.token(b.provider.good(change)) }
	for name, token := range map[string]string{
		"none":             "",
		"no JWT":           "alice@example.com",
		"alg none":         sign(nil, claims{"alg": "none"}, b.provider.good(nil)),
		"alg none, signed": strings.TrimSuffix(sign(nil, claims{"alg": "none", "kid": "1"}, b.provider.good(nil)), ".") + good[strings.LastIndex(good, "."):],
		"alg HS256":        sign(stranger, claims{"alg": "HS256", "kid": "1"}, b.provider.good(nil)),
		"no signature":     good[:strings.LastIndex(good, ".")+1],
		"changed":          strings.Replace(good, ".", ".e30", 1),
		"another issuer":   other.token(other.good(nil)),
		"another's name":   forged(claims{"iss": "https://evil.example"}),
		"another audience": forged(claims{"aud": "kubernetes"}),
		"no audience":      forged(claims{"aud": nil}),
		"ended":            forged(claims{"exp": t0.Add(-time.Second).Unix()}),
		"not yet":          forged(claims{"nbf": t0.Add(time.Hour).Unix()}),
		"huge":             forged(claims{"x": strings.Repeat("x", maxToken)}),
		"another key":      sign(otherKey(), claims{"alg": "RS256", "kid": "1"}, b.provider.good(nil)),
	} {
		for _, header := range []string{"Authorization", "X-Forwarded-Access-Token", "X-Auth-Request-Access-Token"} {
			value := token
			if header == "Authorization" {
				value = "Bearer " + token
			}
			id, err := b.who(nil, header, value, "X-Forwarded-User", "alice", "X-Forwarded-Email", "alice@example.com")
			wantNobody(t, name+" in "+header, id, err)
		}
	}
	for _, header := range []string{
		"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Groups", "X-Auth-Request-User", "X-Auth-Request-Email",
		"X-Auth-Request-Groups", "X-Remote-User", "Remote-User", "X-Webauth-User", "Impersonate-User", "From",
	} {
		id, err := b.who(nil, header, "alice@example.com")
		wantNobody(t, header, id, err)
	}

	// An old token beside a session that is good leaves the session.
	session, err := b.login(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.who([]*http.Cookie{session}, "Authorization", "Bearer "+forged(claims{"exp": 1})); err != nil || id.Name != "alice@example.com" {
		t.Errorf("%+v, %v", id, err)
	}
}

// TestNotAnIDToken: not all that the provider signs for us says who has logged in here.
func TestNotAnIDToken(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	key, two := b.provider.key, []string{"countersign", "other"}
	token := func(typ any, c claims) string {
		header := claims{"alg": "RS256", "kid": "1"}
		if typ != nil {
			header["typ"] = typ
		}
		return sign(key, header, b.provider.good(c))
	}
	for name, c := range map[string]struct {
		token string
		is    bool
	}{
		"no type":                      {token(nil, nil), true},
		"JWT":                          {token("jwt", claims{"typ": "ID", "azp": "countersign"}), true},
		"for two, given to us":         {token("JWT", claims{"aud": two, "azp": "countersign"}), true},
		"for two, given to who knows":  {token("JWT", claims{"aud": two}), false},
		"given to another":             {token("JWT", claims{"azp": "other"}), false},
		"an access token":              {token("at+jwt", nil), false},
		"an access token, by Keycloak": {token("JWT", claims{"typ": "Bearer"}), false},
		"a logout token":               {token("logout+jwt", nil), false},
		"a logout token without type":  {token(nil, claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}}), false},
		"a type that is none":          {token(7, nil), false},
	} {
		id, err := b.who(nil, "Authorization", "Bearer "+c.token)
		if !c.is {
			wantNobody(t, name, id, err)
		} else if err != nil || id.Name != "alice@example.com" {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
}

// fakeCluster believes everything, so that a test sees what it is asked.
type fakeCluster struct{ asked []string }

func (f *fakeCluster) Authenticate(_ context.Context, token string) (approvals.Identity, error) {
	f.asked = append(f.asked, token)
	return approvals.Identity{Name: "robot", AuthMethod: approvals.AuthToken}, nil
}

func (f *fakeCluster) MaySee(context.Context, approvals.Identity, string, string, string) (bool, error) {
	return true, nil
}

func TestBearer(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	cluster := &fakeCluster{}
	auth := Bearer{Cluster: cluster, Login: b.Login}
	if id, err := auth.Authenticate(t.Context(), b.provider.token(b.provider.good(nil))); err != nil || id.Name != "alice@example.com" || len(cluster.asked) != 0 {
		t.Errorf("%+v, %v", id, err)
	}
	if id, err := auth.Authenticate(t.Context(), b.provider.token(b.provider.good(claims{"aud": "other"}))); err == nil || len(cluster.asked) != 0 {
		t.Errorf("a token for somebody else: %+v, %v", id, err)
	}
	for _, token := range []string{"opaque", sign(testKey(), claims{"alg": "RS256"}, claims{"iss": "https://kubernetes.default.svc"}), "a.b.c", "..", strings.Repeat("x", 1<<20)} {
		cluster.asked = nil
		if id, err := auth.Authenticate(t.Context(), token); err != nil || id.Name != "robot" || len(cluster.asked) != 1 {
			t.Errorf("%.20s: %+v, %v", token, id, err)
		}
	}
}

// TestProviderDown: the service starts without the provider, says so, does not
// hammer it, and goes on once it is there.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	b.provider.set(func() { b.provider.down = true })
	try := func() error {
		w := httptest.NewRecorder()
		_, err := b.Begin(w, httptest.NewRequest(http.MethodGet, "/", nil), "/")
		if err != nil && len(w.Result().Cookies()) > 0 {
			t.Error("a cookie for a login that can't be")
		}
		return err
	}
	for range 20 {
		if err := try(); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Fatalf("%v", err)
		}
	}
	if n := b.provider.seen("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	_, err := b.who(nil, "Authorization", "Bearer "+b.provider.token(b.provider.good(nil)))
	if approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("a token that nobody can check: %v", err)
	}
	b.provider.set(func() { b.provider.down = false })
	b.set(func() { b.now = t0.Add(again) })
	if err := try(); err != nil {
		t.Errorf("it is back: %v", err)
	}
	// Sessions need no provider, and new keys are asked for when they are needed.
	session, err := b.login(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.provider.set(func() { b.provider.down = true })
	if _, err := b.who([]*http.Cookie{session}); err != nil {
		t.Errorf("a session while the provider is down: %v", err)
	}
	b.set(func() { b.now = b.now.Add(keysFor) })
	unknown := sign(otherKey(), claims{"alg": "RS256", "kid": "2"}, b.provider.good(nil))
	if _, err := b.who(nil, "Authorization", "Bearer "+unknown); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("a key that can't be asked for: %v", err)
	}
}

// TestKeys: new keys are asked for, and not for each token that nobody signed.
func TestKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	try := func(key *rsa.PrivateKey) error {
		_, err := b.who(nil, "Authorization", "Bearer "+sign(key, claims{"alg": "RS256", "kid": "1"}, b.provider.good(nil)))
		return err
	}
	for range 50 {
		if err := try(otherKey()); approvals.CodeOf(err) != approvals.CodeUnauthenticated {
			t.Fatal(err)
		}
	}
	if n := b.provider.seen("/keys"); n != 1 {
		t.Errorf("the provider was asked for its keys %d times", n)
	}
	b.provider.set(func() { b.provider.key = otherKey() })
	b.set(func() { b.now = b.now.Add(keysFor) })
	if err := try(otherKey()); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if err := try(testKey()); err == nil {
		t.Error("a key that is gone is believed")
	}
}

// TestBounded: an answer without end is none, at whatever address.
func TestBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	flow, q := b.begin(t, "/")
	b.provider.set(func() { b.provider.claims, b.provider.huge = b.provider.good(claims{"nonce": q.Get("nonce")}), true })
	if _, cookies, err := b.finish(url.Values{"state": {q.Get("state")}, "code": {"right"}}, flow); err == nil {
		t.Errorf("a token was read out of it: %v", cookies)
	}
	if _, err := b.who(nil, "Authorization", "Bearer "+b.provider.token(b.provider.good(nil))); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("keys: %v", err)
	}
	other := newBench(t, external, nil)
	other.provider.set(func() { other.provider.huge = true })
	if _, err := other.Login.provider(t.Context()); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("discovery: %v", err)
	}
}

// TestDiscoveryRefuses what would send people or codes over plain HTTP, or to an
// issuer that is another.
func TestDiscoveryRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]claims{
		"another issuer": {"issuer": "https://evil.example"},
		"plain auth":     {"authorization_endpoint": "http://login.example.com/auth"},
		"plain token":    {"token_endpoint": "http://login.example.com/token"},
		"no keys":        {"jwks_uri": ""},
	} {
		var doc claims
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(doc)
		}))
		t.Cleanup(srv.Close)
		doc = claims{"issuer": srv.URL, "authorization_endpoint": srv.URL + "/a", "token_endpoint": srv.URL + "/t", "jwks_uri": srv.URL + "/k"}
		maps.Copy(doc, change)
		b := newBench(t, external, func(c *Config) { c.Issuer = srv.URL })
		if _, err := b.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "/"); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoRedirects: a provider's redirect would take the client's secret along.
func TestNoRedirects(t *testing.T) {
	t.Parallel()
	b := newBench(t, external, nil)
	elsewhere := newProvider(t)
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/.well-known/openid-configuration", http.StatusTemporaryRedirect))
	t.Cleanup(srv.Close)
	b.config.Issuer = srv.URL
	if _, err := b.Login.provider(t.Context()); err == nil || elsewhere.seen("/.well-known/openid-configuration") != 0 {
		t.Errorf("followed: %v", err)
	}
}
