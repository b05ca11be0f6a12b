package oidc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/cafile"
)

const (
	// within bounds one question to the provider, from dialling to the last byte.
	within = 5 * time.Second
	// again is the pause after the provider did not answer, keysFor the one after it gave its
	// keys.
	again   = 2 * time.Second
	keysFor = 10 * time.Second
	// maxAnswer bounds what is read of an answer, maxToken a token.
	maxAnswer = 1 << 20
	maxToken  = 16 << 10
)

// Login proves people by one provider. It is safe for concurrent use.
type Login struct {
	config Config
	deps   Deps
	client *http.Client

	asking singleflight.Group
	mu     sync.Mutex
	known  *known
	failed error
	rest   time.Time // failed is believed until then
}

// Deps has the ports of a Login.
type Deps struct {
	External *url.URL // where people reach the service
	Ring     func() keyring.Ring
	Now      func() time.Time
	Log      *slog.Logger
}

// known is the result of discovery.
type known struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// New starts nothing and asks nobody.
func New(c Config, d Deps) (*Login, error) {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forbidigo // a copy, with its time limits
	t.MaxResponseHeaderBytes = 64 << 10
	if c.CAFile != "" {
		pool, err := cafile.Only(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("oidc.caFile: %w", err)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if !secureURL(d.External) {
		d.Log.Warn("externalURL is plain http: anyone on the network path can steal people's sessions", "externalURL", d.External.String())
	}
	return &Login{config: c, deps: d, client: &http.Client{
		Transport: bounded{t}, Timeout: within,
		// A redirected POST would take the client's secret along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// bounded is a transport whose answers have an end.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{http.MaxBytesReader(nil, resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// recent answers again with what it was answered a moment ago. A token that is
// signed by no known key makes the library ask for new ones; anyone who sends many of
// them must not make us ask the provider as often.
type recent struct {
	http.RoundTripper
	now func() time.Time

	mu   sync.Mutex
	at   time.Time
	head http.Header
	body []byte
}

// RoundTrip implements http.RoundTripper, for requests that are all the same.
func (c *recent) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head == nil || c.now().Sub(c.at) >= keysFor {
		resp, err := c.RoundTripper.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		c.at, c.head, c.body = c.now(), resp.Header, body
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.head.Clone(), Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)), Request: r,
	}, nil
}

// provider returns the result of discovery. It asks when that is first needed, and again after
// a failure.
func (l *Login) provider(ctx context.Context) (*known, error) {
	l.mu.Lock()
	k, err, rest := l.known, l.failed, l.rest
	l.mu.Unlock()
	if k != nil {
		return k, nil
	}
	if err != nil && l.deps.Now().Before(rest) {
		return nil, err
	}
	// The first asker's leaving must not fail the others.
	v, err, _ := l.asking.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		k, err := l.discover(ctx)
		if err != nil {
			l.deps.Log.Warn("the login provider can't be used", "issuer", l.config.Issuer, "error", err.Error())
			err = down(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.known, l.failed, l.rest = k, err, l.deps.Now().Add(again)
		return k, err
	})
	if err != nil {
		return nil, err
	}
	return v.(*known), nil
}

// Check asks the provider what a login needs to know of it.
func (l *Login) Check(ctx context.Context) error {
	_, err := l.discover(ctx)
	return err
}

func (l *Login) discover(ctx context.Context) (*known, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, l.client), l.config.Issuer)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Auth  string `json:"authorization_endpoint"`
		Token string `json:"token_endpoint"`
		Keys  string `json:"jwks_uri"`
	}
	if err := p.Claims(&doc); err != nil {
		return nil, err
	}
	for name, e := range map[string]string{"authorization_endpoint": doc.Auth, "token_endpoint": doc.Token, "jwks_uri": doc.Keys} {
		if u, err := url.Parse(e); err != nil || u.Host == "" || !secureURL(u) {
			return nil, fmt.Errorf("its %s is %q, which is not https", name, e)
		}
	}
	keys := *l.client
	keys.Transport = &recent{RoundTripper: l.client.Transport, now: l.deps.Now}
	return &known{
		verifier: p.VerifierContext(oidc.ClientContext(ctx, &keys), &oidc.Config{ClientID: l.config.ClientID, Now: l.deps.Now}),
		oauth: oauth2.Config{
			ClientID: l.config.ClientID, ClientSecret: string(l.config.ClientSecret), Endpoint: p.Endpoint(),
			RedirectURL: strings.TrimSuffix(l.deps.External.String(), "/") + "/callback", Scopes: l.config.scopes(),
		},
	}, nil
}

// verify checks signature, issuer, audience and end of an ID token.
func (l *Login) verify(ctx context.Context, k *known, raw string) (*oidc.IDToken, error) {
	if len(raw) > maxToken {
		return nil, bad(nil, "the ID token has %d bytes and the limit is %d: have the provider send this client fewer claims", len(raw), maxToken)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	t, err := k.verifier.Verify(ctx, raw)
	if err == nil {
		return t, l.isIDToken(raw, t)
	}
	if _, ended := errors.AsType[*oidc.TokenExpiredError](err); ended {
		return nil, bad(err, "the ID token has expired: sign in again")
	}
	if strings.Contains(err.Error(), "expected audience") {
		return nil, bad(err, "the ID token was issued for another client than %q, which must be its audience: sign in here, or get a token for that client", l.config.ClientID)
	}
	// The library keeps no cause to tell the two apart by.
	if strings.Contains(err.Error(), "fetching keys") {
		return nil, down(err)
	}
	return nil, bad(err, "the ID token was not accepted: it must be one that %s issued for client %q", l.config.Issuer, l.config.ClientID)
}

// isIDToken returns an error for a token that the provider signed for us and that proves no login
// here: an access token, one that says that somebody was logged out, or one that was given to
// another client.
func (l *Login) isIDToken(raw string, t *oidc.IDToken) error {
	var claims struct {
		Type  string `json:"typ"` // Keycloak's
		Party string `json:"azp"`
		// Events is a logout token's, which is signed for us too and may have no type.
		Events json.RawMessage `json:"events"`
	}
	if err := t.Claims(&claims); err != nil {
		return bad(err, "the ID token's claims can't be parsed")
	}
	head, _, _ := strings.Cut(raw, ".")
	var header struct {
		Type string `json:"typ"`
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	switch {
	case err != nil:
		return bad(err, "the ID token's header can't be parsed")
	case header.Type != "" && !strings.EqualFold(header.Type, "JWT"), claims.Type != "" && !strings.EqualFold(claims.Type, "ID"):
		return bad(nil, "this is an access token: send the ID token, which says who you are")
	case claims.Events != nil:
		return bad(nil, "this token is about an event, such as a logout: send the ID token, which says who you are")
	case claims.Party != "" && claims.Party != l.config.ClientID, claims.Party == "" && len(t.Audience) > 1:
		return bad(nil, "the ID token was issued to another client than %q: sign in here", l.config.ClientID)
	}
	return nil
}

func down(err error) error {
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Message: "the login provider does not answer, so nobody can sign in right now; try again in a moment", Err: err,
	}
}
