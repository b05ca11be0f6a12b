package templates

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Card is a message for a room: plain text that is bounded, on one line each, and
// made visible. Each channel escapes it for its own format.
type Card struct {
	Title string
	State string // "pending", or the outcome in lower case
	Facts []Fact
	Link  string // of the page; it proves nobody
}

// Fact is one line of a Card.
type Fact struct{ Name, Value string }

// Bounds of a Card, so that it fits into every room's message.
const (
	maxFact     = 300
	maxComments = 8
	maxShown    = 8
)

// NewCard is what d.News tells a room.
func NewCard(d Data) Card {
	v := newView(d, maxMail)
	c := Card{Title: brief(title(v), maxSubject), State: v.State, Link: v.Link}
	fact := func(name, value string) {
		if value != "" {
			c.Facts = append(c.Facts, Fact{brief(name, 40), brief(value, maxFact)})
		}
	}
	fact("Namespace", v.Namespace)
	switch {
	case v.Part1 != nil:
		fact("After", v.Part1.words()+", run "+v.Part1.Name)
	case v.Event != nil:
		fact("Holds", "an event")
	}
	fact("Asked by", v.Requester)
	if v.State == "pending" {
		fact("Waits since", v.Opened.UTC)
		fact("Deadline", v.Deadline.UTC)
		fact("Needed", plural(v.Missing, "more approval"))
		for _, r := range v.Rules[:min(len(v.Rules), maxShown)] {
			fact("Rule "+r.Name, plural(r.Missing, "more approval")+" by "+r.Who)
		}
		fact("Who can decide", who(v))
	} else {
		fact("Outcome", v.State)
		fact("By", list(v.Deciders))
		if v.Glass {
			fact("How", "alone, breaking the glass: without what gate "+v.Gate+" asks for")
		}
		fact("At", v.Decided.UTC)
	}
	for _, p := range v.Params.First(maxShown) {
		fact("Param "+p.Name, p.Excerpt(maxFact))
	}
	for i, x := range v.Votes {
		if i == maxComments {
			break
		}
		fact(x.Voter+", "+said(x.Verdict), orDash(x.Comment.Value))
	}
	return c
}

func title(v View) string {
	where := v.Trigger + " (" + v.Namespace + ")"
	switch {
	case v.Glass:
		return "Glass broken: " + where
	case v.State != "pending":
		return strings.ToUpper(v.State[:1]) + v.State[1:] + ": " + where
	case v.News == "reminder":
		return "Reminder: approve " + where + "?"
	case v.News == "escalated":
		return "Nobody has decided: approve " + where + "?"
	default:
		return "Approve " + where + "?"
	}
}

// who names those who may decide.
func who(v View) string {
	var all []string
	for _, name := range v.Approvers {
		if !v.Excluded || !strings.EqualFold(name, v.Requester) {
			all = append(all, name)
		}
	}
	for _, g := range v.Groups {
		all = append(all, "anyone in "+g)
	}
	if v.RBAC {
		all = append(all, "whoever RBAC lets approve")
	}
	return list(all)
}

func said(v approvals.Verdict) string {
	if v == approvals.Reject {
		return "rejected"
	}
	return "approved"
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
