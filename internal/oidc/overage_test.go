package oidc

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestGroupsLeftOut: a provider that says only where the groups can be asked for has not
// said that there are none; and a verified address is known beside the name.
func TestGroupsLeftOut(t *testing.T) {
	t.Parallel()
	sources := map[string]any{"src1": map[string]string{"endpoint": "https://graph.example.com/groups"}}
	for name, c := range map[string]struct {
		config Config
		claims claims
		left   bool
		at     string
	}{
		"as they are":              {at: "alice@example.com"},
		"none":                     {claims: claims{"groups": nil}, at: "alice@example.com"},
		"elsewhere":                {claims: claims{"groups": nil, "_claim_names": map[string]string{"groups": "src1"}, "_claim_sources": sources}, left: true, at: "alice@example.com"},
		"something else elsewhere": {claims: claims{"groups": nil, "_claim_names": map[string]string{"address": "src1"}, "_claim_sources": sources}, at: "alice@example.com"},
		"both":                     {claims: claims{"_claim_names": map[string]string{"groups": "src1"}, "_claim_sources": sources}, at: "alice@example.com"},
		"by another claim":         {config: Config{GroupsClaim: "roles"}, claims: claims{"_claim_names": map[string]string{"roles": "src1"}, "_claim_sources": sources}, left: true, at: "alice@example.com"},
		"that there are some":      {claims: claims{"groups": nil, "hasgroups": true}, left: true, at: "alice@example.com"},
		"an address not verified":  {claims: claims{"email_verified": false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, external, func(x *Config) { x.GroupsClaim = c.config.GroupsClaim })
			id, err := b.Authenticate(t.Context(), b.provider.token(b.provider.good(c.claims)))
			if err != nil || id.GroupsLeftOut != c.left || id.Address != c.at {
				t.Errorf("%+v, %v; want left out %t, at %q", id, err, c.left, c.at)
			}
		})
	}
}

// TestAnotherAudience: a token for another client is refused in words that say so.
func TestAnotherAudience(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	b := newBench(t, external, func(*Config) {})
	_, err := b.Authenticate(t.Context(), b.provider.token(b.provider.good(claims{"aud": "another"})))
	if approvals.CodeOf(err) != approvals.CodeUnauthenticated {
		t.Errorf("%v", err)
	}
	said.Check(t, "of a token", approvals.Message(err))
}
