package approvals

import "slices"

// Capabilities lists the parts of the service's configuration that a Gate may depend on.
type Capabilities struct {
	Record   bool // an audit store
	Login    bool // a login for people
	Mail     bool
	Slack    bool     // buttons
	Channels []string // by name
}

// Supports says what p asks of the service that its configuration does not have:
// CodeInvalid, with what to change in the one or the other.
func (c Capabilities) Supports(p Policy) error {
	// Under limits p may need a login that it does not name.
	ownLink := p.LinkNeedsLogin && p.Limits.allows(AuthLink)
	switch {
	case p.RecordRequired && !c.Record:
		return Errorf(CodeInvalid, "%s has record: Required, but the service has no audit store: configure record.sqlite or record.postgres, or remove record", p.name())
	case ownLink && !c.Login:
		return Errorf(CodeInvalid, "%s has mailLink: NeedsLogin, but the service has no login: configure oidc, or remove mailLink", p.name())
	case len(p.Notify.Escalate.Emails) > 0 && !c.Mail:
		return Errorf(CodeInvalid, "%s has notify.escalate.emails, but the service sends no mail: configure smtp, or remove the addresses", p.name())
	}
	if unknown := except(slices.Concat(p.Notify.Channels, p.Notify.Escalate.Channels), c.Channels); len(unknown) > 0 && p.From != FromTask {
		known := "none"
		if len(c.Channels) > 0 {
			known = list(c.Channels)
		}
		return Errorf(CodeInvalid, "%s notifies channel %s, which is not in the service's configuration: add it under channels there, or use one that is (%s)", p.name(), list(unknown), known)
	}
	return c.reachable(p)
}

// reachable says why nobody could vote by the methods that p's limits leave.
func (c Capabilities) reachable(p Policy) error {
	if p.Limits.Methods == nil {
		return nil
	}
	offered := map[AuthMethod]bool{AuthToken: true, AuthObject: true, AuthLink: c.Mail, AuthLogin: c.Login, AuthSlack: c.Slack}
	left := slices.DeleteFunc(slices.Clone(p.Limits.Methods), func(m AuthMethod) bool { return !offered[m] })
	if len(left) == 0 {
		return Errorf(CodeInvalid, "GatePolicies (field %s) leave %s the methods %s, and the service is configured for none of them, so nobody could vote: ask a cluster administrator", fieldAuthMethods, p.name(), list(p.Limits.Methods))
	}
	// Links and buttons prove a name and no groups.
	if slices.ContainsFunc(left, func(m AuthMethod) bool { return m != AuthLink && m != AuthSlack }) {
		return nil
	}
	for _, r := range p.Requirements() {
		if len(r.Approvers) < r.Required {
			return Errorf(CodeInvalid, "GatePolicies (field %s) leave %s the methods %s, which identify no groups, and it lists too few users: list users", fieldAuthMethods, p.name(), list(left))
		}
	}
	return nil
}
