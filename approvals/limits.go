package approvals

import (
	"slices"
	"strings"
	"time"
)

// Limits are what GatePolicies require of votes. A Policy has those of the time when its
// Approval was resolved; a voter brings those of now (Identity.Policies). Both count: a policy
// that became stricter applies at once, and one that was relaxed applies to new Approvals
// only.
type Limits struct {
	// Methods are the ways to prove who one is; nil: any.
	Methods       []AuthMethod
	NoBreakGlass  bool
	NoDelegations bool
}

// limitsOf are the limits that policies amount to.
func limitsOf(policies []GatePolicy) Limits {
	var l Limits
	l.Methods, _ = strictest(policies)
	for _, g := range policies {
		l.NoBreakGlass = l.NoBreakGlass || g.ForbidBreakGlass
		l.NoDelegations = l.NoDelegations || g.ForbidDelegations
	}
	return l
}

// Under is p with the limits of policies, which p meets.
func (p Policy) Under(policies []GatePolicy) Policy {
	p.Limits = limitsOf(policies)
	if !p.Limits.allows(AuthLink) {
		p.LinkNeedsLogin = true // which mails and pages say
	}
	return p
}

// Tighten is a policy that the params of an approval task make, in what those params
// can't say: such tasks know no rule for requesters, and the shortest wait is taken of
// one that does not say how long (open).
func (p Policy) Tighten(policies []GatePolicy, open bool) Policy {
	for _, g := range policies {
		if g.Requester != "" && strictness(g.Requester) > strictness(p.Requester) {
			p.Requester = g.Requester
		}
		if open && g.MaxLifetime > 0 {
			p.Lifetime = min(p.Lifetime, g.MaxLifetime)
		}
	}
	return p
}

// allows reports whether one may vote by method. "" is somebody who has not come yet.
func (l Limits) allows(method AuthMethod) bool {
	return l.Methods == nil || method == "" || slices.Contains(l.Methods, method)
}

// refusedByLimits says why GatePolicies refuse a ballot of id on a, or nil: those of
// the resolved spec, and those that hold now. It is CodeForbidden when id may come another
// way, and CodeNotReady when nobody may approve a as it stands.
func refusedByLimits(a Approval, id Identity, v Verdict, breakGlass bool) error {
	if err := methodAllowed(a, id); err != nil {
		return err
	}
	for _, l := range []Limits{a.Resolved.Policy.Limits, limitsOf(id.Policies)} {
		if breakGlass && l.NoBreakGlass {
			return Errorf(CodeForbidden, "%s (field %s) allows no break-glass approval in this namespace; your vote was not counted",
				policiesWith(id.Policies, func(g GatePolicy) bool { return g.ForbidBreakGlass }), fieldBreakGlass)
		}
	}
	// To say no, or to take one's word back, is always within a policy. Breaking the
	// glass goes past what the Gate asks, and so past what is asked of the Gate.
	if v != Approve || breakGlass {
		return nil
	}
	if vs := a.Resolved.Policy.Within(id.Policies); len(vs) > 0 {
		return Errorf(CodeNotReady, "this can only be rejected, because a GatePolicy of the cluster has changed since it was opened and no longer allows its gate. %s", Message(OutsidePolicies(vs)))
	}
	return nil
}

// methodAllowed says why id may not vote or comment on a the way they came, CodeForbidden, or nil.
func methodAllowed(a Approval, id Identity) error {
	for _, l := range []Limits{a.Resolved.Policy.Limits, limitsOf(id.Policies)} {
		if !l.allows(id.AuthMethod) {
			return Errorf(CodeForbidden, "%s", methodRefused(id, l.Methods))
		}
	}
	return nil
}

// withoutVoid takes back the approvals that came a way which policies have come to
// forbid since: they must not make up the number with the ballot that comes now.
func withoutVoid(a Approval, b Ballot, now time.Time) Approval {
	l := limitsOf(b.Voter.Policies)
	void := func(v Vote) bool {
		return v.Verdict == Approve && (!l.allows(v.AuthMethod) || v.OnBehalfOf != "" && l.NoDelegations)
	}
	for _, v := range a.Votes {
		if void(v) {
			a = takeBack(a, v, b.Voter.CredentialID, now)
		}
	}
	return a
}

// rerunRefused says why the GatePolicies that hold now let a's run not be started again, or nil.
// A rerun has no vote of its own, so what was made stricter since the votes has to count here.
//
// Errors: CodeConflict.
func rerunRefused(a Approval, policies []GatePolicy) error {
	unread := func(g GatePolicy) bool { return g.Invalid != "" }
	if slices.ContainsFunc(policies, unread) { // it may be the one that forbids it
		return Errorf(CodeConflict, "%s can't be read, so no run is started again: a cluster administrator has to correct it; nothing was changed", policiesWith(policies, unread))
	}
	most := MaxReruns
	for _, g := range policies {
		if g.MaxReruns != nil {
			most = min(most, *g.MaxReruns)
		}
	}
	if len(a.Reruns) < most {
		return nil
	}
	over := func(g GatePolicy) bool { return g.MaxReruns != nil && *g.MaxReruns == most }
	return Errorf(CodeConflict, "a decision of this namespace may start its run again %d times, by %s (field %s); nothing was changed", most, policiesWith(policies, over), fieldMaxReruns)
}

func methodRefused(id Identity, allowed []AuthMethod) string {
	which := policiesWith(id.Policies, func(g GatePolicy) bool {
		return g.AllowedAuthMethods != nil && !slices.Contains(g.AllowedAuthMethods, id.AuthMethod)
	})
	how := make([]string, 0, len(allowed))
	for _, m := range allowed {
		how = append(how, methodNames[m])
	}
	return which + " (field " + fieldAuthMethods + ") does not accept votes by " + methodNames[id.AuthMethod] + " in this namespace; your vote was not counted. Use " + or(how)
}

var methodNames = map[AuthMethod]string{
	AuthToken:  "API token",
	AuthLink:   "mail link",
	AuthLogin:  "web login",
	AuthObject: "kubectl (a Vote object)",
	AuthSlack:  "Slack button",
}

// policiesWith names the policies that has picks. Those of the time when it was
// fixed may be gone.
func policiesWith(policies []GatePolicy, has func(GatePolicy) bool) string {
	var names []string
	for _, g := range policies {
		if has(g) {
			names = append(names, g.Name)
		}
	}
	if len(names) == 0 {
		return "a GatePolicy that existed when this was opened"
	}
	return "GatePolicy " + list(names)
}

func or(each []string) string {
	switch n := len(each); n {
	case 0:
		return "none: ask the cluster's administrator"
	case 1:
		return each[0]
	default:
		return strings.Join(each[:n-1], ", ") + " or " + each[n-1]
	}
}
