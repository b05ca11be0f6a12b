package notify

import (
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Limits of the messages about a discussion.
const (
	maxDiscussants = 16
	// commentsApart is the least time between two messages about one discussion to one
	// recipient: comments in between are in one message.
	commentsApart = 2 * time.Minute
)

// commented plans the messages about the discussion: to the requester and to everyone who voted or
// commented, about what others wrote, and in the channels that were notified of the opening.
func (p *plan) commented() {
	n := len(p.a.Discussion)
	if n == 0 {
		return
	}
	m := Message{Kind: Commented, Event: numbered(Commented, n)}
	if p.route.Name != Email {
		if slices.Contains(p.a.Resolved.Policy.Notify.Channels, p.route.Name) || told(p.a, Escalated, p.route.Name, "") {
			p.tell(m, "")
		}
		return
	}
	for _, who := range p.discussants() {
		if m.Recipient, m.To, m.Approver = who, p.addressOf(who), ""; m.To == "" {
			continue
		}
		if p.a.Resolved.Policy.Lists(who) && approvals.MayVote(p.a, approvals.Identity{Name: who}) == nil {
			m.Approver = who
		}
		p.tell(m, who)
	}
}

// tell plans m, unless its reader was notified of all comments, or wrote the others.
func (p *plan) tell(m Message, reader string) {
	before, _ := find(p.a, Commented, p.route.Name, m.Recipient)
	_, number := parse(before.Event)
	for _, c := range p.a.Discussion[min(number, len(p.a.Discussion)):] {
		if reader != "" && approvals.SamePerson(c.By, reader) {
			continue
		}
		at := c.At
		if next := before.SentAt.Add(commentsApart); !before.SentAt.IsZero() && next.After(at) {
			at = next
		}
		p.want(m, at)
		return
	}
}

// discussants returns the requester and all who commented or voted, each once, at most
// maxDiscussants of them.
func (p *plan) discussants() []string {
	all := []string{p.a.Resolved.Requester}
	for _, c := range p.a.Discussion {
		all = append(all, c.By)
	}
	for _, v := range p.a.Votes {
		all = append(all, v.Voter)
	}
	var out []string
	for _, who := range all {
		same := func(o string) bool { return approvals.SamePerson(o, who) }
		if who != "" && len(out) < maxDiscussants && !slices.ContainsFunc(out, same) {
			out = append(out, who)
		}
	}
	return out
}
