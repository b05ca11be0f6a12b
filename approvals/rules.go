package approvals

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one requirement of a policy: so many distinct people of these.
type Rule struct {
	Name      string
	Approvers []Approver
	Groups    []string // any member counts
	RBAC      bool     // anyone who RBAC lets approve on the Gate counts
	Required  int
}

// Requirements returns the rules that must all be met, by different people: a person counts
// for one rule only, whatever groups they are in. Every strategy is such a list.
func (p Policy) Requirements() []Rule {
	if len(p.Rules) > 0 {
		return p.Rules
	}
	if p.Strategy != Multi {
		return []Rule{{Approvers: p.Approvers, Groups: p.Groups, RBAC: p.RBAC, Required: p.needed()}}
	}
	var all []Rule
	for _, a := range p.People() {
		i := slices.IndexFunc(all, func(r Rule) bool { return SamePerson(r.Name, a.Name) })
		if i < 0 {
			i, all = len(all), append(all, Rule{Name: a.Name, Required: 1})
		}
		all[i].Approvers = append(all[i].Approvers, Approver{Name: a.Name})
	}
	for _, g := range p.Groups {
		all = append(all, Rule{Name: "group " + g, Groups: []string{g}, Required: 1})
	}
	return all
}

// People are all who are named anywhere in p, each once a name.
func (p Policy) People() []Approver {
	var all []Approver
	for _, r := range p.asWritten() {
		for _, a := range r.Approvers {
			if !slices.ContainsFunc(all, func(x Approver) bool { return SameName(x.Name, a.Name) }) {
				all = append(all, a)
			}
		}
	}
	return all
}

// AllGroups are the groups named anywhere in p, each once.
func (p Policy) AllGroups() []string {
	var all []string
	for _, r := range p.asWritten() {
		for _, g := range r.Groups {
			if !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
	}
	return all
}

// ByRBAC reports whether RBAC can make somebody an approver of p.
func (p Policy) ByRBAC() bool {
	return slices.ContainsFunc(p.asWritten(), func(r Rule) bool { return r.RBAC })
}

// asWritten is p's rules, or its approvers as one.
func (p Policy) asWritten() []Rule {
	if len(p.Rules) > 0 {
		return p.Rules
	}
	return []Rule{{Approvers: p.Approvers, Groups: p.Groups, RBAC: p.RBAC}}
}

// who says, for people, who counts for r.
func (r Rule) who() string {
	var who []string
	for _, a := range r.Approvers {
		who = append(who, a.Name)
	}
	for _, g := range r.Groups {
		who = append(who, "group "+g)
	}
	if r.RBAC {
		who = append(who, "anyone with the approve permission on the gate")
	}
	const most = 8
	if len(who) > most {
		who = append(who[:most], fmt.Sprintf("%d more", len(who)-most))
	}
	return strings.Join(who, ", ")
}

// counts reports whether an approval by v is one that r asks for.
func (r Rule) counts(v Vote) bool {
	return slices.ContainsFunc(r.Approvers, func(a Approver) bool {
		return SameName(a.Name, v.Voter) || (v.OnBehalfOf != "" && SameName(a.Name, v.OnBehalfOf))
	}) ||
		slices.ContainsFunc(v.Groups, func(g string) bool { return slices.Contains(r.Groups, g) }) ||
		(r.RBAC && v.ByRBAC)
}

// assign gives each of n people to at most one rule that they can count for, so
// that as many places as can be are filled: a maximum matching, by augmenting
// paths, in the order of people. It returns each rule's people.
func assign(rules []Rule, n int, can func(person int, r Rule) bool) [][]int {
	filled := make([][]int, len(rules))
	var place func(person int, tried []bool) bool
	place = func(person int, tried []bool) bool {
		for i, r := range rules {
			if tried[i] || !can(person, r) {
				continue
			}
			tried[i] = true
			if len(filled[i]) < r.Required {
				filled[i] = append(filled[i], person)
				return true
			}
			for at, other := range filled[i] {
				if place(other, tried) {
					filled[i][at] = person
					return true
				}
			}
		}
		return false
	}
	for person := range n {
		place(person, make([]bool, len(rules)))
	}
	return filled
}

// met is the voters whose approvals count, by requirement. Votes of one mailbox count as
// one: anyone who reads it may have cast them all.
func met(a Approval) ([]Rule, [][]string) {
	rules := a.Resolved.Policy.Requirements()
	people := onceEach(a.Votes, Approve)
	// A vote was only taken from somebody who may: with one rule it is that one.
	counts := func(r Rule) func(Vote) bool {
		return func(v Vote) bool { return len(rules) == 1 || r.counts(v) }
	}
	filled := assign(rules, len(people), func(i int, r Rule) bool { return slices.ContainsFunc(people[i], counts(r)) })
	names := make([][]string, len(rules))
	for i, who := range filled {
		slices.Sort(who)
		for _, p := range who {
			names[i] = append(names[i], people[p][slices.IndexFunc(people[p], counts(rules[i]))].Voter)
		}
	}
	return rules, names
}

// onceEach is the votes of a verdict, those that one person may have cast together: whose
// voter is named by, or has proved, one mailbox. In which order they came makes no
// difference.
func onceEach(votes []Vote, verdict Verdict) [][]Vote {
	var people [][]Vote
	readers := map[string]int{} // of a mailbox, by their place in people
	for _, v := range votes {
		if v.Verdict != verdict {
			continue
		}
		mine, at := v.mailboxes(), -1
		for _, box := range mine {
			if i, ok := readers[box]; ok && (at < 0 || i < at) {
				at = i
			}
		}
		if at < 0 {
			at, people = len(people), append(people, nil)
		}
		for _, box := range mine {
			// It may show that some who were taken for two are one.
			if i, ok := readers[box]; ok && i != at {
				people[at], people[i] = append(people[at], people[i]...), nil
				for b, reader := range readers {
					if reader == i {
						readers[b] = at
					}
				}
			}
			readers[box] = at
		}
		people[at] = append(people[at], v)
	}
	return slices.DeleteFunc(people, func(p []Vote) bool { return p == nil })
}

// mailboxes returns the addresses that v's voter is named by, or has verified. A name that is
// an address, as many providers give them, is that mailbox.
func (v Vote) mailboxes() []string {
	var out []string
	for _, text := range []string{v.Address, v.Voter} {
		if box := mailbox(text); box != "" && !slices.Contains(out, box) {
			out = append(out, box)
		}
	}
	return out
}

// CountsWith names the voters before v with whom v counts as one, since all of them are of
// one mailbox.
func CountsWith(a Approval, v Vote) []string {
	var names []string
	for _, p := range onceEach(a.Votes, v.Verdict) {
		at := slices.IndexFunc(p, func(x Vote) bool { return x.Voter == v.Voter })
		for _, x := range p[:max(at, 0)] {
			names = append(names, x.Voter)
		}
	}
	return names
}
