package config

import (
	"fmt"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/oidc"
)

// personFile is one person of the directory, as the configuration has it: anyone who writes
// that administers the service, and no Gate's author does.
type personFile struct {
	Names  []string `json:"names"`
	Emails []string `json:"emails,omitempty"`
	Logins []string `json:"logins,omitempty"`

	DisplayName string `json:"displayName,omitempty"`
	TimeZone    string `json:"timeZone,omitempty"`
}

// directory is whose names and addresses are whose: by the configuration, and by the
// login provider where people's names are the addresses that it has verified.
func directory(people []personFile, login *oidc.Config) (*approvals.Directory, error) {
	var all []approvals.Person
	for _, p := range people {
		all = append(all, approvals.Person(p))
	}
	var prefix *string
	if login != nil && (login.UsernameClaim == "" || login.UsernameClaim == "email") {
		prefix = &login.UsernamePrefix
	}
	d, err := approvals.NewDirectory(all, prefix)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	return d, nil
}
