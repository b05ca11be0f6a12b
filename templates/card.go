package templates

import (
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Card is a message for a chat channel: plain text that is bounded, on one line each, and
// made visible. Each channel escapes it for its own format.
type Card struct {
	Title string
	State string // "pending", or the outcome in lower case
	Facts []Fact
	Link  string // of the page; it proves nobody
}

// Answer is c as an answer to the message that a room has about it already: what is news, and
// of the facts those that are.
func (c Card) Answer() Card {
	short := Card{Title: c.Title, State: c.State, Link: c.Link}
	for _, f := range c.Facts {
		if f.Name == "Run" || f.Name == "Failed task" || f.Name == "Message" {
			short.Facts = append(short.Facts, f)
		}
	}
	return short
}

// Fact is one line of a Card.
type Fact struct{ Name, Value string }

// Bounds of a Card, so that it fits into every channel's message.
const (
	maxFact     = 300
	maxComments = 8
	maxShown    = 8
)

// NewCard is the message of d.News for a chat channel.
func NewCard(d Data) Card {
	v := newView(d, maxMail)
	c := Card{Title: brief(title(v), maxSubject), State: v.State, Link: v.Link}
	fact := func(name, value string) {
		if value != "" {
			c.Facts = append(c.Facts, Fact{brief(name, 40), brief(value, maxFact)})
		}
	}
	fact("Namespace", v.Namespace)
	if v.Title != v.Trigger {
		fact("Starts", v.Trigger)
	}
	switch {
	case v.Part1 != nil:
		fact("After", v.Part1.words()+" (run "+v.Part1.Name+")")
	case v.Event != nil:
		fact("Event", v.Event.What)
		pushFacts(v.Event.Push, fact)
	}
	fact("Requested by", v.Requester)
	if v.State == "pending" {
		fact("Waiting since", v.Opened.UTC)
		fact("Deadline", v.Deadline.UTC)
		fact("Approvals needed", strconv.Itoa(v.Missing))
		for _, r := range v.Rules[:min(len(v.Rules), maxShown)] {
			if r.Missing == 0 {
				fact("Rule "+r.Name, "done")
				continue
			}
			fact("Rule "+r.Name, plural(r.Missing, "more approval")+" from "+r.Who)
		}
		fact("Who can decide", who(v))
	} else {
		fact("Outcome", v.State)
		fact("Decided by", list(v.Deciders))
		if v.Glass {
			fact("How", "emergency approval (break-glass), bypassing gate "+v.Gate)
		}
		fact("Decided", v.Decided.UTC)
		if v.Next != nil {
			fact("Run", v.Next.Name)
		}
		if e := v.Ended; e != nil {
			fact("It ended", e.When.UTC)
			fact("Failed task", e.Task)
			fact("Message", e.Message)
		}
	}
	for _, p := range v.Params.First(maxShown) {
		fact("Parameter "+p.Name, p.Excerpt(maxFact))
	}
	for i, x := range v.Votes {
		if i == maxComments {
			break
		}
		fact(x.Voter+", "+said(x.Verdict), orDash(x.Comment.Value))
	}
	return c
}

// pushFacts are what a forge says of what was pushed.
func pushFacts(p *PushView, fact func(name, value string)) {
	if p == nil {
		return
	}
	fact("Repository", p.Repository.Text)
	fact("Title", p.Request.Text)
	fact("Author", p.Author)
	if len(p.Commits) > 0 {
		c := p.Commits[len(p.Commits)-1]
		fact("Last commit", c.ID.Text+" "+c.Title)
	}
	if n := len(p.Commits) + p.More; n > 1 {
		fact("Commits", strconv.Itoa(n))
	}
}

func title(v View) string {
	where := v.Title + " (" + v.Namespace + ")"
	switch {
	case v.News == approvals.EventRunEnded && v.Ended != nil:
		return v.Title + " " + v.Ended.Words + " (" + v.Namespace + ")"
	case v.Glass:
		return "Emergency approval: " + where
	case v.State != "pending":
		return strings.ToUpper(v.State[:1]) + v.State[1:] + ": " + where
	case v.News == "reminder":
		return "Still waiting (" + v.Opened.Span + "): " + where
	case v.News == "escalated":
		return "No decision after " + v.Opened.Span + ": " + where
	default:
		return "Approve: " + where
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
		all = append(all, "anyone with the approve permission on the gate")
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
