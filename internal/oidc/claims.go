package oidc

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// reserved begins the cluster's own names. RBAC gives system:masters
	// everything, and a provider must not be able to say that somebody is it.
	reserved = "system:"

	maxName   = 253 // of a vote's voter in the API
	maxGroups = 1000
	// maxEvidence is of a vote's evidence in the API.
	maxEvidence = 253
)

// identity is the person whom the verified token t is about.
func (c Config) identity(t *oidc.IDToken) (approvals.Identity, error) {
	var claims map[string]json.RawMessage
	if err := t.Claims(&claims); err != nil {
		return approvals.Identity{}, bad(err, "the ID token's claims can't be parsed")
	}
	if !plain(t.Subject) {
		return approvals.Identity{}, bad(nil, "the ID token's subject is empty, too long or not printable")
	}
	name, err := c.username(t.Subject, claims)
	if err != nil {
		return approvals.Identity{}, err
	}
	name = c.UsernamePrefix + name
	if !plain(name) || strings.HasPrefix(name, reserved) {
		return approvals.Identity{}, bad(nil, "the user name in the ID token is too long, not printable, or begins with %q, which is the cluster's own; an administrator can choose another claim or a prefix (oidc.usernameClaim, oidc.usernamePrefix)", reserved)
	}
	groups, err := c.groups(claims)
	if err != nil {
		return approvals.Identity{}, err
	}
	id := approvals.Identity{
		Name: name, Groups: groups, AuthMethod: approvals.AuthLogin, CredentialID: c.evidence(t.Subject), GroupsLeftOut: c.groupsLeftOut(claims),
		DisplayName: approvals.DisplayName(str(claims["name"])),
	}
	if email := str(claims["email"]); verified(claims) && approvals.IsAddress(email) && plain(email) {
		id.Address = email
	}
	return id, nil
}

// evidence is issuer and subject, which together are one person for ever.
func (c Config) evidence(subject string) string {
	e := "oidc " + c.Issuer + " sub "
	if len(e)+len(subject) <= maxEvidence {
		return e + subject
	}
	return fmt.Sprintf("%ssha256:%x", e, sha256.Sum256([]byte(subject)))
}

// username is the claim that was chosen. An e-mail address counts only when the
// provider says that it has verified it: else anybody could type the approver's.
func (c Config) username(subject string, claims map[string]json.RawMessage) (string, error) {
	switch c.UsernameClaim {
	case "":
		if email := str(claims["email"]); email != "" && verified(claims) {
			return email, nil
		}
		return subject, nil
	case "sub":
		return subject, nil
	case "email":
		if email := str(claims["email"]); email != "" && verified(claims) {
			return email, nil
		}
		return "", bad(nil, "the login provider reports no verified e-mail address for you: verify it there and sign in again")
	default:
		if name := str(claims[c.UsernameClaim]); name != "" {
			return name, nil
		}
		return "", bad(nil, "the ID token has no claim %q, which names people here: an administrator can choose another (oidc.usernameClaim) or ask for another scope (oidc.scopes)", c.UsernameClaim)
	}
}

// groupsLeftOut reports whether the provider has left the groups out of the token because
// there are too many, and says only where to ask for them (OpenID Connect's distributed
// claims, as Microsoft Entra ID sends them), or that there are some.
func (c Config) groupsLeftOut(claims map[string]json.RawMessage) bool {
	claim := cmp.Or(c.GroupsClaim, DefaultGroupsClaim)
	if raw, there := claims[claim]; there && string(raw) != "null" {
		return false
	}
	var elsewhere map[string]json.RawMessage
	_ = json.Unmarshal(claims["_claim_names"], &elsewhere) // none, if it does not read
	_, left := elsewhere[claim]
	return left || string(claims["hasgroups"]) == "true" || string(claims["hasgroups"]) == `"true"`
}

func (c Config) groups(claims map[string]json.RawMessage) ([]string, error) {
	claim := c.GroupsClaim
	if claim == "" {
		claim = DefaultGroupsClaim
	}
	raw, ok := claims[claim]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	var list []string
	if one := str(raw); one != "" {
		list = []string{one}
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return nil, bad(err, "the ID token's claim %q is not a list of groups: an administrator can choose another (oidc.groupsClaim)", claim)
	}
	if len(list) > maxGroups {
		return nil, bad(nil, "the ID token names %d groups and the limit is %d: have the provider send this client fewer", len(list), maxGroups)
	}
	out := make([]string, 0, len(list))
	for _, g := range list {
		// A group that cannot be meant is left out: it can only take rights away.
		if g = c.GroupsPrefix + g; plain(g) && g != c.GroupsPrefix && !strings.HasPrefix(g, reserved) {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// verified reads email_verified, which some providers write as a string.
func verified(claims map[string]json.RawMessage) bool {
	raw := string(claims["email_verified"])
	return raw == "true" || raw == `"true"`
}

func str(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// plain reports whether s can be a name: UTF-8 of 1 to maxName bytes that shows all that it holds.
func plain(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || unicode.In(r, unicode.Bidi_Control) })
}

// issuerOf returns the issuer that a JWT names, unverified: it chooses whom to ask, and
// verifies nothing.
func issuerOf(token string) string {
	_, rest, ok := strings.Cut(token, ".")
	payload, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(token) > maxToken {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

func bad(cause error, format string, args ...any) error {
	err := approvals.Errorf(approvals.CodeUnauthenticated, format, args...)
	err.Err = cause
	return err
}
