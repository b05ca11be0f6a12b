package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

var otherKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func TestNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		claims claims
		want   string // name; "": refused
		groups []string
		// display is the display name that comes of the claims.
		display string
	}{
		"verified address":        {want: "alice@example.com", groups: []string{"dev", "sre"}},
		"verified, as a string":   {claims: claims{"email_verified": "true"}, want: "alice@example.com", groups: []string{"dev", "sre"}},
		"not verified":            {claims: claims{"email_verified": false}, want: "sub-1", groups: []string{"dev", "sre"}},
		"not said to be":          {claims: claims{"email_verified": nil}, want: "sub-1", groups: []string{"dev", "sre"}},
		"verified by words":       {claims: claims{"email_verified": "yes"}, want: "sub-1", groups: []string{"dev", "sre"}},
		"verified by a number":    {claims: claims{"email_verified": 1}, want: "sub-1", groups: []string{"dev", "sre"}},
		"no address":              {claims: claims{"email": nil}, want: "sub-1", groups: []string{"dev", "sre"}},
		"an address that is none": {claims: claims{"email": 7}, want: "sub-1", groups: []string{"dev", "sre"}},
		"by address, not verified": {
			config: Config{UsernameClaim: "email"}, claims: claims{"email_verified": false},
		},
		"by address":           {config: Config{UsernameClaim: "email"}, want: "alice@example.com", groups: []string{"dev", "sre"}},
		"by subject":           {config: Config{UsernameClaim: "sub"}, want: "sub-1", groups: []string{"dev", "sre"}},
		"by another claim":     {config: Config{UsernameClaim: "upn"}, claims: claims{"upn": "al"}, want: "al", groups: []string{"dev", "sre"}},
		"without that claim":   {config: Config{UsernameClaim: "upn"}},
		"that is no string":    {config: Config{UsernameClaim: "upn"}, claims: claims{"upn": []string{"al"}}},
		"prefixes":             {config: Config{UsernamePrefix: "corp:", GroupsPrefix: "corp:"}, want: "corp:alice@example.com", groups: []string{"corp:dev", "corp:sre"}},
		"other groups":         {config: Config{GroupsClaim: "roles"}, claims: claims{"roles": []string{"x"}}, want: "alice@example.com", groups: []string{"x"}},
		"one group":            {claims: claims{"groups": "sre"}, want: "alice@example.com", groups: []string{"sre"}},
		"no groups":            {claims: claims{"groups": nil}, want: "alice@example.com"},
		"groups of mixed kind": {claims: claims{"groups": []any{"a", 1}}},
		"the cluster's groups": {
			claims: claims{"groups": []string{"system:masters", "sre", "", "a\nb", strings.Repeat("x", 300), "sre"}}, want: "alice@example.com", groups: []string{"sre"},
		},
		"made by a prefix":     {config: Config{GroupsPrefix: "system"}, claims: claims{"groups": []string{":masters"}}, want: "alice@example.com", groups: []string{}},
		"a system name":        {config: Config{UsernameClaim: "upn"}, claims: claims{"upn": "system:serviceaccount:a:b"}},
		"a system subject":     {claims: claims{"email": nil, "sub": "system:admin"}},
		"a display name":       {claims: claims{"name": "Alice  Liddell"}, want: "alice@example.com", groups: []string{"dev", "sre"}, display: "Alice Liddell"},
		"one that hides":       {claims: claims{"name": "Alice \u202eLiddell"}, want: "alice@example.com", groups: []string{"dev", "sre"}},
		"one that is no text":  {claims: claims{"name": []string{"Alice"}}, want: "alice@example.com", groups: []string{"dev", "sre"}},
		"spaces around a name": {config: Config{UsernameClaim: "upn"}, claims: claims{"upn": " al"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, external, func(x *Config) {
				issuer, client := x.Issuer, x.ClientID
				*x = c.config
				x.Issuer, x.ClientID = issuer, client
			})
			id, err := b.Authenticate(t.Context(), b.provider.token(b.provider.good(c.claims)))
			if c.want == "" {
				if approvals.CodeOf(err) != approvals.CodeUnauthenticated {
					t.Errorf("%+v, %v; want nobody", id, err)
				}
				return
			}
			if err != nil || id.Name != c.want {
				t.Errorf("%q, %v; want %q", id.Name, err, c.want)
			}
			if d := cmp.Diff(c.groups, id.Groups); d != "" {
				t.Error(d)
			}
			if id.DisplayName != c.display {
				t.Errorf("called %q, want %q", id.DisplayName, c.display)
			}
		})
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	c := Config{Issuer: "https://" + strings.Repeat("i", maxIssuer-8)}
	a, b := c.evidence(strings.Repeat("s", 250)+"1"), c.evidence(strings.Repeat("s", 250)+"2")
	if len(a) > maxEvidence || a == b || !strings.HasPrefix(a, "oidc https://i") {
		t.Errorf("%d bytes: %s", len(a), a)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good := Config{Issuer: "https://login.example.com/realm", ClientID: "countersign"}
	for name, c := range map[string]struct {
		change  func(*Config)
		refused bool
	}{
		"good":            {func(*Config) {}, false},
		"this machine":    {func(c *Config) { c.Issuer = "http://127.0.0.1:5556/dex" }, false},
		"plain":           {func(c *Config) { c.Issuer = "http://login.example.com" }, true},
		"no issuer":       {func(c *Config) { c.Issuer = "" }, true},
		"a query":         {func(c *Config) { c.Issuer += "?x=1" }, true},
		"a password":      {func(c *Config) { c.Issuer = "https://a:b@login.example.com" }, true},
		"long":            {func(c *Config) { c.Issuer += strings.Repeat("x", maxIssuer) }, true},
		"no client":       {func(c *Config) { c.ClientID = "" }, true},
		"two in a scope":  {func(c *Config) { c.Scopes = []string{"email groups"} }, true},
		"system prefix":   {func(c *Config) { c.UsernamePrefix = "system:" }, true},
		"system groups":   {func(c *Config) { c.GroupsPrefix = "system:x" }, true},
		"a short session": {func(c *Config) { c.SessionLifetime = time.Second }, true},
		"a long session":  {func(c *Config) { c.SessionLifetime = 1000 * time.Hour }, true},
	} {
		x := good
		c.change(&x)
		err := x.Validate()
		if (err != nil) != c.refused {
			t.Errorf("%s: %v, refused should be %t", name, err, c.refused)
		}
		if err != nil {
			said.Check(t, name, err.Error())
		}
	}
	if _, err := New(Config{CAFile: "/nonexistent"}, Deps{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no CA file: %v", err)
	}
}
