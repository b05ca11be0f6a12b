package approvals

import (
	"fmt"
	"strings"
	"time"
)

// Cancel ends what nobody wants any more. A pending Approval ends as Cancelled. One
// whose outcome is there keeps it, and starts no run from now on. The same again
// changes nothing.
//
// Errors: CodeConflict (the run was seen, or there is none to stop), CodeInvalid (the
// reason).
func Cancel(a Approval, c Cancellation, now time.Time) (Approval, Change, error) {
	why, err := CleanComment(c.Reason)
	switch {
	case err != nil:
		return a, NoChange, err
	case why == "":
		return a, NoChange, Errorf(CodeInvalid, "give a reason for cancelling; nothing was changed")
	case a.Cancellation != nil:
		return a, NoChange, nil
	case a.Decided() && !a.stoppable():
		return a, NoChange, Errorf(CodeConflict, "nothing to cancel: it was %s at %s, and its run exists or none is due; nothing was changed",
			strings.ToLower(string(a.Outcome)), a.DecidedAt.UTC().Format(time.RFC3339))
	}
	c.Reason, c.At = why, now
	if a.Decided() {
		return stop(a, c), Stopped, nil
	}
	a.Cancellation = &c
	return end(a, Cancelled, now), Ended, nil
}

// ReleaseWithin bounds the time from the decision to the start of the run. After that nothing
// is started: those who approved meant today, not some day.
const ReleaseWithin = 24 * time.Hour

// GiveUp stops the attempts to start a run when their time is over.
func GiveUp(a Approval, now time.Time) (Approval, Change) {
	if !a.ToRelease() || now.Before(a.ReleaseFrom().Add(ReleaseWithin)) {
		return a, NoChange
	}
	why := "its run could not be started within 24 hours after the decision"
	if len(a.Reruns) > 0 {
		why = "its run could not be started again within 24 hours after that was asked for"
	}
	if t := a.Resolved.Target; t != nil {
		why = "its outcome could not be written to " + t.String() + " within 24 hours after the decision"
	}
	return stop(a, Cancellation{Reason: why, At: now}), Stopped
}

// stop ends the attempts to act on a's outcome. Who cancelled a pending one stays known.
func stop(a Approval, c Cancellation) Approval {
	if a.Cancellation == nil {
		a.Cancellation = &c
	}
	what := "no run will be started"
	switch {
	case a.Source.Task != nil:
		what = "the task gets no answer"
	case a.Resolved != nil && a.Resolved.Target != nil:
		what = "nothing will be written"
	}
	why := c.Reason
	if c.By != "" {
		why = c.By + " cancelled this: " + why
	}
	a.Unreleased = &Problem{Reason: reasonStopped, Message: what + ", because " + why}
	return a
}

// stoppable reports whether the outcome of a decided a can still be cancelled. A target that
// gets a refusal starts nothing, so there is nothing to cancel.
func (a Approval) stoppable() bool {
	return a.ToRelease() && (a.Resolved.Target == nil || a.Outcome == Approved)
}

const reasonStopped = "Cancelled"

func (a Approval) stopped() bool { return a.Unreleased != nil && a.Unreleased.Reason == reasonStopped }

func (c *Cancellation) why() string {
	if c == nil {
		return "no reason was given"
	}
	return c.Reason
}

// said tells of it in a sentence of its own. c may be nil.
func (c *Cancellation) said() string {
	if c == nil || c.By == "" {
		return fmt.Sprintf("it was cancelled: %s", c.why())
	}
	return fmt.Sprintf("it was cancelled by %s: %s", c.By, c.why())
}

func by(c *Cancellation) string {
	if c == nil || c.By == "" {
		return ""
	}
	return " by " + c.By
}
