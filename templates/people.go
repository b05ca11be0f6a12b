package templates

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// PeopleView has the people who may decide by the resolved Gate. It is empty until that is resolved.
type PeopleView struct {
	Approvers Names
	Groups    []string
	Others    []string // who else than the reader
	RBAC      bool     // anyone who RBAC lets approve may too
	Excluded  bool     // the requester may not
}

// Names are names of people, with methods for showing a part of them.
type Names []string

// First is at most n of them, and After the rest.
func (n Names) First(most int) Names { return n[:min(most, len(n))] }

// After is those beyond the first n.
func (n Names) After(most int) Names { return n[min(most, len(n)):] }

func newPeople(a approvals.Approval, reader string) PeopleView {
	t := a.Resolved
	if t == nil {
		return PeopleView{}
	}
	p := t.Policy
	v := PeopleView{RBAC: p.ByRBAC(), Excluded: t.Requester != "" && p.Requester != approvals.RequesterAllow}
	for _, x := range p.People() {
		name := line(x.Name)
		if slices.Contains(v.Approvers, name) {
			continue
		}
		v.Approvers = append(v.Approvers, name)
		if !strings.EqualFold(x.Name, reader) && !(v.Excluded && strings.EqualFold(x.Name, t.Requester)) {
			v.Others = append(v.Others, name)
		}
	}
	for _, g := range p.AllGroups() {
		v.Groups = append(v.Groups, line(g))
	}
	return v
}

// ProgressView counts the approvals that the Gate needs, has and lacks, and has their deadline.
type ProgressView struct {
	Needed  int
	Have    int
	Missing int
	Rules   []RuleView // what must be met, when it is more than a number

	Deadline Moment
	Soon     bool // less than an hour is left
	Overdue  bool // the deadline has passed and nothing has noted it yet
}

func newProgress(a approvals.Approval, rules []approvals.RuleState, r reader) ProgressView {
	if a.Resolved == nil {
		return ProgressView{}
	}
	deadline := a.Deadline()
	v := ProgressView{Needed: a.Resolved.Policy.Needed(), Missing: approvals.Missing(a), Deadline: r.moment(deadline)}
	for _, x := range rules {
		v.Have += len(x.Approved)
	}
	if !a.Decided() {
		v.Overdue = !r.now.Before(deadline)
		v.Soon = !v.Overdue && deadline.Sub(r.now) < time.Hour
	}
	return v
}

// RuleView is one requirement and how far it has come.
type RuleView struct {
	Name, Who         string
	Required, Missing int
	Approved          []string
}

// newRules leaves out the rule without a name, which is the number of approvals.
func newRules(rules []approvals.RuleState, who reader) []RuleView {
	var out []RuleView
	for _, r := range rules {
		if r.Name == "" {
			continue
		}
		x := RuleView{Name: line(r.Name), Who: line(who.counts(r.Who)), Required: r.Required, Missing: r.Missing}
		for _, who := range r.Approved {
			x.Approved = append(x.Approved, line(who))
		}
		out = append(out, x)
	}
	return out
}
