package approvals

import (
	"fmt"
	"slices"
	"strings"
)

// somebody is one person, by all the names under which a policy lists them.
type somebody []string

// distinct is the people named, each once: two names of one person make one vote, and so
// do two names that are one mailbox, and two whose links go to one, where links decide.
func (p Policy) distinct(d *Directory) []somebody {
	var people []somebody
	for _, a := range p.People() {
		i := slices.IndexFunc(people, func(who somebody) bool {
			return slices.ContainsFunc(who, func(n string) bool {
				return d.Same(n, a.Name) || mailbox(n) != "" && mailbox(n) == mailbox(a.Name) || p.oneMailbox(n, a.Name)
			})
		})
		if i < 0 {
			people = append(people, somebody{a.Name})
			continue
		}
		people[i] = append(people[i], a.Name)
	}
	return people
}

// oneMailbox reports whether two people are told at one address, by links that decide.
func (p Policy) oneMailbox(a, b string) bool {
	x, y := mailbox(p.emailOf(a)), mailbox(p.emailOf(b))
	return !p.LinkNeedsLogin && x != "" && x == y
}

func (p Policy) emailOf(name string) string {
	for _, a := range p.People() {
		if a.Name == name {
			return a.Email
		}
	}
	return ""
}

// eligible is the people named who may approve, given who asked.
func (p Policy) eligible(asked RequesterIdentity, d *Directory) []somebody {
	people := p.distinct(d)
	if asked.Who == "" || !p.excludesRequester() {
		return people
	}
	return slices.DeleteFunc(people, func(who somebody) bool {
		return asked.is(who...) || slices.ContainsFunc(who, func(n string) bool { return p.toldAs(n, asked) })
	})
}

// satisfiable says why no votes could ever meet p. Who is in a group is not known
// here, so only what is left to named people is looked at.
func (p Policy) satisfiable(asked RequesterIdentity, d *Directory) error {
	rules := slices.DeleteFunc(slices.Clone(p.Requirements()), func(r Rule) bool { return len(r.Groups) > 0 || r.RBAC })
	places := 0
	for _, r := range rules {
		places += r.Required
	}
	people := p.distinct(d)
	if all := fill(rules, people); all < places {
		if box := p.sharedMailbox(people); box != "" {
			return Errorf(CodeInvalid, "%s needs %s, but the number of people who count is %d: %s, so anyone who reads that mailbox could vote as each of them. Give everyone an address of their own, or set mailLink: NeedsLogin",
				p.name(), approvalsInWords(places), all, box)
		}
		return Errorf(CodeInvalid, "%s needs %s, but the number of distinct people it lists is %d: add approvers or lower required", p.name(), approvalsInWords(places), all)
	}
	if left := fill(rules, p.eligible(asked, d)); left < places {
		return Errorf(CodeInvalid, "%s needs %s, but without the requester %s it can get only %d: add approvers, lower required, or set requester: Allow",
			p.name(), approvalsInWords(places), asked.Who, left)
	}
	return nil
}

func approvalsInWords(n int) string {
	if n == 1 {
		return "1 approval"
	}
	return fmt.Sprintf("%d approvals", n)
}

// sharedMailbox says which people are told at one address, "" for none.
func (p Policy) sharedMailbox(people []somebody) string {
	for _, who := range people {
		for i, n := range who {
			if j := slices.IndexFunc(who[:i], func(o string) bool { return !SamePerson(o, n) && p.oneMailbox(o, n) }); j >= 0 {
				return strings.Join(who, " and ") + " are notified at the same address, " + p.emailOf(n)
			}
		}
	}
	return ""
}

// fill returns the highest number of required approvals that people can give, each of them
// once.
func fill(rules []Rule, people []somebody) int {
	n := 0
	for _, filled := range assign(rules, len(people), func(i int, r Rule) bool {
		return slices.ContainsFunc(r.Approvers, func(a Approver) bool {
			return slices.ContainsFunc(people[i], func(n string) bool { return SamePerson(n, a.Name) })
		})
	}) {
		n += len(filled)
	}
	return n
}
