package oidc

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

const (
	// mostSession bounds a session whose length is the ID token's.
	mostSession = 12 * time.Hour
	// maxIssuer leaves room for the subject in a vote's evidence.
	maxIssuer = 150
	// mostLifetime bounds what can be configured.
	mostLifetime = 7 * 24 * time.Hour
)

// Config has the provider, this client, and how names and groups are made of claims.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret keyring.Secret // none: a public client, PKCE alone
	CAFile       string         // "": the system's
	Scopes       []string       // besides openid
	// UsernameClaim is "" for the verified e-mail address, else the subject.
	UsernameClaim string
	GroupsClaim   string
	// The prefixes make names those that the cluster's own authentication gives.
	UsernamePrefix, GroupsPrefix string
	// SessionLifetime is 0 for as long as the ID token, at most mostSession.
	SessionLifetime time.Duration
}

// Validate lists everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	u, err := url.Parse(c.Issuer)
	if err != nil || len(c.Issuer) > maxIssuer || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || !secureURL(u) {
		errs = append(errs, fmt.Errorf("oidc.issuer is %q: use https://HOST/PATH, exactly as the provider's tokens name it (http only on this machine)", c.Issuer))
	}
	if c.ClientID == "" {
		errs = append(errs, errors.New("oidc.clientID is empty: use the id that the provider knows this service by"))
	}
	for _, s := range c.Scopes {
		if s == "" || strings.ContainsAny(s, " \t\r\n\"\\") {
			errs = append(errs, fmt.Errorf("oidc.scopes has %q: a scope is one word", s))
		}
	}
	for name, p := range map[string]string{"usernamePrefix": c.UsernamePrefix, "groupsPrefix": c.GroupsPrefix} {
		if strings.HasPrefix(p, reserved) {
			errs = append(errs, fmt.Errorf("oidc.%s is %q: names that begin with %s are the cluster's own", name, p, reserved))
		}
	}
	if c.SessionLifetime != 0 && (c.SessionLifetime < time.Minute || c.SessionLifetime > mostLifetime) {
		errs = append(errs, fmt.Errorf("oidc.sessionLifetime is %s: use 1m to %s, or leave it out", c.SessionLifetime, mostLifetime))
	}
	return errors.Join(errs...)
}

// secureURL reports whether nobody on the way can read or change what is sent to u.
func secureURL(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// DefaultGroupsClaim has people's groups unless the configuration names another.
const DefaultGroupsClaim = "groups"

// DefaultScopes are asked for besides openid unless the configuration names others.
func DefaultScopes() []string { return []string{"profile", "email", "groups"} }

func (c Config) scopes() []string {
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = DefaultScopes()
	}
	return append([]string{"openid"}, slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "openid" })...)
}

// digest tells configurations that name people differently apart: a session of
// another one is none.
func (c Config) digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{c.Issuer, c.ClientID, c.UsernameClaim, c.GroupsClaim, c.UsernamePrefix, c.GroupsPrefix}))
	return hex.EncodeToString(sum[:8])
}
