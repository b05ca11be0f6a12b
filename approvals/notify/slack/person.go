package slack

import (
	"context"
	"errors"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// person returns the identity of a Slack user as an approver of a. Slack signed the user's id. The
// name comes from the configuration, or from the address that Slack has confirmed. That address must
// be the approver's name, or theirs by the directory: an address that only the Gate has does not
// count.
// With an error the identity has an address at most.
func (c *Channel) person(ctx context.Context, a approvals.Approval, user string, people *approvals.Directory) (approvals.Identity, error) {
	if !userIDs.MatchString(user) {
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnauthenticated, "Slack did not say who you are")
	}
	who, configured := c.Config.Users[user]
	if !configured {
		var err error
		if who, err = c.addressOf(ctx, user); err != nil {
			return approvals.Identity{}, err
		}
	}
	known := approvals.Identity{Address: who} // no more than whose language they read
	name, err := nameOf(a, who, people)
	if err != nil {
		return known, err
	}
	if name == "" {
		// An address is nobody's user name in the cluster: what that name may do there,
		// as somebody's delegate or by RBAC, is not for its owner in Slack.
		if !configured {
			return known, approvals.Errorf(approvals.CodeForbidden, "%s can't decide this in Slack", who) // to anybody of the workspace: not who can
		}
		name = who
	}
	id := approvals.Identity{Name: name, AuthMethod: approvals.AuthSlack, CredentialID: "slack user " + user}
	if approvals.IsAddress(who) {
		id.Address = who
	}
	return id, nil
}

// nameOf returns the approver with that name, or the only one who owns that address, "" for none.
func nameOf(a approvals.Approval, who string, people *approvals.Directory) (string, error) {
	var at []string
	for _, p := range a.Resolved.Policy.People() {
		if approvals.SameName(p.Name, who) {
			return p.Name, nil
		}
		if people.Owns(p.Name, who) {
			at = append(at, p.Name)
		}
	}
	switch len(at) {
	case 0:
		return "", nil
	case 1:
		return at[0], nil
	default:
		return "", approvals.Errorf(approvals.CodeForbidden, "%s is the address of %s, so we can't tell who you are. Decide on the page", who, strings.Join(at, " and "))
	}
}

// addressOf asks Slack. A user of another organisation, in a shared channel, has an
// address that others confirmed, so it proves nothing here.
func (c *Channel) addressOf(ctx context.Context, user string) (string, error) {
	refuse := func(why string) (string, error) { // each why has its translations
		return "", approvals.Errorf(approvals.CodeForbidden, "%s, so we can't tell who you are. Decide on the page, or ask an administrator to list Slack user %s under users of channel %s", why, user, c.Config.Name)
	}
	team, err := c.ownTeam(ctx)
	if err != nil {
		return "", unanswered(c.failure(ctx, "auth.test", err))
	}
	u, err := c.api.GetUserInfoContext(ctx, user)
	if err != nil {
		return "", unanswered(c.failure(ctx, "users.info", err))
	}
	switch {
	case u.ID != user || u.Deleted || u.IsBot:
		return refuse("Slack does not know this user")
	case u.IsStranger || u.TeamID != team:
		return refuse("you belong to another organisation's Slack")
	case u.Profile.Email == "" || !u.IsEmailConfirmed:
		return refuse("Slack does not report a confirmed e-mail address for you")
	}
	return u.Profile.Email, nil
}

func unanswered(err error) error {
	e := approvals.Errorf(approvals.CodeUnavailable, "Slack did not say who you are. Try again, or decide on the page")
	e.Err = err
	return e
}

// ownTeam is asked for once; nobody waits for somebody else's question.
func (c *Channel) ownTeam(ctx context.Context) (string, error) {
	if team := c.team.Load(); team != nil {
		return *team, nil
	}
	r, err := c.api.AuthTestContext(ctx)
	if err != nil {
		return "", err
	}
	if r.TeamID == "" {
		return "", errors.New("the answer names no team")
	}
	c.team.Store(&r.TeamID)
	return r.TeamID, nil
}
