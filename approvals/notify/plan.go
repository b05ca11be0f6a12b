package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Due is a delivery that is to be made.
type Due struct {
	Message Message
	Attempt int // 1 for the first
}

// Slot identifies a series of attempts. All reminders to a recipient share one: a recipient
// who can't be reached for good is not reminded again.
type Slot struct {
	Kind      Kind
	Recipient string
}

// Slot identifies a series of attempts. All reminders to a recipient share one: a recipient
// who can't be reached for good is not reminded again.
func (m Message) Slot() Slot { return Slot{m.Kind, m.Recipient} }

// Plan returns the messages to send over a channel now, and the time until the next look
// (zero: nothing is left to do). Each (event, channel, recipient) is sent once: that is the
// ledger's key.
func Plan(a approvals.Approval, r Route, now time.Time, tries map[Slot]Try) (due []Due, again time.Duration) {
	if a.Resolved == nil {
		return nil, 0
	}
	p := plan{a: a, route: r, now: now}
	switch {
	case a.Decided():
		p.outcome()
		p.runEnded()
	case now.Before(a.Deadline()):
		p.pending()
		p.commented()
	}
	for _, w := range p.wanted {
		try := tries[w.Slot()]
		if try.Final || !r.takes(w.Kind) {
			continue
		}
		at := w.at
		if (try.Count > 0 || try.After > 0) && try.Next().After(at) {
			at = try.Next()
		}
		if left := at.Sub(now); left > 0 {
			if again == 0 || left < again {
				again = left
			}
			continue
		}
		w.ID = messageID(a, w.Event, r.Name, w.Recipient)
		due = append(due, Due{w.Message, try.Count + 1})
	}
	return due, again
}

// plan collects what is wanted and not in the ledger.
type plan struct {
	a      approvals.Approval
	route  Route
	now    time.Time
	wanted []wanted
}

// wanted is a message that somebody is to get at a time, which may be to come.
type wanted struct {
	Message
	at time.Time
}

// pending wants what is told while a waits.
func (p *plan) pending() {
	n := p.a.Resolved.Policy.Notify
	since := p.a.Since()
	escalation := since.Add(n.Escalate.After)
	escalates := n.Escalate.After > 0 && escalation.Before(p.a.Deadline())
	if p.route.Name != Email {
		if slices.Contains(n.Channels, p.route.Name) {
			p.want(Message{Kind: Opened, Event: string(Opened)}, since)
			p.remind(Message{}, since)
		}
		if escalates && slices.Contains(n.Escalate.Channels, p.route.Name) {
			p.want(Message{Kind: Escalated, Event: string(Escalated)}, escalation)
		}
		return
	}
	people := p.a.Resolved.Policy.People()
	for _, who := range people[:min(len(people), maxPeople)] {
		// Not the requester, who could not decide.
		if who.Email == "" || approvals.MayVote(p.a, approvals.Identity{Name: who.Name}) != nil {
			continue
		}
		m := Message{Recipient: who.Name, To: who.Email, Approver: who.Name}
		first := m
		first.Kind, first.Event = Opened, string(Opened)
		p.want(first, since)
		if !hasVoted(p.a, who.Name) {
			p.remind(m, since)
		}
	}
	for _, address := range n.Escalate.Emails {
		if escalates {
			p.want(Message{Kind: Escalated, Event: string(Escalated), Recipient: address, To: address, Approver: p.approverAt(address)}, escalation)
		}
	}
}

// remind wants the reminder whose time is now, or the next one: after an outage
// people are reminded once and not once for every time that was missed. Nobody is
// reminded of what they were not told.
func (p *plan) remind(m Message, since time.Time) {
	every := p.a.Resolved.Policy.Notify.RemindEvery
	if every <= 0 || !told(p.a, Opened, p.route.Name, m.Recipient) {
		return
	}
	number := int(p.now.Sub(since) / every)
	if number == 0 || reminded(p.a, p.route.Name, m.Recipient) >= number {
		number++
	}
	at := since.Add(time.Duration(number) * every)
	if !at.Before(p.a.Deadline()) {
		return
	}
	m.Kind, m.Event = Reminder, reminder(number)
	p.want(m, at)
}

// outcome wants what is told of the end.
func (p *plan) outcome() {
	if p.now.Sub(p.a.DecidedAt) > approvals.TellWithin {
		return
	}
	m := Message{Kind: Decided, Event: string(Decided)}
	if p.route.Name != Email {
		// Who was only asked as an escalation is told if that ever happened.
		if slices.Contains(p.a.Resolved.Policy.Notify.Channels, p.route.Name) || told(p.a, Escalated, p.route.Name, "") {
			p.want(m, p.a.DecidedAt)
		}
		return
	}
	if p.a.Changed() { // anyone who voted thinks that it counts
		for _, v := range p.a.Votes {
			if m.Recipient, m.To = v.Voter, p.addressOf(v.Voter); m.To != "" {
				p.want(m, p.a.DecidedAt)
			}
		}
	}
	asked := p.a.Resolved.Requester
	if p.a.GlassBroken() { // everybody who was passed over hears of it
		people := p.a.Resolved.Policy.People()
		for _, who := range people[:min(len(people), maxPeople)] {
			if m.Recipient, m.To = who.Name, who.Email; m.To != "" && !approvals.SamePerson(who.Name, asked) {
				p.want(m, p.a.DecidedAt)
			}
		}
	}
	if m.Recipient = asked; m.Recipient == "" {
		return
	}
	if m.To = p.addressOf(m.Recipient); m.To != "" {
		p.want(m, p.a.DecidedAt)
	}
}

// runEnded wants what is told of the end of the run that the outcome started: to who asked and
// to those who decided, and in the channels that were notified of the decision.
func (p *plan) runEnded() {
	if !p.a.TellsRunEnd(p.now) {
		return
	}
	m, at := Message{Kind: RunEnded, Event: numbered(RunEnded, p.a.Attempt())}, p.a.RunEnd.EndedAt
	if p.route.Name != Email {
		if slices.Contains(p.a.Resolved.Policy.Notify.Channels, p.route.Name) || told(p.a, Escalated, p.route.Name, "") {
			p.want(m, at)
		}
		return
	}
	deciders := p.a.Deciders()
	for i, who := range append([]string{p.a.Resolved.Requester}, deciders[:min(len(deciders), maxDeciders)]...) {
		same := func(w wanted) bool { return w.Kind == RunEnded && approvals.SamePerson(w.Recipient, who) }
		if who == "" || i > 0 && slices.ContainsFunc(p.wanted, same) {
			continue
		}
		if m.Recipient, m.To = who, p.addressOf(who); m.To != "" {
			p.want(m, at)
		}
	}
}

// maxDeciders bounds how many of those who decided are notified of the end of the run.
const maxDeciders = 16

func (p *plan) want(m Message, at time.Time) {
	// Recorded under a cut name, a long one would be sent for ever.
	switch m.Kind {
	case Reminder, Commented:
	case RunEnded:
		if d, ok := find(p.a, m.Kind, p.route.Name, m.Recipient); ok {
			if _, run := parse(d.Event); run >= p.a.Attempt() {
				return
			}
		}
	default:
		if told(p.a, m.Kind, p.route.Name, m.Recipient) {
			return
		}
	}
	if len(m.Recipient) > maxRecipient {
		return
	}
	m.Approval, m.Earlier = p.a, earlier(p.a, p.route.Name, m.Recipient)
	p.wanted = append(p.wanted, wanted{m, at})
}

// What the ledger takes: 320 entries, of which the last reminder and the opening
// are two a person.
const (
	maxPeople    = 96
	maxRecipient = 254
)

// addressOf returns the mail address of a person, "" when it is not known.
func (p *plan) addressOf(name string) string {
	for _, who := range p.a.Resolved.Policy.People() {
		if approvals.SamePerson(who.Name, name) && who.Email != "" {
			return who.Email
		}
	}
	if approvals.IsAddress(name) && p.ours(name) {
		return name
	}
	return ""
}

// ours reports whether an address is of a domain that the channel or the Gate uses.
func (p *plan) ours(address string) bool {
	domain := func(s string) string { return s[strings.LastIndexByte(s, '@')+1:] }
	known := slices.Concat(p.route.Domains, p.a.Resolved.Policy.Notify.Escalate.Emails)
	for _, who := range p.a.Resolved.Policy.People() {
		if who.Email != "" {
			known = append(known, who.Email)
		}
	}
	return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(domain(k), domain(address)) })
}

// approverAt returns the name of the one approver with that address who may vote. It returns ""
// when there is none, or more than one: a link must not prove one of several people.
func (p *plan) approverAt(address string) string {
	found := ""
	for _, who := range p.a.Resolved.Policy.People() {
		if strings.EqualFold(who.Email, address) && approvals.MayVote(p.a, approvals.Identity{Name: who.Name}) == nil {
			if found != "" {
				return "" // an address of several people is nobody's
			}
			found = who.Name
		}
	}
	return found
}

func hasVoted(a approvals.Approval, name string) bool {
	return slices.ContainsFunc(a.Votes, func(v approvals.Vote) bool { return approvals.SamePerson(v.Voter, name) })
}

func messageID(a approvals.Approval, event, channel, recipient string) string {
	sum := sha256.Sum256([]byte(a.UID + "\n" + event + "\n" + channel + "\n" + recipient))
	return hex.EncodeToString(sum[:16])
}
