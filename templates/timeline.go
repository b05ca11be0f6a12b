package templates

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// StepView is one thing that happened to an Approval.
type StepView struct {
	Kind   string   // "opened", "told", "voted", "said", "decided", "started", "ended" or "changed"
	Text   string   // "carol@example.com approved"
	Run    *RunView // which the text is about
	By     string   // how, in a few quiet words
	Detail string   // other people's words, or what went wrong
	Bad    bool     // it did not go as it should
	When   Moment
}

// maxSaid bounds the part of a comment in the timeline, in bytes. The discussion has all of it.
const maxSaid = 400

// maxSteps bounds the timeline: of many it shows the first and the last.
const maxSteps = 200

// newTimeline returns the steps in the order of their time, at most maxSteps: of more it leaves out
// the middle.
func newTimeline(d Data, r reader, v *View) []StepView {
	t := timeline{a: d.Approval, reader: r, named: d.named}
	t.request(v.Request)
	t.votes()
	t.decision(v.Outcome.Deciders)
	t.told(d.Operator) // of two at one instant what was told follows what happened
	t.add("changed", t.a.RetryRequestedAt, r.t("A retry was requested"))
	t.reruns(v.Trigger, d.Dashboard)
	t.release(v.Trigger, v.Release)
	slices.SortStableFunc(t.steps, func(x, y StepView) int { return x.When.At.Compare(y.When.At) })
	if n := len(t.steps); n > maxSteps {
		t.steps = slices.Delete(t.steps, maxSteps/2, n-maxSteps/2)
	}
	return t.steps
}

// timeline collects the steps of a. They are not sorted until newTimeline sorts them.
type timeline struct {
	a approvals.Approval
	reader
	named func(name, own string) string // a person, and what people call them
	steps []StepView
}

// add takes up what happened, if it has.
func (t *timeline) add(kind string, at time.Time, what string, fill ...func(*StepView)) {
	if at.IsZero() {
		return
	}
	s := StepView{Kind: kind, Text: what, When: t.moment(at)}
	for _, f := range fill {
		f(&s)
	}
	t.steps = append(t.steps, s)
}

func detail(words string) func(*StepView) { return func(s *StepView) { s.Detail = text(words) } }

func by(words string) func(*StepView) { return func(s *StepView) { s.By = line(words) } }

func bad(s *StepView) { s.Bad = true }

func (t *timeline) request(r RequestView) {
	t.add("opened", t.a.OpenedAt, t.t("Approval requested"), func(s *StepView) {
		if r.Requester != "" {
			s.By = t.t("by %s", r.Requester)
		}
	})
	if x := t.a.Resolved; x != nil && x.ResolvedAt.After(t.a.OpenedAt) {
		t.add("changed", x.ResolvedAt, t.t("Setup complete"), by(t.t("people could decide from here on")))
	}
}

func (t *timeline) votes() {
	for _, x := range t.a.Votes {
		t.add("voted", x.At, t.said(t.named(x.Voter, x.DisplayName), x.Verdict), func(s *StepView) {
			switch {
			case x.BreakGlass:
				s.By = t.t("in an emergency, alone (break-glass)")
			case x.OnBehalfOf != "":
				s.By = t.t("for %s", line(x.OnBehalfOf))
			}
		})
	}
	for _, c := range t.a.Discussion {
		t.add("said", c.At, t.commented(t.named(c.By, c.DisplayName), c.NeedsChanges), detail(approvals.Cut(c.Text, maxSaid)))
	}
	for _, w := range t.a.Withdrawn {
		t.add("voted", w.At, t.t("%s withdrew a vote", line(w.Voter)))
	}
	for _, r := range t.a.Revoked {
		t.add("changed", r.At, t.t("The mailed link of %s was revoked", line(r.Voter)), by(t.t("by %s", r.By)))
	}
}

// decision is the outcome, and a cancellation after it.
func (t *timeline) decision(deciders []string) {
	a := t.a
	if a.Decided() {
		t.add("decided", a.DecidedAt, t.word(strings.ToLower(string(a.Outcome)), string(a.Outcome)), func(s *StepView) {
			c := a.Cancellation
			switch {
			case a.Outcome == approvals.Cancelled && c != nil:
				if s.Detail = text(c.Reason); c.By != "" {
					s.By = t.t("by %s", line(c.By))
				}
			case a.Outcome == approvals.Superseded:
				s.By = t.t("replaced by %s", cmp.Or(line(a.SupersededBy), t.t("a newer request")))
			case len(deciders) > 0:
				s.By = t.t("by %s", t.list(deciders))
			case a.Outcome == approvals.Approved || a.Outcome == approvals.Rejected:
				s.By = t.t("automatically, because nobody decided in time")
			}
			s.Bad = a.Outcome == approvals.Rejected
		})
	}
	if c := a.Cancellation; c != nil && a.Outcome != approvals.Cancelled {
		who := ""
		if c.By != "" {
			who = t.t("by %s", c.By)
		}
		t.add("changed", c.At, t.t("The start was cancelled"), by(who), detail(c.Reason), bad)
	}
}

// reruns are the runs that went wrong and were started again.
func (t *timeline) reruns(trigger string, dashboard Dashboard) {
	for _, r := range t.a.Reruns {
		t.add("started", r.Run.At, t.t("%s started as run", trigger), func(s *StepView) { s.Run = runView(&r.Run, t.a.Namespace, dashboard, t.reader) })
		t.add("ended", r.End.EndedAt, trigger+" "+line(t.ended(r.End)), detail(r.End.Why()), bad)
		t.add("changed", r.At, t.t("Started again on the same decision"), by(t.t("by %s", r.By)), detail(r.Reason))
	}
}

// release adds the effect of the outcome: a run, the write to a target, or a task's answer, and the
// end of the run.
func (t *timeline) release(trigger string, r ReleaseView) {
	a := t.a
	if r.Run != nil {
		t.add("started", a.SecondRun.At, t.t("%s started as run", trigger), func(s *StepView) {
			if s.Run = r.Run; a.EventID != "" {
				s.By = t.t("by event %s", line(a.EventID))
			}
		})
	} else if r.Effect != "" {
		t.add("started", a.Effect.At, r.Effect)
	}
	if x := a.Source.Task; x != nil {
		t.add("started", a.AnsweredAt, t.t("The run %s received the answer", line(x.Run.Name)))
	}
	if e := a.RunEnd; e != nil {
		t.add("ended", e.EndedAt, trigger+" "+r.Ended.Words, detail(e.Why()), func(s *StepView) { s.Bad = a.RunWentWrong() })
	}
}

// told adds the deliveries: one step for all recipients of one event by one channel. Only operators
// see the error of a failed one, because others can't fix it.
func (t *timeline) told(operator bool) {
	type group struct {
		event, channel, failed string
	}
	var order []group
	people, at := map[group][]string{}, map[group]time.Time{}
	for _, x := range t.a.Deliveries {
		if x.SentAt.IsZero() && x.Error == "" {
			continue // it is on its way
		}
		g := group{event: x.Event, channel: x.Channel}
		if x.SentAt.IsZero() {
			g.failed = x.Error
		}
		if _, known := people[g]; !known {
			order = append(order, g)
		}
		if people[g] = append(people[g], line(x.Recipient)); x.SentAt.After(at[g]) {
			at[g] = x.SentAt
		}
	}
	for _, g := range order {
		to, about := t.message(t.list(slices.DeleteFunc(people[g], func(s string) bool { return s == "" })), g.event, g.channel)
		what, when := t.t("Notified %s", to), at[g]
		if g.failed != "" {
			what, when = t.t("Could not notify %s", to), timeOf(t.a, g.event)
		}
		t.add("told", when, what, func(s *StepView) {
			s.By = about
			if s.Bad = g.failed != ""; s.Bad && operator {
				s.Detail = t.sentence(g.failed)
			}
		})
	}
}

// message says to whom a message is, and about what and how it is sent; nobody is told by a channel that has no
// recipients, but the channel is.
func (p *printer) message(people, event, channel string) (to, about string) {
	channel, about = p.channel(line(channel)), p.ofWhat(event)
	if people == "" {
		return p.t("channel %s", channel), about
	}
	return people, p.t("%s by %s", about, channel)
}

// channel is what a channel is called: e-mail has a word in each language, others have names.
func (p *printer) channel(name string) string {
	if name == "email" {
		return p.t("email")
	}
	return name
}

// ofWhat returns the occasion of a delivery, by its event in the ledger, in words that follow
// "Notified somebody".
func (p *printer) ofWhat(event string) string {
	switch {
	case event == "opened":
		return p.t("of the request")
	case event == approvals.EventDecided:
		return p.t("of the decision")
	case strings.HasPrefix(event, approvals.EventRunEnded):
		return p.t("of how the run ended")
	case strings.HasPrefix(event, approvals.EventCommented):
		return p.t("of the discussion")
	case event == "escalated":
		return p.t("because nobody had decided")
	case strings.HasPrefix(event, "reminder"):
		return p.t("again, as a reminder")
	}
	return p.t("of %s", line(event))
}

// timeOf returns about the time at which a failed message was due, because a failed delivery has no
// time of its own.
func timeOf(a approvals.Approval, event string) time.Time {
	switch {
	case event == approvals.EventDecided:
		return a.DecidedAt
	case strings.HasPrefix(event, approvals.EventRunEnded) && a.RunEnd != nil:
		return a.RunEnd.EndedAt
	}
	return a.Since()
}
