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
	in      *printer
}

// Say returns a sentence of a channel's own in the card's language, for its buttons and labels.
func (c Card) Say(key string, args ...any) string {
	if c.in == nil {
		return printerOf(English).t(key, args...)
	}
	return c.in.t(key, args...)
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
	short := Card{Title: c.Title, State: c.State, Tone: c.Tone, Link: c.Link, in: c.in}
	for _, f := range c.Facts {
		if c.Discusses || f.ofRun {
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
	// ofRun: it is about the run that the outcome started.
	ofRun bool
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
	v, r := newView(d, maxMail), d.reader()
	c := Card{Title: brief(r.title(v), maxSubject), State: v.State, Tone: tone(v), Link: v.Message.Link, in: r.printer}
	if v.Message.News == approvals.EventCommented {
		c.discussion(v, r)
		return c
	}
	if v.State == "pending" {
		c.excerpt(v, r)
		c.confirm(v, r)
	}
	fact := func(name, value string) {
		if value != "" {
			c.Facts = append(c.Facts, Fact{Name: brief(name, 40), Value: brief(value, maxFact)})
		}
	}
	run := func(name, value string) {
		n := len(c.Facts)
		fact(name, value)
		for i := range c.Facts[n:] {
			c.Facts[n+i].ofRun = true
		}
	}
	moment := func(name string, m Moment) {
		if !m.At.IsZero() {
			c.Facts = append(c.Facts, Fact{Name: name, Value: m.Absolute, At: m.At})
		}
	}
	fact(r.t("Namespace"), v.Namespace)
	if v.Title != v.Trigger {
		fact(r.t("Starts"), v.Trigger)
	}
	switch {
	case v.Request.FirstRun != nil:
		fact(r.t("After"), r.t("%s (run %s)", v.Request.FirstRun.words(r.printer), v.Request.FirstRun.Name))
	case v.Request.Event != nil:
		fact(r.t("Event"), v.Request.Event.What)
		pushFacts(v.Request.Event.Push, r, fact)
	}
	fact(r.t("Requested by"), v.Request.Requester)
	if v.State == "pending" {
		moment(r.t("Waiting since"), v.Request.Opened)
		moment(r.t("Deadline"), v.Progress.Deadline)
		fact(r.t("Approvals needed"), strconv.Itoa(v.Progress.Missing))
		for _, x := range v.Progress.Rules[:min(len(v.Progress.Rules), maxShown)] {
			if x.Missing == 0 {
				fact(r.t("Rule %s", x.Name), r.t("done"))
				continue
			}
			fact(r.t("Rule %s", x.Name), r.n(x.Missing, "%d more approval from %s", "%d more approvals from %s", x.Who))
		}
		fact(r.t("Who can decide"), r.who(v))
	} else {
		fact(r.t("Outcome"), r.was(v.State))
		fact(r.t("Decided by"), r.list(v.Outcome.Deciders))
		if v.Outcome.BreakGlass {
			fact(r.t("How"), r.t("emergency approval (break-glass), bypassing gate %s", v.Gate))
		}
		moment(r.t("Decided"), v.Outcome.Decided)
		if v.Release.Run != nil {
			run(r.t("Run"), v.Release.Run.Name)
		}
		if e := v.Release.Ended; e != nil {
			moment(r.t("It ended"), e.When)
			run(r.t("Failed task"), e.Task)
			run(r.t("Message"), e.Message)
		}
	}
	for _, p := range v.Content.Params.First(maxShown) {
		fact(r.t("Parameter %s", p.Name), p.Excerpt(maxFact))
	}
	for i, x := range v.Votes {
		if i == maxComments {
			break
		}
		fact(r.voted(x.Voter, x.Verdict), orDash(x.Comment.Value))
	}
	return c
}

// discussion makes the last comments the card's only facts, the newest last.
func (c *Card) discussion(v View, r reader) {
	c.Discusses = true
	for _, x := range v.Discussion.Last() {
		name := x.By
		if x.Open {
			name = r.t("%s, needs changes", name)
		}
		c.Facts = append(c.Facts, Fact{Name: brief(name, maxSpeaker), Value: brief(orDash(x.Text.Value), maxFact)})
	}
}

// pushFacts adds facts about a push or a pull request, in which the person who pushed chose names and
// titles. A nil p adds none.
func pushFacts(p *PushView, r reader, fact func(name, value string)) {
	if p == nil {
		return
	}
	fact(r.t("Repository"), p.Repository.Text)
	fact(r.t("Title"), p.Request.Text)
	fact(r.t("Author"), p.Author)
	if len(p.Commits) > 0 {
		c := p.Commits[len(p.Commits)-1]
		fact(r.t("Last commit"), c.ID.Text+" "+c.Title)
	}
	if n := len(p.Commits) + p.More; n > 1 {
		fact(r.t("Commits"), strconv.Itoa(n))
	}
}

// excerpt fills in Sum, Lines and More: with all of the text where it fits, else with a line for each
// resource, those that destroy first. Whole is true only if nothing is left out.
func (c *Card) excerpt(v View, r reader) {
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
		c.Whole, c.More = false, r.t("There is evidence to read on the page.")
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
func (c *Card) confirm(v View, r reader) {
	what := r.t("Approve in %s?", v.Namespace)
	switch {
	case v.Request.Task != nil:
		what = r.t("Let run %s continue in %s?", v.Request.Task.Run, v.Namespace)
	case v.Consequences.Grants != "":
		what = r.t("Approve, which %s in %s?", v.Consequences.Grants, v.Namespace)
	case v.Consequences.OnApprove && v.Progress.Missing <= 1:
		what = r.t("Start %s in %s?", v.Trigger, v.Namespace)
	case v.Consequences.OnApprove:
		what = r.t("Approve %s in %s?", v.Trigger, v.Namespace)
	}
	c.Confirm = brief(what, 150)
	if v.Evidence.Sum.Line != "" {
		c.Confirm += " " + v.Evidence.Sum.Line + "."
	}
	if !c.Whole {
		c.Confirm += " " + r.t("Not all that you approve is shown here.")
	}
}

func (p *printer) title(v View) string {
	where := v.Title + " (" + v.Namespace + ")"
	switch {
	case v.Message.News == approvals.EventRunEnded && v.Release.Ended != nil:
		return v.Title + " " + v.Release.Ended.Words + " (" + v.Namespace + ")"
	case v.Message.News == approvals.EventCommented && v.Discussion.Newest().Open:
		return p.commented(v.Discussion.Newest().By, true) + ": " + where
	case v.Message.News == approvals.EventCommented:
		return p.commented(v.Discussion.Newest().By, false) + ": " + where
	case v.Outcome.BreakGlass:
		return p.t("Emergency approval: %s", where)
	case v.State != "pending":
		return p.word(v.State, strings.ToUpper(v.State[:1])+v.State[1:]) + ": " + where
	case v.Message.News == "reminder":
		return p.t("Still waiting (%s): %s", v.Request.Opened.Span, where)
	case v.Message.News == "escalated":
		return p.t("No decision after %s: %s", v.Request.Opened.Span, where)
	default:
		return p.t("Approve: %s", where)
	}
}

// who names those who may decide.
func (p *printer) who(v View) string {
	var all []string
	for _, name := range v.People.Approvers {
		if !v.People.Excluded || !strings.EqualFold(name, v.Request.Requester) {
			all = append(all, name)
		}
	}
	for _, g := range v.People.Groups {
		all = append(all, p.t("anyone in %s", g))
	}
	if v.People.RBAC {
		all = append(all, p.t("anyone with the approve permission on the gate"))
	}
	return p.list(all)
}

// said tells of a vote: "carol@example.com approved".
func (p *printer) said(who string, v approvals.Verdict) string {
	if v == approvals.Reject {
		return p.t("%s rejected", who)
	}
	return p.t("%s approved", who)
}

// voted names a vote, before its comment.
func (p *printer) voted(who string, v approvals.Verdict) string {
	if v == approvals.Reject {
		return p.t("%s, rejected", who)
	}
	return p.t("%s, approved", who)
}

// commented tells of a comment.
func (p *printer) commented(who string, asks bool) string {
	if asks {
		return p.t("%s asked for changes", who)
	}
	return p.t("%s commented", who)
}

// word is the heading for a state, other for one that is none of ours.
func (p *printer) word(state, other string) string {
	switch state {
	case "pending":
		return p.t("Waiting for approval")
	case "opening":
		return p.t("Opening")
	case "blocked":
		return p.t("Blocked")
	case "approved":
		return p.t("Approved")
	case "rejected":
		return p.t("Rejected")
	case "expired":
		return p.t("Expired")
	case "cancelled":
		return p.t("Cancelled")
	case "superseded":
		return p.t("Superseded")
	}
	return other
}

// was is an outcome in the middle of a sentence: "It was approved".
func (p *printer) was(state string) string {
	switch state {
	case "approved":
		return p.t("approved")
	case "rejected":
		return p.t("rejected")
	case "expired":
		return p.t("expired")
	case "cancelled":
		return p.t("cancelled")
	case "superseded":
		return p.t("superseded")
	}
	return state
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
