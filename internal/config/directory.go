package config

import (
	"fmt"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/oidc"
)

// personFile is one person of the directory, as the configuration has it: anyone who writes
// that administers the service, and no Gate's author does.
type personFile struct {
	// User names here, at least one, as authentication gives them. All of them are one person, who has one vote. The
	// first is what the person is called in messages.
	Names []string `json:"names"`
	// The person's addresses: mailboxes that nobody else reads.
	Emails []string `json:"emails,omitempty"`
	// What they are called elsewhere, such as on GitHub, GitLab or Gitea. They exclude a requester, and give no right.
	Logins []string `json:"logins,omitempty"`
	// What people call them, up to 64 characters. It is shown behind the name that is proved, and never in its place; files of the history have proved names alone.
	// Without it the claim `name` of the login provider is shown, unless it reads like the name of somebody else who
	// takes part.
	DisplayName string `json:"displayName,omitempty"`
	// Where they are, as an IANA name such as `Asia/Seoul`: times in their mails, and in what Slack tells them alone,
	// are in that zone.
	TimeZone string `json:"timeZone,omitempty"`
	// The language of their mails, and of what Slack tells them alone, as a tag: `en`, `de`, `ja`, `ko` or `zh-Hans`.
	// Pages are in the language of their browser, or in the one that they choose at the foot of a page.
	Language string `json:"language,omitempty"`
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
