package check

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// patience is the time after its deadline for which something may still be pending: the leader
// may have to be found first.
const patience = 30 * time.Second

func deadlineOf(a v1alpha1.Approval, g history.Gate) time.Time {
	if t := a.Spec.Resolved; t != nil && t.ResolvedAt != nil && t.ResolvedAt.After(a.CreationTimestamp.Time) {
		return t.ResolvedAt.Add(g.Life)
	}
	return a.CreationTimestamp.Add(g.Life)
}

func requesterOf(a v1alpha1.Approval) string {
	if t := a.Spec.Resolved; t != nil {
		return t.Requester
	}
	return ""
}

// steps: each version is right by itself, and follows from the one before by one legal step.
func (f *Findings) steps(a v1alpha1.Approval, g history.Gate) {
	all := append(slices.Clone(f.Versions[a.Name]), history.ApprovalSeen{Seen: f.Ended, Type: "FINAL", Approval: a})
	deadline := deadlineOf(a, g)
	for i, v := range all {
		f.votesOf(v.Approval, g, deadline)
		f.outcomeOf(v.Approval, g, deadline)
		if i > 0 {
			f.step(all[i-1].Approval, v.Approval)
		}
	}
	f.times(a, all)
	if a.Status.DecidedAt == nil && f.Ended.After(deadline.Add(patience)) {
		f.bad("nothing is pending after its deadline", a.Name, "deadline %s, looked at %s", stamp(deadline), stamp(f.Ended))
	}
	if a.Spec.Resolved == nil {
		f.bad("it is resolved", a.Name, "%s", conditions(a))
	}
}

// times are true: what is written as of some time was so by the API server's clock, which is the
// harness's too. It is written within what a call and its tries take.
func (f *Findings) times(a v1alpha1.Approval, all []history.ApprovalSeen) {
	const ahead, behind = 2 * time.Second, time.Minute
	check := func(what string, at, seen time.Time) {
		if at.After(seen.Add(ahead)) || at.Before(seen.Add(-behind)) {
			f.bad("times are true", a.Name, "%s at %s was first seen at %s", what, stamp(at), stamp(seen))
		}
	}
	decided, voted := false, map[string]bool{}
	for _, v := range all[:len(all)-1] {
		if d := v.Status.DecidedAt; d != nil && !decided {
			decided = true
			check(string(v.Status.Outcome), d.Time, v.Seen)
		}
		for _, x := range v.Status.Votes {
			// A Vote counts as of when it was made, which was before somebody looked.
			if key := x.Voter + x.At.String(); !voted[key] && x.AuthMethod != history.Object {
				voted[key] = true
				check("the vote of "+x.Voter, x.At.Time, v.Seen)
			}
		}
	}
}

func (f *Findings) votesOf(a v1alpha1.Approval, g history.Gate, deadline time.Time) {
	seen, evidence := map[string]bool{}, map[string]bool{}
	requester := requesterOf(a)
	for _, x := range a.Status.Votes {
		if seen[strings.ToLower(x.Voter)] {
			f.bad("no vote counts twice", a.Name, "%s has two votes", x.Voter)
		}
		seen[strings.ToLower(x.Voter)] = true
		if x.AuthMethod == history.Object && evidence[x.CredentialID] {
			f.bad("no vote counts twice", a.Name, "%s twice", x.CredentialID)
		}
		evidence[x.CredentialID] = true
		if !g.May(f.NS, x.Voter, string(x.Verdict), requester) {
			f.bad("nobody votes who may not", a.Name, "%s by %s (requester %q)", x.Voter, x.AuthMethod, requester)
		}
		if d := a.Status.DecidedAt; d != nil && x.At.After(d.Time) {
			f.bad("no vote after the end", a.Name, "%s at %s, decided %s", x.Voter, at(&x.At), at(d))
		}
		if !x.At.Time.Before(deadline) && !f.sentBefore(a, x, deadline) {
			f.bad("no vote after the deadline", a.Name, "%s at %s, deadline %s", x.Voter, at(&x.At), stamp(deadline))
		}
	}
}

// sentBefore reports whether a vote that was counted late came in time, as its sender and, of a Vote,
// the API server have it.
func (f *Findings) sentBefore(a v1alpha1.Approval, x v1alpha1.VoteRecord, deadline time.Time) bool {
	for _, v := range f.FinalVotes {
		if x.CredentialID == "vote:"+string(v.UID) {
			return v.CreationTimestamp.Time.Before(deadline)
		}
	}
	return slices.ContainsFunc(f.Ops[a.Name], func(o *history.Op) bool {
		return o.Voter == x.Voter && o.Way == x.AuthMethod && clean(o.Comment) == x.Comment && o.Start.Before(deadline) && !o.End.Before(x.At.Time)
	})
}

func (f *Findings) outcomeOf(a v1alpha1.Approval, g history.Gate, deadline time.Time) {
	outcome, want := string(a.Status.Outcome), f.tally(g, a.Status.Votes)
	decided := a.Status.DecidedAt
	if (decided == nil) != (outcome == "Pending" || outcome == "") {
		f.bad("an outcome has its time", a.Name, "it is %q, decided %s", outcome, at(decided))
		return
	}
	switch outcome {
	case "Pending", "":
		if want != "Pending" {
			f.bad("a vote and its outcome are one write", a.Name, "version %s is pending with votes that make it %s", a.ResourceVersion, want)
		}
	case "Approved", "Rejected":
		byExpiry := g.OnExpiry != "" && !decided.Time.Before(deadline) && outcome == map[string]string{"Approve": "Approved", "Reject": "Rejected"}[g.OnExpiry]
		if want != outcome && !byExpiry {
			f.bad("the outcome is what the votes say", a.Name, "%s, and its votes make it %s", outcome, want)
		}
	case "Expired":
		if decided.Time.Before(deadline) {
			f.bad("nothing expires early", a.Name, "at %s, deadline %s", at(decided), stamp(deadline))
		}
	case "Cancelled":
		if a.Status.Cancellation == nil {
			f.bad("a cancellation says so", a.Name, "it does not")
		}
	case "Superseded":
		if !f.replaced(f.Final[a.Name]) {
			f.bad("outcomes are known", a.Name, "it is superseded, and no other Approval asks in its place for a reason")
		}
	default:
		f.bad("outcomes are known", a.Name, "%q", outcome)
	}
}

func (f *Findings) step(o, v v1alpha1.Approval) {
	if o.Status.Outcome != "Pending" && o.Status.Outcome != "" {
		if o.Status.Outcome != v.Status.Outcome || !o.Status.DecidedAt.Equal(v.Status.DecidedAt) {
			f.bad("one outcome", v.Name, "it was %s at %s and is %s at %s", o.Status.Outcome, at(o.Status.DecidedAt), v.Status.Outcome, at(v.Status.DecidedAt))
		}
		if x, y := text(o.Status.Votes), text(v.Status.Votes); x != y {
			f.bad("votes stand after the end", v.Name, "%s became %s", x, y)
		}
		if x, y := text(o.Status.Results), text(v.Status.Results); x != y {
			f.bad("results stand after the end", v.Name, "%s became %s", x, y)
		}
	}
	if x, y := o.Status.SecondRun, v.Status.SecondRun; x != nil && text(x) != text(y) && text(x) != text(withoutEnd(y)) {
		f.bad("what was released stays so", v.Name, "%s became %s", text(x), text(y))
	}
	if x, y := o.Spec, v.Spec; text(x.Source) != text(y.Source) || x.Resolved != nil && text(x.Resolved) != text(y.Resolved) {
		f.bad("the spec stands", v.Name, "it changed")
	}
	for _, n := range o.Status.Notifications {
		if n.SentAt != nil && !slices.ContainsFunc(v.Status.Notifications, func(m v1alpha1.Notification) bool {
			return m.Event == n.Event && m.Channel == n.Channel && m.Recipient == n.Recipient && m.SentAt != nil
		}) {
			f.bad("the ledger forgets nothing", v.Name, "%s to %s is gone", n.Event, n.Recipient)
		}
	}
}

// withoutEnd is a run as it was before its end was recorded, which is written once.
func withoutEnd(r *v1alpha1.SecondRun) *v1alpha1.SecondRun {
	if r == nil {
		return nil
	}
	c := *r
	c.Outcome, c.StartedAt, c.EndedAt, c.FailedTask, c.Message = "", nil, nil, "", ""
	return &c
}
