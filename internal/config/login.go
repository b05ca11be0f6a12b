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

// login is the YAML form of oidc.Config.
type login struct {
	Issuer           string   `json:"issuer"`
	ClientID         string   `json:"clientID"`
	ClientSecretFile string   `json:"clientSecretFile,omitempty"`
	CAFile           string   `json:"caFile,omitempty"`
	Scopes           []string `json:"scopes,omitempty"`
	UsernameClaim    string   `json:"usernameClaim,omitempty"`
	GroupsClaim      string   `json:"groupsClaim,omitempty"`
	UsernamePrefix   string   `json:"usernamePrefix,omitempty"`
	GroupsPrefix     string   `json:"groupsPrefix,omitempty"`
	SessionLifetime  string   `json:"sessionLifetime,omitempty"`
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
