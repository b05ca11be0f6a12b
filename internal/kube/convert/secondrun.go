package convert

import (
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

func secondRunToDomain(n *v1alpha1.SecondRun) approvals.Run {
	return approvals.Run{Name: n.Name, UID: n.UID, Pipeline: n.Pipeline, At: n.ObservedAt.Time}
}

// secondRunToAPI is the reverse, with the event that started it and how it ended.
func secondRunToAPI(r approvals.Run, eventID string, e *approvals.RunEnd) v1alpha1.SecondRun {
	n := v1alpha1.SecondRun{Name: r.Name, UID: r.UID, Pipeline: r.Pipeline, EventID: eventID, ObservedAt: *micro(r.At)}
	if e == nil {
		return n
	}
	n.Outcome, n.FailedTask, n.Message = string(e.Outcome), approvals.Cut(e.Task, approvals.MaxRunTask), approvals.Cut(e.Message, approvals.MaxRunMessage)
	if !e.StartedAt.IsZero() {
		n.StartedAt = micro(e.StartedAt)
	}
	if !e.EndedAt.IsZero() {
		n.EndedAt = micro(e.EndedAt)
	}
	return n
}

// runEndToDomain converts the end of the run, nil while it goes on.
func runEndToDomain(n *v1alpha1.SecondRun) *approvals.RunEnd {
	if n.Outcome == "" {
		return nil
	}
	e := &approvals.RunEnd{Outcome: approvals.RunOutcome(n.Outcome), Task: n.FailedTask, Message: n.Message}
	if n.StartedAt != nil {
		e.StartedAt = n.StartedAt.Time
	}
	if n.EndedAt != nil {
		e.EndedAt = n.EndedAt.Time
	}
	return e
}

func rerunsToDomain(list []v1alpha1.Rerun) []approvals.Rerun {
	var out []approvals.Rerun
	for i := range list {
		r := &list[i]
		d := approvals.Rerun{By: r.By, Reason: r.Reason, CredentialID: r.CredentialID, At: r.At.Time, Run: secondRunToDomain(&r.Run)}
		if e := runEndToDomain(&r.Run); e != nil {
			d.End = *e
		}
		out = append(out, d)
	}
	return out
}

func rerunsToAPI(list []approvals.Rerun) []v1alpha1.Rerun {
	var out []v1alpha1.Rerun
	for _, r := range list {
		out = append(out, v1alpha1.Rerun{
			By: r.By, Reason: r.Reason, CredentialID: r.CredentialID, At: *micro(r.At), Run: secondRunToAPI(r.Run, "", &r.End),
		})
	}
	return out
}

func rerunToDomain(r *v1alpha1.RerunRule) approvals.RerunRule {
	if r == nil {
		return approvals.RerunRule{}
	}
	d := approvals.RerunRule{Limit: int(r.Limit)}
	for _, who := range r.Allow {
		d.Allow = append(d.Allow, approvals.RerunBy(who))
	}
	return d
}

func rerunToAPI(d approvals.RerunRule) *v1alpha1.RerunRule {
	if d.Limit == 0 && len(d.Allow) == 0 {
		return nil
	}
	r := &v1alpha1.RerunRule{Limit: int32(d.Limit)} //nolint:gosec // Validate bounds it
	for _, who := range d.Allow {
		r.Allow = append(r.Allow, string(who))
	}
	return r
}
