package convert

import (
	"cmp"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// The Gate's words for policies whose links decide or do not, and whose votes wait for the
// audit store or do not.
const (
	MailLinkDecides    v1alpha1.MailLinkRule = "Decides"
	MailLinkNeedsLogin v1alpha1.MailLinkRule = "NeedsLogin"
	RecordFollows      v1alpha1.RecordRule   = "Follows"
	RecordRequired     v1alpha1.RecordRule   = "Required"

	VerifyWhenSeen    v1alpha1.VerifyRunRule = "WhenSeen"
	VerifyBeforeStart v1alpha1.VerifyRunRule = "BeforeStart"
)

// PolicyOf takes a Gate as it is: what the schema lets through and cannot work is found by
// Validate.
func PolicyOf(g *v1alpha1.Gate) approvals.Policy { return PolicyToDomain(g.Name, g.Spec) }

// PolicyToDomain reads a Gate's spec. Absent fields get the schema's defaults, so
// that an inline policy, which no schema has seen, means the same.
func PolicyToDomain(gate string, s v1alpha1.GateSpec) approvals.Policy {
	p := approvals.Policy{
		Gate: gate, Strategy: approvals.Strategy(s.Strategy), Required: int(s.Required),
		Requester: approvals.RequesterRule(s.Requester), Lifetime: approvals.DefaultLifetime, Show: s.Show,
		Comment: approvals.CommentRule(s.Comment), OnExpiry: approvals.ExpiryRule(s.OnExpiry),
		Supersede: approvals.SupersedeRule(s.Supersede), SupersedeKey: s.SupersedeKey, Preset: s.ResultsPreset,
		Title: s.Title, Instructions: s.Instructions,
	}
	for _, l := range s.Links {
		p.Links = append(p.Links, approvals.Expression{Name: l.Name, Expression: l.URL})
	}
	if gate == approvals.InlineGate {
		p.From = approvals.FromTrigger
	}
	if a := s.Approvers; a != nil {
		p.Approvers, p.Groups, p.RBAC = usersToDomain(a.Users), a.Groups, a.RBAC
	}
	for _, r := range s.Rules {
		p.Rules = append(p.Rules, approvals.Rule{
			Name: r.Name, Approvers: usersToDomain(r.Users), Groups: r.Groups, RBAC: r.RBAC, Required: int(cmp.Or(r.Required, 1)),
		})
	}
	p.Evidence = wantedToDomain(s.Evidence)
	for _, in := range s.Inputs {
		kind := approvals.InputType(in.Type)
		if kind == "" {
			kind = approvals.InputString
		}
		p.Inputs = append(p.Inputs, approvals.Input{
			Name: in.Name, Description: in.Description, Type: kind, Required: in.Required,
			Default: in.Default, Pattern: in.Pattern, Options: in.Options,
		})
	}
	if p.Strategy == "" {
		p.Strategy = approvals.Single
	}
	if p.Requester == "" {
		p.Requester = approvals.RequesterExclude
	}
	if s.ExpiresAfter != "" {
		// A duration that does not parse is zero, which Validate refuses.
		p.Lifetime, _ = time.ParseDuration(s.ExpiresAfter)
	}
	for _, o := range s.ReleaseOn {
		p.ReleaseOn = append(p.ReleaseOn, approvals.Outcome(o))
	}
	if len(p.ReleaseOn) == 0 {
		p.ReleaseOn = []approvals.Outcome{approvals.Approved}
	}
	for _, r := range s.Results {
		p.Results = append(p.Results, approvals.Expression{Name: r.Name, Expression: r.Expression})
	}
	p.LinkNeedsLogin, p.RecordRequired = s.MailLink == MailLinkNeedsLogin, s.Record == RecordRequired
	p.VerifyBeforeStart = s.VerifyRun == VerifyBeforeStart
	if s.KeepFor != "" {
		var err error
		if p.KeepFor, err = time.ParseDuration(s.KeepFor); err != nil || p.KeepFor == 0 {
			p.KeepFor = -1 // Validate refuses it
		}
	}
	if s.SigningSecret != nil {
		p.Secret = approvals.SecretRef{
			Name: s.SigningSecret.Name, Key: s.SigningSecret.Key, Kind: cmp.Or(approvals.SenderKind(s.SigningSecret.Kind), approvals.SenderGitHub),
		}
	}
	p.TimeZone, p.Language = s.TimeZone, s.Language
	p.Notify, p.Rerun = notifyToDomain(s.Notify), rerunToDomain(s.Rerun)
	p.Release = releaseToDomain(s.Release)
	return p
}

// PolicyToAPI writes a policy as the spec of a Gate that means the same.
func PolicyToAPI(p approvals.Policy) v1alpha1.GateSpec {
	s := v1alpha1.GateSpec{
		Strategy: v1alpha1.Strategy(p.Strategy), Required: int32(p.Required), //nolint:gosec // Validate bounds it
		Requester: v1alpha1.RequesterRule(p.Requester), ExpiresAfter: p.Lifetime.String(), Show: p.Show,
		Comment: v1alpha1.CommentRule(p.Comment), OnExpiry: v1alpha1.ExpiryRule(p.OnExpiry),
		Supersede: v1alpha1.SupersedeRule(p.Supersede), SupersedeKey: p.SupersedeKey, ResultsPreset: p.Preset,
		Title: p.Title, Instructions: p.Instructions,
	}
	for _, l := range p.Links {
		s.Links = append(s.Links, v1alpha1.Link{Name: l.Name, URL: l.Expression})
	}
	if len(p.Approvers) > 0 || len(p.Groups) > 0 || p.RBAC {
		s.Approvers = &v1alpha1.Approvers{Users: usersToAPI(p.Approvers), Groups: p.Groups, RBAC: p.RBAC}
	}
	for _, r := range p.Rules {
		s.Rules = append(s.Rules, v1alpha1.Rule{
			Name: r.Name, Users: usersToAPI(r.Approvers), Groups: r.Groups, RBAC: r.RBAC, Required: int32(r.Required), //nolint:gosec // Validate bounds it
		})
	}
	s.Evidence = wantedToAPI(p.Evidence)
	for _, in := range p.Inputs {
		s.Inputs = append(s.Inputs, v1alpha1.Input{
			Name: in.Name, Description: in.Description, Type: v1alpha1.InputType(in.Type), Required: in.Required,
			Default: in.Default, Pattern: in.Pattern, Options: in.Options,
		})
	}
	for _, o := range p.ReleaseOn {
		s.ReleaseOn = append(s.ReleaseOn, v1alpha1.ReleasingOutcome(o))
	}
	for _, r := range p.Results {
		s.Results = append(s.Results, v1alpha1.Expression{Name: r.Name, Expression: r.Expression})
	}
	if p.LinkNeedsLogin {
		s.MailLink = MailLinkNeedsLogin
	}
	if p.RecordRequired {
		s.Record = RecordRequired
	}
	if p.VerifyBeforeStart {
		s.VerifyRun = VerifyBeforeStart
	}
	if p.KeepFor > 0 {
		s.KeepFor = p.KeepFor.String()
	}
	if p.Secret.Name != "" {
		s.SigningSecret = &v1alpha1.SigningSecret{Name: p.Secret.Name, Key: p.Secret.Key, Kind: v1alpha1.SenderKind(p.Secret.Kind)}
	}
	s.TimeZone, s.Language = p.TimeZone, p.Language
	s.Notify, s.Rerun = notifyToAPI(p.Notify), rerunToAPI(p.Rerun)
	s.Release = releaseToAPI(p.Release)
	return s
}

// usersToDomain gives anyone who is named by an address that address.
func usersToDomain(users []v1alpha1.User) []approvals.Approver {
	var out []approvals.Approver
	for _, u := range users {
		email := u.Email
		if email == "" && approvals.IsAddress(u.Name) {
			email = u.Name
		}
		out = append(out, approvals.Approver{Name: u.Name, Email: email})
	}
	return out
}

func usersToAPI(people []approvals.Approver) []v1alpha1.User {
	var out []v1alpha1.User
	for _, a := range people {
		out = append(out, v1alpha1.User{Name: a.Name, Email: a.Email})
	}
	return out
}
