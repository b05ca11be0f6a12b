package approvals

import (
	"fmt"
	"strings"
	"time"
)

// RunOutcome is how a run ended. Audit log entries and mails have it, so its values are fixed.
type RunOutcome string

// How a run can end. Running is the absence of an end.
const (
	RunSucceeded RunOutcome = "Succeeded"
	RunFailed    RunOutcome = "Failed"
	RunCancelled RunOutcome = "Cancelled"
	// RunGone is of a run that somebody deleted before its end was seen: how it went on is
	// not known.
	RunGone RunOutcome = "Gone"
)

// RunEnd is the end of the run that an outcome started.
type RunEnd struct {
	Outcome   RunOutcome
	StartedAt time.Time // zero: it never began, or that is not known
	EndedAt   time.Time
	Task      string // of the pipeline, which failed; "" when none did, or none is known
	Message   string // of that task, or of the run
}

// ObservedRun is the run of some name as the API server has it now.
type ObservedRun struct {
	UID string
	// End is nil while it goes on.
	End *RunEnd
}

// Limits on what is kept of a run's end; the CRD schema has the same.
const (
	MaxRunTask    = 253
	MaxRunMessage = 1024
)

// EndRun notes how the run that a's outcome started ended. Another run of its name says
// nothing of it but that it is gone. An end is noted once and does not change: a run that has
// ended does not begin again. The same again changes nothing.
func EndRun(a Approval, seen ObservedRun, now time.Time) (Approval, Change) {
	if a.SecondRun == nil || a.RunEnd != nil {
		return a, NoChange
	}
	if seen.UID != a.SecondRun.UID {
		a.RunEnd = &RunEnd{Outcome: RunGone, EndedAt: now}
		return a, RunOver
	}
	if seen.End == nil {
		return a, NoChange
	}
	end := *seen.End
	if end.EndedAt.IsZero() {
		end.EndedAt = now
	}
	if end.StartedAt.After(end.EndedAt) {
		end.StartedAt = time.Time{}
	}
	// Both are what a pipeline's author and its containers wrote.
	end.Task = Cut(strings.Join(strings.Fields(Printable(end.Task)), " "), MaxRunTask)
	end.Message = Cut(strings.TrimSpace(Printable(end.Message)), MaxRunMessage)
	a.RunEnd = &end
	return a, RunOver
}

// Took returns the duration of the run, zero when it is not known.
func (e RunEnd) Took() time.Duration {
	if e.StartedAt.IsZero() || e.Outcome == RunGone {
		return 0
	}
	return e.EndedAt.Sub(e.StartedAt)
}

// Words say how it ended: "succeeded in 42 s", "failed after 3 min 5 s". What failed in it is not
// in them.
func (e RunEnd) Words() string {
	took := ""
	if s := lasted(e.Took()); s != "" {
		took = " after " + s
		if e.Outcome == RunSucceeded {
			took = " in " + s
		}
	}
	switch e.Outcome {
	case RunSucceeded:
		return "succeeded" + took
	case RunFailed:
		return "failed" + took
	case RunCancelled:
		return "was cancelled" + took
	default:
		return "was deleted before its end was seen"
	}
}

// lasted is d in the two largest units that matter, "" for less than a second.
func lasted(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	case s > 0:
		return fmt.Sprintf("%d s", s)
	}
	return ""
}

// Why says what went wrong in it, "" when nothing is known of that.
func (e RunEnd) Why() string {
	switch {
	case e.Task != "" && e.Message != "":
		return fmt.Sprintf("task %s: %s", e.Task, e.Message)
	case e.Task != "":
		return "task " + e.Task
	}
	return e.Message
}

// RunWentWrong reports whether the run that a's outcome started ended in any other way than
// well.
func (a Approval) RunWentWrong() bool { return a.RunEnd != nil && a.RunEnd.Outcome != RunSucceeded }

// Runs reports whether the run that a's outcome started goes on, as far as is known.
func (a Approval) Runs() bool { return a.SecondRun != nil && a.RunEnd == nil }

// EventRunEnded is the Delivery's event that tells how the run ended which the outcome started.
const EventRunEnded = "run-ended"

// TellsRunEnd reports whether people are to be told how a's run ended, at now.
func (a Approval) TellsRunEnd(now time.Time) bool {
	if a.RunEnd == nil || a.Resolved == nil || now.Sub(a.RunEnd.EndedAt) > TellWithin {
		return false
	}
	switch a.Resolved.Policy.Notify.SecondRun {
	case TellAlways:
		return true
	case TellNever:
		return false
	default: // that it went well is news after it had failed
		return a.RunWentWrong() || a.Attempt() > 0
	}
}

// Deciders are the people whose votes made a's outcome.
func (a Approval) Deciders() []string {
	verdict := map[Outcome]Verdict{Approved: Approve, Rejected: Reject}[a.Outcome]
	var out []string
	for _, v := range a.Votes {
		if v.Verdict == verdict && (v.BreakGlass || !a.GlassBroken()) {
			out = append(out, v.Voter)
		}
	}
	return out
}
