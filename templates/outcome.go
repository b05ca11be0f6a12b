package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// ConsequencesView has the effect of each outcome, for the text beside the buttons.
type ConsequencesView struct {
	OnApprove, OnReject, OnExpiry bool // that outcome starts a run
	// Grants and Refuses are the effects of an approval and of any other outcome on a target, "starts
	// PipelineRun x"; "" without a target.
	Grants, Refuses string
	// ExpiresAs is the outcome at the deadline: "expired", "approved" or "rejected".
	ExpiresAs string
}

func newConsequences(a approvals.Approval, r reader) ConsequencesView {
	t := a.Resolved
	if t == nil {
		return ConsequencesView{}
	}
	var v ConsequencesView
	p := t.Policy
	if a.Source.Task == nil {
		v.OnApprove, v.OnReject, v.OnExpiry = p.Releases(approvals.Approved), p.Releases(approvals.Rejected), p.Releases(approvals.Expired)
	}
	switch p.OnExpiry {
	case approvals.ExpireOnExpiry, "":
		v.ExpiresAs = "expired"
	case approvals.ApproveOnExpiry:
		v.ExpiresAs, v.OnExpiry = "approved", v.OnApprove
	case approvals.RejectOnExpiry:
		v.ExpiresAs, v.OnExpiry = "rejected", v.OnReject
	}
	if x := t.Target; x != nil {
		v.Grants, v.Refuses = line(r.does(*x, true)), line(r.does(*x, false))
	}
	return v
}

// PreflightView has the findings about the run that would start. It is empty before the check and
// after the decision.
type PreflightView struct {
	// CantStart are obstacles that keep the run from starting now, Unchecked are reasons why that is
	// not known, and Warnings stop nothing. At most one of the first two has any.
	CantStart, Unchecked, Warnings []approvals.Problem
}

func newPreflight(a approvals.Approval, r reader) PreflightView {
	var v PreflightView
	if a.Preflight == nil || a.Decided() {
		return v
	}
	list := &v.CantStart
	if a.Preflight.State == approvals.PreflightUnknown {
		list = &v.Unchecked
	}
	for _, p := range a.Preflight.Problems {
		*list = append(*list, *r.problem(&p))
	}
	for _, p := range a.Preflight.Warnings {
		v.Warnings = append(v.Warnings, *r.problem(&p))
	}
	return v
}

// OutcomeView has the time and the way of the decision, and the people who made it.
type OutcomeView struct {
	Decided    Moment
	Deciders   []string
	BreakGlass bool // somebody decided alone, by the right to
	// Cancellation is there when it was cancelled, before or after the decision.
	Cancellation *CancelView
	SupersededBy string // the Approval that took this one's place
	Changed      bool   // it ended since what would start has changed
}

// CancelView is a cancellation as it is shown.
type CancelView struct {
	By, Why string
	When    Moment
}

func newOutcome(a approvals.Approval, r reader) OutcomeView {
	v := OutcomeView{Deciders: deciders(a), BreakGlass: a.Resolved != nil && a.GlassBroken(), SupersededBy: line(a.SupersededBy), Changed: a.Changed()}
	if c := a.Cancellation; c != nil {
		v.Cancellation = &CancelView{By: line(c.By), Why: text(c.Reason), When: r.moment(c.At)}
	}
	if a.Decided() {
		v.Decided = r.moment(a.DecidedAt)
	}
	return v
}

// deciders returns the people whose votes agree with the outcome; after a break-glass approval, only
// those who used it. It is nil for an outcome that is no verdict.
func deciders(a approvals.Approval) []string {
	var out []string
	for _, x := range a.Votes {
		if a.GlassBroken() && !x.BreakGlass {
			continue
		}
		if a.Outcome == approvals.Approved && x.Verdict == approvals.Approve || a.Outcome == approvals.Rejected && x.Verdict == approvals.Reject {
			out = append(out, line(x.Voter))
		}
	}
	return out
}

// ReleaseView has the effect of the outcome: the run that it started, or the write to a target.
type ReleaseView struct {
	Starting bool // a run is to come
	Run      *RunView
	Ended    *EndView // how Run ended, nil while it goes on
	Does     string   // what a target is told by the outcome
	Effect   string   // what was read back of that
	Problem  *approvals.Problem
}

func newRelease(a approvals.Approval, dashboard Dashboard, r reader) ReleaseView {
	v := ReleaseView{
		Starting: a.Decided() && a.ToRelease(), Run: runView(a.SecondRun, a.Namespace, dashboard, r), Ended: endView(a.RunEnd, r), Problem: r.problem(a.Unreleased),
	}
	if a.Resolved != nil && a.Resolved.Target != nil {
		v.Does = line(r.does(*a.Resolved.Target, a.Outcome == approvals.Approved))
	}
	if a.Effect != nil {
		v.Effect = line(a.Effect.What)
	}
	return v
}
