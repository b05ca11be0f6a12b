package templates

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
)

// Card is a message for a chat channel: plain text that is bounded, on one line each, and
// made visible. Each channel escapes it for its own format.
type Card struct {
	Title string
	State string // "pending", or the outcome in lower case
	Tone  Tone   // of what is news
	Facts []Fact
	Link  string // of the page; it proves nobody
	// Sum counts the changes in words. Lines has the changes, or a line for each resource, as far
	// as they fit into maxExcerpt, and More is about the rest. All are empty on a card that does
	// not ask for a decision.
	Sum      string
	Alarming bool // something would be destroyed, has failed, or is a high risk
	Lines    []string
	More     string
	// Discusses: its facts are what people said, all of which is news.
	Discusses bool
	// Whole: the card shows all that people decide on.
	Whole bool
	// Confirm is the question in the dialog before an approval is sent, "" on a card that does not
	// ask for a decision.
	Confirm string
}

// Tone is the meaning of a message's colour. Its words have the same meaning, for people who do not
// see colours.
type Tone string

// The tones of a Card.
const (
	Asks    Tone = "asks"
	Good    Tone = "good"
	Bad     Tone = "bad"
	Warns   Tone = "warns"
	Neutral Tone = "neutral"
)

func tone(v View) Tone {
	switch {
	case v.Message.News == approvals.EventRunEnded && v.Release.Ended != nil && v.Release.Ended.State != "succeeded", v.State == "rejected":
		return Bad
	case v.Outcome.BreakGlass, v.State == "expired", v.Message.News == "escalated", v.Message.News == approvals.EventCommented && v.Discussion.Newest().Open:
		return Warns
	case v.State == "approved":
		return Good
	case v.State == "pending":
		return Asks
	default:
		return Neutral
	}
}

// Answer returns c as an answer to the earlier message in a channel: with the facts that are new, and
// without the contents of the request.
func (c Card) Answer() Card {
	short := Card{Title: c.Title, State: c.State, Tone: c.Tone, Link: c.Link}
	for _, f := range c.Facts {
		if c.Discusses || f.Name == "Run" || f.Name == "Failed task" || f.Name == "Message" {
			short.Facts = append(short.Facts, f)
		}
	}
	return short
}

// Fact is one line of a Card.
type Fact struct {
	Name, Value string
	// At is the time in Value, for chats that show times in each reader's own zone; zero for a
	// value that is no time.
	At time.Time
}

// Bounds of a Card, so that it fits into every channel's message.
const (
	maxFact     = 300
	maxSpeaker  = 80 // of a fact's name, where it is a person
	maxComments = 8
	maxShown    = 8
	maxExcerpt  = 2800 // characters of Lines, which chats have about 3000 for
)

// NewCard is the message of d.News for a chat channel.
func NewCard(d Data) Card {
	v := newView(d, maxMail)
	c := Card{Title: brief(title(v), maxSubject), State: v.State, Tone: tone(v), Link: v.Message.Link}
	if v.Message.News == approvals.EventCommented {
		c.discussion(v)
		return c
	}
	if v.State == "pending" {
		c.excerpt(v)
		c.confirm(v)
	}
	fact := func(name, value string) {
		if value != "" {
			c.Facts = append(c.Facts, Fact{Name: brief(name, 40), Value: brief(value, maxFact)})
		}
	}
	moment := func(name string, m Moment) {
		if !m.At.IsZero() {
			c.Facts = append(c.Facts, Fact{Name: name, Value: m.Absolute, At: m.At})
		}
	}
	fact("Namespace", v.Namespace)
	if v.Title != v.Trigger {
		fact("Starts", v.Trigger)
	}
	switch {
	case v.Request.FirstRun != nil:
		fact("After", v.Request.FirstRun.words()+" (run "+v.Request.FirstRun.Name+")")
	case v.Request.Event != nil:
		fact("Event", v.Request.Event.What)
		pushFacts(v.Request.Event.Push, fact)
	}
	fact("Requested by", v.Request.Requester)
	if v.State == "pending" {
		moment("Waiting since", v.Request.Opened)
		moment("Deadline", v.Progress.Deadline)
		fact("Approvals needed", strconv.Itoa(v.Progress.Missing))
		for _, r := range v.Progress.Rules[:min(len(v.Progress.Rules), maxShown)] {
			if r.Missing == 0 {
				fact("Rule "+r.Name, "done")
				continue
			}
			fact("Rule "+r.Name, plural(r.Missing, "more approval")+" from "+r.Who)
		}
		fact("Who can decide", who(v))
	} else {
		fact("Outcome", v.State)
		fact("Decided by", list(v.Outcome.Deciders))
		if v.Outcome.BreakGlass {
			fact("How", "emergency approval (break-glass), bypassing gate "+v.Gate)
		}
		moment("Decided", v.Outcome.Decided)
		if v.Release.Run != nil {
			fact("Run", v.Release.Run.Name)
		}
		if e := v.Release.Ended; e != nil {
			moment("It ended", e.When)
			fact("Failed task", e.Task)
			fact("Message", e.Message)
		}
	}
	for _, p := range v.Content.Params.First(maxShown) {
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

// discussion makes the last comments the card's only facts, the newest last.
func (c *Card) discussion(v View) {
	c.Discusses = true
	for _, x := range v.Discussion.Last() {
		name := x.By
		if x.Open {
			name += ", needs changes"
		}
		c.Facts = append(c.Facts, Fact{Name: brief(name, maxSpeaker), Value: brief(orDash(x.Text.Value), maxFact)})
	}
}

// pushFacts adds facts about a push or a pull request, in which the person who pushed chose names and
// titles. A nil p adds none.
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

// excerpt fills in Sum, Lines and More: with all of the text where it fits, else with a line for each
// resource, those that destroy first. Whole is true only if nothing is left out.
func (c *Card) excerpt(v View) {
	c.Sum, c.Alarming, c.Whole = v.Evidence.Sum.Line, v.Evidence.Sum.Alarming, len(v.Evidence.Unseen) == 0
	var all []string
	n := 0
	for _, o := range v.Evidence.Outputs {
		parts := o.Parts
		if o.Around != nil && len(parts) == 0 {
			parts = []PartView{*o.Around}
		}
		for _, p := range parts {
			if p.Title != "" {
				all = append(all, strings.TrimSpace(p.Word+" "+p.Title+" "+p.Note))
			}
			for _, l := range p.Lines {
				all = append(all, l.Text())
			}
		}
		for _, l := range o.Lines {
			all = append(all, l.Text())
		}
	}
	for _, l := range all {
		n += utf8.RuneCountInString(l) + 1
	}
	if len(v.Evidence.Items) > 0 { // a message has no text of it
		c.Whole, c.More = false, "There is evidence to read on the page."
	}
	if c.Whole = c.Whole && n <= maxExcerpt; c.Whole {
		c.Lines = all
		return
	}
	n = 0
	for _, o := range v.Evidence.Outputs {
		shown := 0
		for _, l := range o.Brief(maxBrief) {
			s := l.Text()
			if n += utf8.RuneCountInString(s) + 1; n > maxExcerpt {
				break
			}
			c.Lines = append(c.Lines, s)
			shown++
		}
		if c.More == "" {
			c.More = o.Beyond(shown)
		}
	}
}

const maxBrief = 20 // lines of one text, of which a card does not have all

// confirm names what starts and what is destroyed.
func (c *Card) confirm(v View) {
	what := "Approve"
	switch {
	case v.Request.Task != nil:
		what = "Let run " + v.Request.Task.Run + " continue"
	case v.Consequences.Grants != "":
		what = "Approve, which " + v.Consequences.Grants
	case v.Consequences.OnApprove && v.Progress.Missing <= 1:
		what = "Start " + v.Trigger
	case v.Consequences.OnApprove:
		what = "Approve " + v.Trigger
	}
	c.Confirm = brief(what+" in "+v.Namespace+"?", 150)
	if v.Evidence.Sum.Line != "" {
		c.Confirm += " " + v.Evidence.Sum.Line + "."
	}
	if !c.Whole {
		c.Confirm += " Not all that you approve is shown here."
	}
}

func title(v View) string {
	where := v.Title + " (" + v.Namespace + ")"
	switch {
	case v.Message.News == approvals.EventRunEnded && v.Release.Ended != nil:
		return v.Title + " " + v.Release.Ended.Words + " (" + v.Namespace + ")"
	case v.Message.News == approvals.EventCommented && v.Discussion.Newest().Open:
		return v.Discussion.Newest().By + " asked for changes: " + where
	case v.Message.News == approvals.EventCommented:
		return v.Discussion.Newest().By + " commented: " + where
	case v.Outcome.BreakGlass:
		return "Emergency approval: " + where
	case v.State != "pending":
		return strings.ToUpper(v.State[:1]) + v.State[1:] + ": " + where
	case v.Message.News == "reminder":
		return "Still waiting (" + v.Request.Opened.Span + "): " + where
	case v.Message.News == "escalated":
		return "No decision after " + v.Request.Opened.Span + ": " + where
	default:
		return "Approve: " + where
	}
}

// who names those who may decide.
func who(v View) string {
	var all []string
	for _, name := range v.People.Approvers {
		if !v.People.Excluded || !strings.EqualFold(name, v.Request.Requester) {
			all = append(all, name)
		}
	}
	for _, g := range v.People.Groups {
		all = append(all, "anyone in "+g)
	}
	if v.People.RBAC {
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
