package approvals

import (
	"fmt"
	"strconv"
	"time"
)

// Task is an approval task in the middle of a pipeline: a CustomRun that waits for
// the decision. An Approval of one starts no run; it is answered, in the CustomRun's
// status, and the run that is there already goes on.
type Task struct {
	Name    string // of the CustomRun
	UID     string // of the CustomRun
	Attempt int    // 0, and one more for each retry
	Run     Run    // the PipelineRun that it is a part of
	Task    string // its name in the pipeline
	Mapping string // the kind of approval task, which says what an outcome means to it
}

// TaskName derives the name of the Approval for one attempt of a CustomRun, as Name
// does for a Trigger.
func TaskName(customRun, uid string, attempt int) string {
	return Name(customRun, "task:"+uid+":"+strconv.Itoa(attempt))
}

// ToAnswer reports whether a's outcome has a task waiting for it that has not been seen to end
// with it.
func (a Approval) ToAnswer() bool {
	return a.Decided() && a.Source.Task != nil && a.Resolved != nil && a.AnsweredAt.IsZero() && (a.Cancellation == nil || a.Outcome == Cancelled)
}

// Answer notes that a's task was seen to have ended with its outcome.
func Answer(a Approval, now time.Time) (Approval, Change) {
	if !a.ToAnswer() {
		return a, NoChange
	}
	a.AnsweredAt, a.Unreleased = now, nil
	return a, Released
}

// Abandon ends what waits for a task that no longer wants an answer, and the
// attempts to answer one.
func Abandon(a Approval, why string, now time.Time) (Approval, Change) {
	switch {
	case a.Source.Task == nil || a.Decided() && (!a.ToAnswer() || a.Cancellation != nil):
		return a, NoChange
	case a.Decided():
		return stop(a, Cancellation{Reason: why, At: now}), Stopped
	}
	a.Cancellation = &Cancellation{Reason: why, At: now}
	return end(a, Cancelled, now), Ended
}

// Title names in a word or two what is asked: the Trigger, or the pipeline's task.
func (a Approval) Title() string {
	if t := a.Source.Task; t != nil {
		return t.Run.Title() + "/" + t.Task
	}
	return a.Trigger
}

// Subject says in a few words what waits, for titles.
func (a Approval) Subject() string {
	if a.Resolved != nil && a.Resolved.About.Title != "" {
		return a.Resolved.About.Title
	}
	if t := a.Source.Task; t != nil {
		return fmt.Sprintf("%s in run %s", a.Title(), t.Run.Name)
	}
	if r := a.Source.Run; r != nil {
		return fmt.Sprintf("%s after %s", a.Trigger, r.What())
	}
	return a.Trigger
}
