package oidc

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// claims are of a token.
type claims map[string]any

// provider is an OpenID Connect provider that signs whatever a test wants. test/login
// has a real one, which does not.
type provider struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	down   bool
	huge   bool
	claims claims     // of the next ID token
	asked  url.Values // of the last code
	hits   map[string]int
}

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{key: testKey(), hits: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits[r.URL.Path]++
	enc := base64.RawURLEncoding
	var answer any
	switch {
	case p.down:
		http.Error(w, "down", http.StatusBadGateway)
		return
	case r.URL.Path == "/.well-known/openid-configuration":
		answer = claims{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		}
	case r.URL.Path == "/keys":
		answer = claims{"keys": []claims{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": enc.EncodeToString(p.key.N.Bytes()), "e": enc.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
		}}}
	case r.URL.Path == "/token":
		_ = r.ParseForm()
		p.asked = r.PostForm
		if r.PostForm.Get("code") != "right" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"a secret detail"}`))
			return
		}
		answer = claims{"access_token": "a", "token_type": "Bearer", "id_token": p.token(p.claims)}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if p.huge { // and all the same right, once it has been read to the end
		_, _ = w.Write([]byte(strings.Repeat(" ", 2*maxAnswer)))
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) seen(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

// good are the claims of a token that is accepted.
func (p *provider) good(more claims) claims {
	c := claims{
		"iss": p.URL, "sub": "sub-1", "aud": "countersign", "exp": t0.Add(time.Hour).Unix(), "iat": t0.Unix(),
		"email": "alice@example.com", "email_verified": true, "groups": []string{"sre", "dev"},
	}
	for k, v := range more {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

func (p *provider) token(c claims) string { return sign(p.key, claims{"alg": "RS256", "kid": "1"}, c) }

func sign(key *rsa.PrivateKey, header, c claims) string {
	enc := base64.RawURLEncoding
	h, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	text := enc.EncodeToString(h) + "." + enc.EncodeToString(payload)
	if key == nil {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + enc.EncodeToString(sig)
}

// bench is a Login at a time that a test can move.
type bench struct {
	*Login
	provider *provider
	log      *bytes.Buffer

	mu   sync.Mutex
	now  time.Time
	ring keyring.Ring
}

func newBench(t *testing.T, external string, change func(*Config)) *bench {
	t.Helper()
	b := &bench{provider: newProvider(t), log: &bytes.Buffer{}, now: t0, ring: keyring.Ring{testRing(1)}}
	u, err := url.Parse(external)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Issuer: b.provider.URL, ClientID: "countersign", ClientSecret: keyring.Secret("a-very-secret-secret")}
	if change != nil {
		change(&c)
	}
	b.Login, err = New(c, Deps{External: u, Ring: b.keys, Now: b.clock, Log: slog.New(slog.NewTextHandler(b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testRing(b byte) keyring.Key {
	return keyring.Key{Made: t0, Secret: bytes.Repeat([]byte{b}, keyring.Size)}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) keys() keyring.Ring {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ring
}

func (b *bench) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}
