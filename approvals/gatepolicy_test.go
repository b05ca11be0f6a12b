package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestWithin: every field of a GatePolicy by itself, and what each way around it is.
func TestWithin(t *testing.T) {
	t.Parallel()
	type (
		policy = approvals.GatePolicy
		gate   = approvals.Policy
	)
	rule := func(required int, groups ...string) approvals.Rule {
		return approvals.Rule{Name: strings.Join(groups, "-"), Groups: groups, Required: required}
	}
	for name, c := range map[string]struct {
		policy policy
		gate   func(*gate)
		want   string // the fields; "" is within
	}{
		"nothing is asked": {policy{}, nil, ""},

		"a Gate is an object":            {policy{ForbidInlineGates: true}, nil, ""},
		"a Gate in a Trigger":            {policy{ForbidInlineGates: true}, func(g *gate) { g.Gate, g.From = approvals.InlineGate, approvals.FromTrigger }, "inlineGates"},
		"a task is no Trigger":           {policy{ForbidInlineGates: true}, func(g *gate) { g.Gate, g.From = approvals.InlineGate, approvals.FromTask }, ""},
		"a task's own approvers":         {policy{ForbidTaskApprovers: true}, func(g *gate) { g.Gate, g.From = approvals.InlineGate, approvals.FromTask }, "taskApprovers"},
		"a task that RBAC decides":       {policy{ForbidTaskApprovers: true}, func(g *gate) { g.Gate, g.From, g.RBAC = "kuberocketci", approvals.FromTask, true }, "taskApprovers"},
		"a Trigger is no task":           {policy{ForbidTaskApprovers: true}, func(g *gate) { g.Gate, g.From = approvals.InlineGate, approvals.FromTrigger }, ""},
		"a task that goes by a Gate":     {policy{ForbidTaskApprovers: true}, func(g *gate) { g.Preset = "automatiko" }, ""},
		"users":                          {policy{ForbidUsers: true}, nil, "userApprovers"},
		"groups and no users":            {policy{ForbidUsers: true}, func(g *gate) { g.Approvers, g.Groups = nil, []string{"sre"} }, ""},
		"users in a rule":                {policy{ForbidUsers: true}, func(g *gate) { g.Rules = []approvals.Rule{{Name: "a", Approvers: users("alice"), Required: 1}} }, "userApprovers"},
		"RBAC":                           {policy{ForbidRBAC: true}, func(g *gate) { g.RBAC = true }, "rbacApprovers"},
		"RBAC in a rule":                 {policy{ForbidRBAC: true}, func(g *gate) { g.Rules = []approvals.Rule{rule(1, "sre"), {Name: "r", RBAC: true, Required: 1}} }, "rbacApprovers"},
		"listed":                         {policy{ForbidRBAC: true}, nil, ""},
		"allowed group":                  {policy{AllowedGroups: []string{"sre"}}, func(g *gate) { g.Groups = []string{"sre"} }, ""},
		"another group":                  {policy{AllowedGroups: []string{"sre"}}, func(g *gate) { g.Groups = []string{"sre", "interns"} }, "allowedGroups"},
		"another group in a rule":        {policy{AllowedGroups: []string{"sre"}}, func(g *gate) { g.Rules = []approvals.Rule{rule(1, "sre"), rule(1, "interns")} }, "allowedGroups"},
		"a group in other case":          {policy{AllowedGroups: []string{"sre"}}, func(g *gate) { g.Groups = []string{"SRE"} }, "allowedGroups"},
		"required alone":                 {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Approvers, g.Groups = nil, []string{"sec"} }, ""},
		"required or a person":           {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Groups = []string{"sec"} }, "requiredGroups"},
		"required or RBAC":               {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Approvers, g.Groups, g.RBAC = nil, []string{"sec"}, true }, "requiredGroups"},
		"required or another group":      {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Approvers, g.Groups = nil, []string{"sec", "ops"} }, "requiredGroups"},
		"required by a rule":             {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Rules = []approvals.Rule{rule(2, "ops"), rule(1, "sec")} }, ""},
		"required by MULTI":              {policy{RequiredGroups: []string{"sec"}}, func(g *gate) { g.Groups, g.Strategy = []string{"sec", "ops"}, approvals.Multi }, ""},
		"required and not there":         {policy{RequiredGroups: []string{"sec", "ops"}}, func(g *gate) { g.Rules = []approvals.Rule{rule(2, "ops")} }, "requiredGroups"},
		"one of two":                     {policy{MinApprovals: 2}, nil, "minApprovals"},
		"four eyes":                      {policy{MinApprovals: 2}, func(g *gate) { g.Strategy = approvals.FourEyes }, ""},
		"four eyes of three":             {policy{MinApprovals: 3}, func(g *gate) { g.Strategy = approvals.FourEyes }, "minApprovals"},
		"a quorum":                       {policy{MinApprovals: 3}, func(g *gate) { g.Strategy, g.Required = approvals.Quorum, 3 }, ""},
		"all of two":                     {policy{MinApprovals: 2}, func(g *gate) { g.Approvers, g.Strategy = users("alice", "bob"), approvals.Multi }, ""},
		"all of one, spelt twice":        {policy{MinApprovals: 2}, func(g *gate) { g.Approvers, g.Strategy = users("alice", "ALICE"), approvals.Multi }, "minApprovals"},
		"rules add up":                   {policy{MinApprovals: 3}, func(g *gate) { g.Rules = []approvals.Rule{rule(2, "ops"), rule(1, "sec")} }, ""},
		"nobody, when time is up":        {policy{MinApprovals: 1}, func(g *gate) { g.OnExpiry = approvals.ApproveOnExpiry }, "minApprovals"},
		"the requester decides":          {policy{Requester: approvals.RequesterExclude}, func(g *gate) { g.Requester = approvals.RequesterAllow }, "requester"},
		"the requester is left out":      {policy{Requester: approvals.RequesterExclude}, nil, ""},
		"left out, as is the default":    {policy{Requester: approvals.RequesterExclude}, func(g *gate) { g.Requester = "" }, ""},
		"more than left out":             {policy{Requester: approvals.RequesterExclude}, func(g *gate) { g.Requester = approvals.RequesterRequired }, ""},
		"an unknown requester is taken":  {policy{Requester: approvals.RequesterRequired}, nil, "requester"},
		"any requester is taken":         {policy{Requester: approvals.RequesterRequired}, func(g *gate) { g.Requester = approvals.RequesterAllow }, "requester"},
		"a proved requester":             {policy{Requester: approvals.RequesterRequired}, func(g *gate) { g.Requester = approvals.RequesterRequired }, ""},
		"as long as can be":              {policy{MaxLifetime: time.Hour}, nil, ""},
		"a second longer":                {policy{MaxLifetime: time.Hour - time.Second}, nil, "maxExpiresAfter"},
		"again, as often as may be":      {policy{MaxReruns: new(2)}, func(g *gate) { g.Rerun.Limit = 2 }, ""},
		"again, once too often":          {policy{MaxReruns: new(1)}, func(g *gate) { g.Rerun.Limit = 2 }, "maxReruns"},
		"never again":                    {policy{MaxReruns: new(0)}, func(g *gate) { g.Rerun.Limit = 1 }, "maxReruns"},
		"never again, as is the default": {policy{MaxReruns: new(0)}, nil, ""},
		"approves by silence":            {policy{AllowedOnExpiry: []approvals.ExpiryRule{"Expire", "Reject"}}, func(g *gate) { g.OnExpiry = approvals.ApproveOnExpiry }, "allowedOnExpiry"},
		"rejects by silence":             {policy{AllowedOnExpiry: []approvals.ExpiryRule{"Expire", "Reject"}}, func(g *gate) { g.OnExpiry = approvals.RejectOnExpiry }, ""},
		"expires, which is the default":  {policy{AllowedOnExpiry: []approvals.ExpiryRule{"Expire"}}, nil, ""},
		"starts by silence":              {policy{MinApprovals: 1}, func(g *gate) { g.ReleaseOn = []approvals.Outcome{approvals.Approved, approvals.Expired} }, "allowedReleaseOn"},
		"starts by a rejection":          {policy{AllowedOnExpiry: []approvals.ExpiryRule{"Expire"}}, func(g *gate) { g.ReleaseOn = []approvals.Outcome{approvals.Rejected} }, "allowedReleaseOn"},
		"a branch for the rejected":      {policy{MinApprovals: 1, AllowedReleaseOn: []approvals.Outcome{"Approved", "Rejected"}}, func(g *gate) { g.ReleaseOn = []approvals.Outcome{approvals.Rejected} }, ""},
		"nothing is asked of it":         {policy{}, func(g *gate) { g.ReleaseOn = []approvals.Outcome{approvals.Expired} }, ""},
		"must reject":                    {policy{AllowedOnExpiry: []approvals.ExpiryRule{"Reject"}}, nil, "allowedOnExpiry"},

		"no address":                   {policy{AllowedMailDomains: []string{"example.com"}}, nil, ""},
		"a mailbox of ours":            {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = []approvals.Approver{{Name: "alice", Email: "a@Example.COM"}} }, ""},
		"a mailbox of theirs":          {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = []approvals.Approver{{Name: "alice", Email: "a@evil.com"}} }, "allowedMailDomains"},
		"a name of theirs":             {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = []approvals.Approver{{Name: "a@evil.com", Email: "a@example.com"}} }, "allowedMailDomains"},
		"two signs":                    {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = users("a@example.com@evil.com") }, "allowedMailDomains"},
		"a subdomain":                  {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = users("a@evil.example.com") }, "allowedMailDomains"},
		"the end of a domain":          {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = users("a@notexample.com") }, "allowedMailDomains"},
		"a dot behind":                 {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Approvers = users("a@example.com.") }, "allowedMailDomains"},
		"escalated to theirs":          {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Notify.Escalate.Emails = []string{"boss@evil.com"} }, "allowedMailDomains"},
		"in a rule":                    {policy{AllowedMailDomains: []string{"example.com"}}, func(g *gate) { g.Rules = []approvals.Rule{{Name: "a", Approvers: users("a@evil.com"), Required: 1}} }, "allowedMailDomains"},
		"a channel":                    {policy{AllowedChannels: []string{"ops"}}, func(g *gate) { g.Notify.Channels = []string{"ops"} }, ""},
		"another channel":              {policy{AllowedChannels: []string{"ops"}}, func(g *gate) { g.Notify.Channels = []string{"ops", "public"} }, "allowedChannels"},
		"escalated to another channel": {policy{AllowedChannels: []string{"ops"}}, func(g *gate) { g.Notify.Escalate.Channels = []string{"public"} }, "allowedChannels"},
		"methods are for votes":        {policy{AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLogin}, ForbidBreakGlass: true, ForbidDelegations: true}, nil, ""},
		"methods that leave none":      {policy{AllowedAuthMethods: []approvals.AuthMethod{}}, nil, "allowedAuthMethods"},
		"what can't be read":           {policy{Invalid: "its selector is none"}, nil, "namespaceSelector"},
		"all at once": {
			policy{MinApprovals: 2, Requester: approvals.RequesterExclude, MaxLifetime: time.Minute, AllowedChannels: []string{"ops"}},
			func(g *gate) { g.Requester, g.Notify.Channels = approvals.RequesterAllow, []string{"public"} },
			"minApprovals requester maxExpiresAfter allowedChannels",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gate{Gate: "production", Approvers: users("alice"), Strategy: approvals.Single, Requester: approvals.RequesterExclude, Lifetime: time.Hour}
			if c.gate != nil {
				c.gate(&g)
			}
			c.policy.Name = "strict"
			var fields []string
			for _, v := range g.Within([]approvals.GatePolicy{c.policy}) {
				fields = append(fields, v.Field)
				if s := v.String(); !strings.HasPrefix(s, `GatePolicy "strict", field `+v.Field+`: `) || len(v.Message) < 20 {
					t.Errorf("it does not say which policy and field: %s", s)
				}
			}
			if got := strings.Join(fields, " "); got != c.want {
				t.Errorf("outside in %q, want %q", got, c.want)
			}
		})
	}
}

// TestPoliciesAddUp: of several policies all hold, and the message names each that does
// not allow it.
func TestPoliciesAddUp(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	lax := approvals.GatePolicy{Name: "lax", MinApprovals: 1, MaxLifetime: 2 * time.Hour, AllowedMailDomains: []string{"example.com", "example.org"}, AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLink, approvals.AuthLogin}}
	strict := approvals.GatePolicy{Name: "strict", MinApprovals: 2, MaxLifetime: time.Hour, AllowedMailDomains: []string{"example.com"}, AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLogin, approvals.AuthToken}, ForbidBreakGlass: true}
	g := approvals.Policy{Gate: "production", Approvers: users("a@example.org", "b@example.com"), Strategy: approvals.Single, Lifetime: 90 * time.Minute}
	for name, policies := range map[string][]approvals.GatePolicy{"lax first": {lax, strict}, "strict first": {strict, lax}} {
		err := approvals.OutsidePolicies(g.Within(policies))
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Fatalf("%s: %v", name, err)
		}
		for _, field := range []string{"minApprovals", "maxExpiresAfter", "allowedMailDomains"} {
			if m := approvals.Message(err); strings.Count(m, `GatePolicy "strict", field `+field) != 1 || strings.Contains(m, `"lax"`) {
				t.Errorf("%s: %s", name, m)
			}
		}
		p := g.Under(policies)
		if len(p.Limits.Methods) != 1 || p.Limits.Methods[0] != approvals.AuthLogin || !p.Limits.NoBreakGlass || !p.LinkNeedsLogin {
			t.Errorf("%s: limits %+v, link needs a login: %v", name, p.Limits, p.LinkNeedsLogin)
		}
	}
	if vs := g.Within([]approvals.GatePolicy{lax}); len(vs) > 0 {
		t.Errorf("outside the lax one: %v", vs)
	}
	links := approvals.GatePolicy{Name: "links", AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLink}}
	tokens := approvals.GatePolicy{Name: "tokens", AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthToken}}
	said.Check(t, "policies that together leave no way to vote", approvals.Message(approvals.OutsidePolicies(g.Within([]approvals.GatePolicy{links, tokens}))))
	if err := approvals.OutsidePolicies(nil); err != nil {
		t.Error(err)
	}
	var many []approvals.GatePolicy
	for range 40 {
		many = append(many, approvals.GatePolicy{Name: "p", MinApprovals: 2})
	}
	if m := approvals.Message(approvals.OutsidePolicies(g.Within(many))); !strings.Contains(m, "and 32 more") || len(m) > 4096 {
		t.Errorf("%d bytes: %s", len(m), m)
	}
}

// TestTighten: what the params of a task can't say is what the strictest policy says.
func TestTighten(t *testing.T) {
	t.Parallel()
	policies := []approvals.GatePolicy{
		{Name: "a", Requester: approvals.RequesterRequired, MaxLifetime: 2 * time.Hour},
		{Name: "b", Requester: approvals.RequesterExclude, MaxLifetime: time.Hour},
		{Name: "c"},
	}
	p := approvals.Policy{Requester: approvals.RequesterExclude, Lifetime: approvals.MaxLifetime}
	if got := p.Tighten(policies, true); got.Requester != approvals.RequesterRequired || got.Lifetime != time.Hour {
		t.Errorf("requester %s for %s", got.Requester, got.Lifetime)
	}
	if got := p.Tighten(policies, false); got.Lifetime != approvals.MaxLifetime {
		t.Errorf("what was said to be %s became %s, silently", p.Lifetime, got.Lifetime)
	}
	if got := p.Tighten(nil, true); got.Requester != p.Requester || got.Lifetime != p.Lifetime {
		t.Errorf("without policies: %+v", got)
	}
}
