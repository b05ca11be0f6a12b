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
	Kind   string   // "opened", "told", "voted", "decided", "started", "ended" or "changed"
	Text   string   // "carol@example.com approved"
	Run    *RunView // which the text is about
	By     string   // how, in a few quiet words
	Detail string   // other people's words, or what went wrong
	Bad    bool     // it did not go as it should
	When   Moment
}

// maxSteps bounds the timeline: of many it shows the first and the last.
const maxSteps = 200

// newTimeline is what happened, in its order.
func newTimeline(d Data, v *View) []StepView {
	var steps []StepView
	a := d.Approval
	add := func(kind string, at time.Time, what string, fill ...func(*StepView)) {
		if at.IsZero() {
			return
		}
		s := StepView{Kind: kind, Text: what, When: newMoment(at, d.Now)}
		for _, f := range fill {
			f(&s)
		}
		steps = append(steps, s)
	}
	detail := func(s string) func(*StepView) { return func(x *StepView) { x.Detail = text(s) } }
	by := func(s string) func(*StepView) { return func(x *StepView) { x.By = line(s) } }
	bad := func(x *StepView) { x.Bad = true }

	add("opened", a.OpenedAt, "Approval requested", func(s *StepView) {
		if v.Request.Requester != "" {
			s.By = "by " + v.Request.Requester
		}
	})
	if t := a.Resolved; t != nil && t.ResolvedAt.After(a.OpenedAt) {
		add("changed", t.ResolvedAt, "Setup complete", by("people could decide from here on"))
	}
	for _, x := range a.Votes {
		add("voted", x.At, line(x.Voter)+" "+said(x.Verdict), func(s *StepView) {
			switch {
			case x.BreakGlass:
				s.By = "in an emergency, alone (break-glass)"
			case x.OnBehalfOf != "":
				s.By = "for " + line(x.OnBehalfOf)
			}
		})
	}
	for _, w := range a.Withdrawn {
		add("voted", w.At, line(w.Voter)+" withdrew a vote")
	}
	for _, r := range a.Revoked {
		add("changed", r.At, "The mailed link of "+line(r.Voter)+" was revoked", by("by "+r.By))
	}
	if a.Decided() {
		add("decided", a.DecidedAt, string(a.Outcome), func(s *StepView) {
			c := a.Cancellation
			switch {
			case a.Outcome == approvals.Cancelled && c != nil:
				if s.Detail = text(c.Reason); c.By != "" {
					s.By = "by " + line(c.By)
				}
			case a.Outcome == approvals.Superseded:
				s.By = "replaced by " + cmp.Or(line(a.SupersededBy), "a newer request")
			case len(v.Outcome.Deciders) > 0:
				s.By = "by " + list(v.Outcome.Deciders)
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
		add("changed", c.At, "The start was cancelled", by(who), detail(c.Reason), bad)
	}
	told(d, add) // of two at one instant what was told follows what happened
	add("changed", a.RetryRequestedAt, "A retry was requested")
	for _, r := range a.Reruns {
		add("started", r.Run.At, v.Trigger+" started as run", func(s *StepView) { s.Run = runView(&r.Run, a.Namespace, d.Dashboard, d.Now) })
		add("ended", r.End.EndedAt, v.Trigger+" "+line(r.End.Words()), detail(r.End.Why()), bad)
		add("changed", r.At, "Started again on the same decision", by("by "+r.By), detail(r.Reason))
	}
	if v.Release.Run != nil {
		add("started", a.SecondRun.At, v.Trigger+" started as run", func(s *StepView) {
			if s.Run = v.Release.Run; a.EventID != "" {
				s.By = "by event " + line(a.EventID)
			}
		})
	} else if v.Release.Effect != "" {
		add("started", a.Effect.At, v.Release.Effect)
	}
	if !a.AnsweredAt.IsZero() && v.Request.Task != nil {
		add("started", a.AnsweredAt, "The run "+v.Request.Task.Run+" received the answer")
	}
	if e := a.RunEnd; e != nil && v.Release.Ended != nil {
		add("ended", e.EndedAt, v.Trigger+" "+v.Release.Ended.Words, detail(e.Why()), func(s *StepView) { s.Bad = a.RunWentWrong() })
	}
	slices.SortStableFunc(steps, func(x, y StepView) int { return x.When.At.Compare(y.When.At) })
	if n := len(steps); n > maxSteps {
		steps = slices.Delete(steps, maxSteps/2, n-maxSteps/2)
	}
	return steps
}

// told fills in who was notified of what, by which channel: all whom one channel told of one
// thing are one step. Why somebody could not be told is for those who can do something about it.
func told(d Data, add func(kind string, at time.Time, what string, fill ...func(*StepView))) {
	type group struct {
		event, channel, failed string
	}
	var order []group
	people, at := map[group][]string{}, map[group]time.Time{}
	for _, x := range d.Approval.Deliveries {
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
			what, when = "Could not notify "+to, timeOf(d.Approval, g.event)
		}
		add("told", when, what, func(s *StepView) {
			s.By = ofWhat(g.event)
			if channel != "" {
				s.By += " by " + channel
			}
			if s.Bad = g.failed != ""; s.Bad && d.Operator {
				s.Detail = sentence(g.failed)
			}
		})
	}
}

// ofWhat is what an event of the ledger told, in a few words.
func ofWhat(event string) string {
	switch {
	case event == "opened":
		return "of the request"
	case event == approvals.EventDecided:
		return "of the decision"
	case strings.HasPrefix(event, approvals.EventRunEnded):
		return "of how the run ended"
	case event == "escalated":
		return "because nobody had decided"
	case strings.HasPrefix(event, "reminder"):
		return "again, as a reminder"
	}
	return "of " + line(event)
}

// timeOf is when an event of the ledger was due: what could not be sent has no other time.
func timeOf(a approvals.Approval, event string) time.Time {
	switch {
	case event == approvals.EventDecided:
		return a.DecidedAt
	case strings.HasPrefix(event, approvals.EventRunEnded) && a.RunEnd != nil:
		return a.RunEnd.EndedAt
	}
	return a.Since()
}
