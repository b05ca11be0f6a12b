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
func newTimeline(d Data, v *View) []StepView {
	t := timeline{a: d.Approval, now: d.Now, named: d.named}
	t.request(v.Request)
	t.votes()
	t.decision(v.Outcome.Deciders)
	t.told(d.Operator) // of two at one instant what was told follows what happened
	t.add("changed", t.a.RetryRequestedAt, "A retry was requested")
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
	a     approvals.Approval
	now   time.Time
	named func(name, own string) string // a person, and what people call them
	steps []StepView
}

// add takes up what happened, if it has.
func (t *timeline) add(kind string, at time.Time, what string, fill ...func(*StepView)) {
	if at.IsZero() {
		return
	}
	s := StepView{Kind: kind, Text: what, When: newMoment(at, t.now)}
	for _, f := range fill {
		f(&s)
	}
	t.steps = append(t.steps, s)
}

func detail(words string) func(*StepView) { return func(s *StepView) { s.Detail = text(words) } }

func by(words string) func(*StepView) { return func(s *StepView) { s.By = line(words) } }

func bad(s *StepView) { s.Bad = true }

func (t *timeline) request(r RequestView) {
	t.add("opened", t.a.OpenedAt, "Approval requested", func(s *StepView) {
		if r.Requester != "" {
			s.By = "by " + r.Requester
		}
	})
	if x := t.a.Resolved; x != nil && x.ResolvedAt.After(t.a.OpenedAt) {
		t.add("changed", x.ResolvedAt, "Setup complete", by("people could decide from here on"))
	}
}

func (t *timeline) votes() {
	for _, x := range t.a.Votes {
		t.add("voted", x.At, t.named(x.Voter, x.DisplayName)+" "+said(x.Verdict), func(s *StepView) {
			switch {
			case x.BreakGlass:
				s.By = "in an emergency, alone (break-glass)"
			case x.OnBehalfOf != "":
				s.By = "for " + line(x.OnBehalfOf)
			}
		})
	}
	for _, c := range t.a.Discussion {
		what := " commented"
		if c.NeedsChanges {
			what = " asked for changes"
		}
		t.add("said", c.At, t.named(c.By, c.DisplayName)+what, detail(approvals.Cut(c.Text, maxSaid)))
	}
	for _, w := range t.a.Withdrawn {
		t.add("voted", w.At, line(w.Voter)+" withdrew a vote")
	}
	for _, r := range t.a.Revoked {
		t.add("changed", r.At, "The mailed link of "+line(r.Voter)+" was revoked", by("by "+r.By))
	}
}

// decision is the outcome, and a cancellation after it.
func (t *timeline) decision(deciders []string) {
	a := t.a
	if a.Decided() {
		t.add("decided", a.DecidedAt, string(a.Outcome), func(s *StepView) {
			c := a.Cancellation
			switch {
			case a.Outcome == approvals.Cancelled && c != nil:
				if s.Detail = text(c.Reason); c.By != "" {
					s.By = "by " + line(c.By)
				}
			case a.Outcome == approvals.Superseded:
				s.By = "replaced by " + cmp.Or(line(a.SupersededBy), "a newer request")
			case len(deciders) > 0:
				s.By = "by " + list(deciders)
			case a.Outcome != approvals.Expired:
				s.By = "automatically, because nobody decided in time"
			}
			s.Bad = a.Outcome == approvals.Rejected
		})
	}
	if c := a.Cancellation; c != nil && a.Outcome != approvals.Cancelled {
		who := ""
		if c.By != "" {
			who = "by " + c.By
		}
		t.add("changed", c.At, "The start was cancelled", by(who), detail(c.Reason), bad)
	}
}

// reruns are the runs that went wrong and were started again.
func (t *timeline) reruns(trigger string, dashboard Dashboard) {
	for _, r := range t.a.Reruns {
		t.add("started", r.Run.At, trigger+" started as run", func(s *StepView) { s.Run = runView(&r.Run, t.a.Namespace, dashboard, t.now) })
		t.add("ended", r.End.EndedAt, trigger+" "+line(r.End.Words()), detail(r.End.Why()), bad)
		t.add("changed", r.At, "Started again on the same decision", by("by "+r.By), detail(r.Reason))
	}
}

// release adds the effect of the outcome: a run, the write to a target, or a task's answer, and the
// end of the run.
func (t *timeline) release(trigger string, r ReleaseView) {
	a := t.a
	if r.Run != nil {
		t.add("started", a.SecondRun.At, trigger+" started as run", func(s *StepView) {
			if s.Run = r.Run; a.EventID != "" {
				s.By = "by event " + line(a.EventID)
			}
		})
	} else if r.Effect != "" {
		t.add("started", a.Effect.At, r.Effect)
	}
	if x := a.Source.Task; x != nil {
		t.add("started", a.AnsweredAt, "The run "+line(x.Run.Name)+" received the answer")
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
		to := list(slices.DeleteFunc(people[g], func(s string) bool { return s == "" }))
		channel := line(g.channel)
		if to == "" {
			to, channel = "channel "+channel, ""
		}
		what, when := "Notified "+to, at[g]
		if g.failed != "" {
			what, when = "Could not notify "+to, timeOf(t.a, g.event)
		}
		t.add("told", when, what, func(s *StepView) {
			s.By = ofWhat(g.event)
			if channel != "" {
				s.By += " by " + channel
			}
			if s.Bad = g.failed != ""; s.Bad && operator {
				s.Detail = sentence(g.failed)
			}
		})
	}
}

// ofWhat returns the occasion of a delivery, by its event in the ledger, in words that follow
// "Notified somebody".
func ofWhat(event string) string {
	switch {
	case event == "opened":
		return "of the request"
	case event == approvals.EventDecided:
		return "of the decision"
	case strings.HasPrefix(event, approvals.EventRunEnded):
		return "of how the run ended"
	case strings.HasPrefix(event, approvals.EventCommented):
		return "of the discussion"
	case event == "escalated":
		return "because nobody had decided"
	case strings.HasPrefix(event, "reminder"):
		return "again, as a reminder"
	}
	return "of " + line(event)
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
