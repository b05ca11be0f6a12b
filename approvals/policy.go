package approvals

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Strategy is how votes add up to an outcome.
type Strategy string

// The strategies. In both a single rejection ends the Approval: a person who
// says no has been heard.
const (
	Single Strategy = "SINGLE" // the first vote decides
	Quorum Strategy = "QUORUM" // Required distinct people must approve
)

// RequesterRule says whether the person who asked may also decide.
type RequesterRule string

// The requester rules. Exclude applies only when the requester is known.
const (
	RequesterExclude RequesterRule = "Exclude"
	RequesterAllow   RequesterRule = "Allow"
)

// Limits on what a policy may hold; the CRD schema has the same numbers.
const (
	MaxApprovers = 64
	MaxRequired  = 32
	MaxLifetime  = 90 * 24 * time.Hour
	MinLifetime  = 10 * time.Second
)

// DefaultLifetime is how long an Approval waits when its Gate does not say.
const DefaultLifetime = 7 * 24 * time.Hour

// Approver is one person who may decide.
type Approver struct {
	Name  string // the user name that identity proves, e.g. a Kubernetes user or an e-mail address
	Email string // where they are told; empty: not by mail
}

// Policy is a Gate as it stood when an Approval's terms were fixed.
type Policy struct {
	Gate      string // the Gate's name, or "(inline)"
	Approvers []Approver
	Groups    []string // any member may decide
	Strategy  Strategy
	Required  int // approvals needed; 1 for Single
	Requester RequesterRule
	Lifetime  time.Duration // from opening to Expired
	ReleaseOn []Outcome     // the outcomes that start the next part
	// Results are CEL expressions that replace or add to the default results.
	// They are opaque here.
	Results []Expression
	// Show names the part-1 results to put before the approver as text.
	Show []string
	// Secret names the Secret key that signs for stock github interceptors.
	Secret SecretRef
	Notify Notify // who is told, beside each approver by mail
}

// Expression is a named expression.
type Expression struct{ Name, Expression string }

// SecretRef points at one key of a Secret in the Gate's namespace.
type SecretRef struct{ Name, Key string }

// Validate says why nobody could ever satisfy p, or why anybody could. The
// error is CodeInvalid and says what to change. requester is the known
// requester or "".
func (p Policy) Validate(requester string) error {
	people := p.eligible(requester)
	switch {
	case len(p.Approvers) == 0 && len(p.Groups) == 0:
		return Errorf(CodeInvalid, "%s names no approvers, so nobody could decide: list users or groups under approvers", p.name())
	case slices.ContainsFunc(p.Approvers, func(a Approver) bool { return a.Name == "" }) || slices.Contains(p.Groups, ""):
		return Errorf(CodeInvalid, "%s lists a user or group without a name, which nobody can be: name it or remove it", p.name())
	case p.Strategy != Single && p.Strategy != Quorum:
		return Errorf(CodeInvalid, "%s has strategy %q, which is unknown: use SINGLE or QUORUM", p.name(), p.Strategy)
	case p.Strategy == Single && p.Required > 1:
		return Errorf(CodeInvalid, "%s has strategy SINGLE and required %d: use strategy QUORUM, or drop required", p.name(), p.Required)
	case p.Strategy == Quorum && (p.Required < 1 || p.Required > MaxRequired):
		return Errorf(CodeInvalid, "%s has strategy QUORUM and required %d: say how many people must approve (1 to %d)", p.name(), p.Required, MaxRequired)
	case len(p.Groups) == 0 && p.needed() > len(people):
		if len(people) < len(p.distinct()) {
			return Errorf(CodeInvalid, "%s needs %d approvals, and without the requester %s it has %d: add approvers, lower required, or set requester: Allow",
				p.name(), p.needed(), requester, len(people))
		}
		return Errorf(CodeInvalid, "%s needs %d approvals and names %d distinct people: add approvers or lower required", p.name(), p.needed(), len(people))
	case p.Lifetime < MinLifetime || p.Lifetime > MaxLifetime:
		return Errorf(CodeInvalid, "%s has expiresAfter %s: use %s to %s", p.name(), p.Lifetime, MinLifetime, MaxLifetime)
	}
	return p.Notify.Validate(p.name())
}

// Releases says whether outcome o starts the next part.
func (p Policy) Releases(o Outcome) bool { return slices.Contains(p.ReleaseOn, o) }

// Who says, for people, who may decide.
func (p Policy) Who() string {
	var who []string
	for _, a := range p.Approvers {
		who = append(who, a.Name)
	}
	for _, g := range p.Groups {
		who = append(who, "group "+g)
	}
	const most = 8
	if len(who) > most {
		who = append(who[:most], fmt.Sprintf("%d more", len(who)-most))
	}
	return strings.Join(who, ", ")
}

func (p Policy) name() string { return fmt.Sprintf("gate %q", p.Gate) }

// needed is the number of distinct people who must approve.
func (p Policy) needed() int {
	if p.Strategy == Quorum {
		return p.Required
	}
	return 1
}

// distinct is the people named, each once: two names of one person make one vote.
func (p Policy) distinct() []string {
	var names []string
	for _, a := range p.Approvers {
		if !slices.ContainsFunc(names, func(n string) bool { return samePerson(n, a.Name) }) {
			names = append(names, a.Name)
		}
	}
	return names
}

// eligible is the people named who may vote, given the requester.
func (p Policy) eligible(requester string) []string {
	names := p.distinct()
	if p.excludes(requester) {
		names = slices.DeleteFunc(names, func(n string) bool { return samePerson(n, requester) })
	}
	return names
}

func (p Policy) excludes(requester string) bool {
	return requester != "" && p.Requester != RequesterAllow
}

// samePerson compares names as identity providers do not: without regard to
// case, so that Bob cannot approve what bob asked for.
func samePerson(a, b string) bool { return strings.EqualFold(a, b) }
