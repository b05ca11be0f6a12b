package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/oidc"
)

type login struct {
	// The provider's URL, exactly as its tokens name it; https, except on this machine.
	Issuer string `json:"issuer"`
	// This service's id at the provider, and the audience that a token must have.
	ClientID string `json:"clientID"`
	// A file with the client's secret, read at the start. Without it the client is public, and PKCE alone protects the
	// code.
	ClientSecretFile string `json:"clientSecretFile,omitempty"`
	// A file with the CAs, in PEM, to trust for the provider instead of the system's.
	//
	// Default: the system's CAs.
	CAFile string `json:"caFile,omitempty"`
	// The scopes that the service requests besides `openid`. Leave out `groups` where the provider refuses what it does not know.
	Scopes []string `json:"scopes,omitempty"`
	// The claim that names a person. With `email` nobody without a verified address gets in.
	//
	// Default: `email` if `email_verified` says so, otherwise `sub`.
	UsernameClaim string `json:"usernameClaim,omitempty"`
	// The claim that has the person's groups: a list of strings, or one.
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// What is put before names.
	UsernamePrefix string `json:"usernamePrefix,omitempty"`
	// What is put before groups.
	GroupsPrefix string `json:"groupsPrefix,omitempty"`
	// How long a session lasts, 1m to 168h. Set it where ID tokens are short (Keycloak: 5 minutes): a session then lasts
	// this long, even if the person loses a group or the account meanwhile.
	//
	// Default: as long as the ID token, at most 12h.
	SessionLifetime string `json:"sessionLifetime,omitempty"`
}

func (l login) config() (*oidc.Config, error) {
	var errs []error
	c := &oidc.Config{
		Issuer: l.Issuer, ClientID: l.ClientID, CAFile: l.CAFile, Scopes: l.Scopes, UsernameClaim: l.UsernameClaim, GroupsClaim: l.GroupsClaim,
		UsernamePrefix: l.UsernamePrefix, GroupsPrefix: l.GroupsPrefix,
	}
	if l.ClientSecretFile != "" {
		b, err := os.ReadFile(l.ClientSecretFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("oidc.clientSecretFile: %w", err))
		}
		c.ClientSecret = keyring.Secret(strings.TrimSpace(string(b)))
		if err == nil && len(c.ClientSecret) == 0 {
			errs = append(errs, fmt.Errorf("oidc.clientSecretFile: %s is empty; leave the field out for a public client", l.ClientSecretFile))
		}
	}
	if l.SessionLifetime != "" {
		d, err := time.ParseDuration(l.SessionLifetime)
		if err != nil || d <= 0 {
			errs = append(errs, fmt.Errorf("oidc.sessionLifetime is %q: use a duration such as 8h", l.SessionLifetime))
			d = 0
		}
		c.SessionLifetime = d
	}
	return c, errors.Join(append(errs, c.Validate())...)
}
