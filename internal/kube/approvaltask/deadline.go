package approvaltask

import (
	"slices"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/approvals"
)

// endsBy returns the time at which Tekton ends the waiting task of m, by the time limits of
// its run; a later deadline would promise people more time than they have. Zero: no limit is
// known.
//
// Tekton's webhook writes the cluster's default into each run, and a limit of 0 is none.
func endsBy(m Member) time.Time {
	run := m.Run
	if run.Spec.Timeouts == nil {
		return time.Time{}
	}
	start := run.CreationTimestamp.Time
	if t := run.Status.StartTime; t != nil {
		start = t.Time
	}
	var ends time.Time
	limit := func(from time.Time, d time.Duration) {
		if at := from.Add(d); d > 0 && (ends.IsZero() || at.Before(ends)) {
			ends = at
		}
	}
	if t := run.Spec.Timeouts.Pipeline; t != nil {
		limit(start, t.Duration)
	}
	isFinally := slices.ContainsFunc(run.Status.PipelineSpec.Finally, func(t pipelinev1.PipelineTask) bool { return t.Name == m.Task.Name })
	if t := run.TasksTimeout(); t != nil && !isFinally {
		limit(start, t.Duration)
	}
	if t := run.FinallyTimeout(); t != nil && isFinally && run.Status.FinallyStartTime != nil {
		limit(run.Status.FinallyStartTime.Time, t.Duration)
	}
	return ends
}

// limitBy sets when m's run ends what is resolved, where that comes first.
func limitBy(resolved *approvals.ResolvedSpec, m Member, now time.Time) {
	if ends := endsBy(m); !ends.IsZero() && ends.Before(now.Add(resolved.Policy.Lifetime)) {
		resolved.RunDeadline = ends
	}
}
