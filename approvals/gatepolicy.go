package approvals

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// GatePolicy restricts every Gate of the namespaces that it selects. A field's zero value
// restricts nothing, except that a list which is not nil allows what it lists and no more.
type GatePolicy struct {
	Name string
	// Invalid says why the policy can't be read, "" when it can. Nothing is within
	// such a policy: a mistake in it must not open what it was to close.
	Invalid string

	ForbidInlineGates   bool // Gates are objects, and not written into Triggers
	ForbidTaskApprovers bool // an approval task goes by a Gate, not by who it names itself
	ForbidUsers         bool // approvers are groups, or follow from RBAC
	ForbidRBAC          bool // approvers are listed
	ForbidBreakGlass    bool
	ForbidDelegations   bool

	// MinApprovals is the least number of distinct people who must approve.
	MinApprovals int
	// Requester is the least strict rule that a Gate may have.
	Requester RequesterRule
	// MaxLifetime is the longest that an Approval may wait.
	MaxLifetime time.Duration
	// MaxReruns is how often a Gate may let a run be started again on one decision. Nil: any.
	MaxReruns *int

	AllowedOnExpiry []ExpiryRule
	// AllowedReleaseOn are the outcomes that may start the second pipeline. Nil: Approved
	// alone, where the policy asks for approvals at all.
	AllowedReleaseOn []Outcome
	// AllowedMailDomains are of the addresses that are written to, and of approvers
	// who are named by an address. Lower case; a subdomain is another domain.
	AllowedMailDomains []string
	AllowedChannels    []string
	AllowedAuthMethods []AuthMethod
	AllowedGroups      []string
	// RequiredGroups must each be needed: nothing is approved without a member.
	RequiredGroups []string
	// Quota is what the namespaces may have at once, each by itself. It holds for no Gate.
	Quota Quota
}

// RequesterRequired refuses what has no proved requester, and excludes that one.
const RequesterRequired RequesterRule = "Required"

// Origin is the kind of object that contains a Policy, which determines who could have written
// it.
type Origin string

// The origins.
const (
	FromGate    Origin = ""        // a Gate
	FromTrigger Origin = "Trigger" // inline, by the Trigger's author
	FromTask    Origin = "Task"    // an approval task's params, by the pipeline's author
)

// The fields of a GatePolicy, as its object names them.
const (
	fieldSelector       = "namespaceSelector"
	fieldInlineGates    = "inlineGates"
	fieldTaskApprovers  = "taskApprovers"
	fieldUserApprovers  = "userApprovers"
	fieldRBACApprovers  = "rbacApprovers"
	fieldMinApprovals   = "minApprovals"
	fieldRequester      = "requester"
	fieldMaxExpires     = "maxExpiresAfter"
	fieldOnExpiry       = "allowedOnExpiry"
	fieldReleaseOn      = "allowedReleaseOn"
	fieldMailDomains    = "allowedMailDomains"
	fieldChannels       = "allowedChannels"
	fieldAuthMethods    = "allowedAuthMethods"
	fieldAllowedGroups  = "allowedGroups"
	fieldRequiredGroups = "requiredGroups"
	fieldMaxReruns      = "maxReruns"
	fieldBreakGlass     = "breakGlass"
	fieldDelegations    = "delegations"
)

// Violation is one field of a GatePolicy that a Policy does not meet.
type Violation struct {
	Policy  string // the GatePolicy's name
	Field   string // the GatePolicy's field, as the object names it
	Message string // what is wrong and what to do
}

func (v Violation) String() string {
	return fmt.Sprintf("GatePolicy %q, field %s: %s", v.Policy, v.Field, v.Message)
}

// Within says how p does not meet policies, in their order. All of them hold, so
// that of each field the strictest does.
func (p Policy) Within(policies []GatePolicy) []Violation {
	var out []Violation
	for _, g := range policies {
		c := check{p: p, g: g}
		if g.Invalid != "" {
			c.add(fieldSelector, "the policy can't be read, so no Gate meets it: %s", g.Invalid)
			out = append(out, c.found...)
			continue
		}
		c.origin()
		c.votes()
		c.time()
		c.people()
		c.reach()
		out = append(out, c.found...)
	}
	return append(out, noMethodLeft(policies)...)
}

// maxViolations bounds the violations in one message. Each takes a sentence or two.
const maxViolations = 8

// OutsidePolicies is the CodeInvalid error that names violations, nil for none.
func OutsidePolicies(vs []Violation) error {
	if len(vs) == 0 {
		return nil
	}
	var each []string
	for _, v := range vs[:min(len(vs), maxViolations)] {
		each = append(each, v.String())
	}
	if more := len(vs) - maxViolations; more > 0 {
		each = append(each, fmt.Sprintf("and %d more", more))
	}
	return Errorf(CodeInvalid, "%s", strings.Join(each, "; "))
}

type check struct {
	p     Policy
	g     GatePolicy
	found []Violation
}

func (c *check) add(field, format string, args ...any) {
	c.found = append(c.found, Violation{Policy: c.g.Name, Field: field, Message: fmt.Sprintf(format, args...)})
}

// what names p for people.
func (c *check) what() string {
	switch c.p.From {
	case FromTrigger:
		return "the Gate inside the Trigger"
	case FromTask:
		return "the approval task"
	default:
		return c.p.name()
	}
}

func (c *check) origin() {
	if c.g.ForbidInlineGates && c.p.From == FromTrigger {
		c.add(fieldInlineGates, "a Trigger may not contain a Gate: create a Gate object and name it in param gate")
	}
	if c.g.ForbidTaskApprovers && c.p.From == FromTask {
		c.add(fieldTaskApprovers, "an approval task may not list approvers: create a Gate and name it in the task's param gate")
	}
}

func (c *check) votes() {
	if n := c.p.Needed(); n < c.g.MinApprovals {
		c.add(fieldMinApprovals, "%s requires %s, and at least %d are needed: use strategy QUORUM with required: %d", c.what(), approvalsInWords(n), c.g.MinApprovals, c.g.MinApprovals)
	} else if c.g.MinApprovals > 0 && c.p.OnExpiry == ApproveOnExpiry {
		c.add(fieldMinApprovals, "%s has onExpiry: Approve, so it could be approved by nobody, but at least %d people must approve: use Expire or Reject", c.what(), c.g.MinApprovals)
	}
	c.releases()
	switch {
	case strictness(c.p.Requester) >= strictness(c.g.Requester) || c.g.Requester == "":
	case c.g.Requester == RequesterRequired:
		c.add(fieldRequester, "%s must reject requests without a verified requester: set requester: Required", c.what())
	default:
		c.add(fieldRequester, "%s lets the requester decide: set requester: Exclude", c.what())
	}
}

// releases looks at what starts the second pipeline: what is rejected or expired was
// approved by nobody, so a policy that asks for approvals would otherwise be met by a Gate
// that starts it without any.
func (c *check) releases() {
	allowed := c.g.AllowedReleaseOn
	if asks := c.g.MinApprovals > 0 || len(c.g.RequiredGroups) > 0 || c.g.AllowedOnExpiry != nil; allowed == nil && !asks || c.p.From == FromTask {
		return
	}
	if allowed == nil {
		allowed = []Outcome{Approved}
	}
	for _, o := range c.p.ReleaseOn {
		if !slices.Contains(allowed, o) {
			c.add(fieldReleaseOn, "%s has releaseOn: %s, which starts the next pipeline without the required approvals: use %s, or have an administrator list it", c.what(), o, list(allowed))
		}
	}
}

// strictness orders the rules: a higher one allows less. "" is Exclude.
func strictness(r RequesterRule) int {
	switch r {
	case RequesterAllow:
		return 0
	case RequesterRequired:
		return 2
	default:
		return 1
	}
}

func (c *check) time() {
	if most := c.g.MaxLifetime; most > 0 && c.p.Lifetime > most {
		set := "expiresAfter (" + short(DefaultLifetime) + " when absent)"
		if c.p.From == FromTask {
			set = "its timeout"
		}
		c.add(fieldMaxExpires, "%s waits for %s and the limit is %s: set %s to that or less", c.what(), short(c.p.Lifetime), short(most), set)
	}
	if most := c.g.MaxReruns; most != nil && c.p.Rerun.Limit > *most {
		c.add(fieldMaxReruns, "%s has rerun.limit %d, and one decision may start its run again %d times: set rerun.limit to that or less, or remove rerun", c.what(), c.p.Rerun.Limit, *most)
	}
	rule := c.p.OnExpiry
	if rule == "" {
		rule = ExpireOnExpiry
	}
	if allowed := c.g.AllowedOnExpiry; allowed != nil && !slices.Contains(allowed, rule) {
		c.add(fieldOnExpiry, "%s has onExpiry: %s: use %s", c.what(), rule, list(allowed))
	}
}

func (c *check) people() {
	if c.g.ForbidUsers && len(c.p.People()) > 0 {
		c.add(fieldUserApprovers, "%s names users as approvers: name groups", c.what())
	}
	if c.g.ForbidRBAC && c.p.ByRBAC() {
		c.add(fieldRBACApprovers, "%s lets RBAC choose the approvers: list groups or users", c.what())
	}
	if allowed := c.g.AllowedGroups; allowed != nil {
		if other := except(c.p.AllGroups(), allowed); len(other) > 0 {
			c.add(fieldAllowedGroups, "%s names group %s as approvers: use %s", c.what(), list(other), list(allowed))
		}
	}
	for _, g := range c.g.RequiredGroups {
		if c.p.OnExpiry == ApproveOnExpiry {
			c.add(fieldRequiredGroups, "%s has onExpiry: Approve, so nobody of group %s has to approve: use Expire or Reject", c.what(), g)
		}
		if !c.p.needs(g) {
			c.add(fieldRequiredGroups, "%s can be approved without a member of group %s: add a rule that only this group meets", c.what(), g)
		}
	}
}

// needs reports whether nothing is approved under p without a member of group.
func (p Policy) needs(group string) bool {
	return slices.ContainsFunc(p.Requirements(), func(r Rule) bool {
		return len(r.Approvers) == 0 && !r.RBAC && slices.Equal(r.Groups, []string{group})
	})
}

// reach looks at where messages go.
func (c *check) reach() {
	if allowed := c.g.AllowedMailDomains; allowed != nil {
		var addresses []string
		for _, a := range c.p.People() {
			addresses = append(addresses, a.Name, a.Email)
		}
		addresses = append(addresses, c.p.Notify.Escalate.Emails...)
		var other []string
		for _, a := range addresses {
			// Whatever has an @ may be taken for an address somewhere.
			_, domain, ok := cutLast(a, "@")
			if ok && !slices.Contains(allowed, strings.ToLower(domain)) && !slices.Contains(other, a) {
				other = append(other, a)
			}
		}
		if len(other) > 0 {
			c.add(fieldMailDomains, "%s has %s: use addresses of %s", c.what(), list(other), list(allowed))
		}
	}
	if allowed := c.g.AllowedChannels; allowed != nil {
		if other := except(slices.Concat(c.p.Notify.Channels, c.p.Notify.Escalate.Channels), allowed); len(other) > 0 {
			c.add(fieldChannels, "%s notifies channel %s: use %s", c.what(), list(other), list(allowed))
		}
	}
}

// noMethodLeft says that policies which each allow some method allow none together.
func noMethodLeft(policies []GatePolicy) []Violation {
	methods, who := strictest(policies)
	if methods == nil || len(methods) > 0 {
		return nil
	}
	return []Violation{{Policy: who[len(who)-1], Field: fieldAuthMethods, Message: fmt.Sprintf(
		"the policies %s have no allowed authentication method in common, so nobody could vote: a cluster administrator must let them share one", list(who))}}
}

// strictest is the methods that all policies allow, nil when none restricts them, and
// the names of the policies that do.
func strictest(policies []GatePolicy) (methods []AuthMethod, who []string) {
	for _, g := range policies {
		if g.AllowedAuthMethods == nil {
			continue
		}
		if who = append(who, g.Name); len(who) == 1 {
			methods = append([]AuthMethod{}, g.AllowedAuthMethods...)
			continue
		}
		methods = slices.DeleteFunc(methods, func(m AuthMethod) bool { return !slices.Contains(g.AllowedAuthMethods, m) })
	}
	return methods, who
}

func except(values, allowed []string) []string {
	var out []string
	for _, v := range values {
		if !slices.Contains(allowed, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// list is values for people, the first few by name.
func list[T ~string](values []T) string {
	const most = 8
	var each []string
	for _, v := range values[:min(len(values), most)] {
		each = append(each, Cut(Printable(string(v)), MaxQuoted))
	}
	if more := len(values) - most; more > 0 {
		each = append(each, fmt.Sprintf("%d more", more))
	}
	return strings.Join(each, ", ")
}

// short is a duration as people write it: 72h and not 72h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
