package approvals

import (
	"slices"
	"strings"
	"time"
)

// RetryEvery is the least time between two wishes to try again: a button that is
// pressed twice asks once.
const RetryEvery = 5 * time.Second

// Retry asks for the next attempt now: to start the run that is not there, and to
// tell anyone who could not be told. Anyone who makes the attempts compares RetryAt with
// the one that they last acted on, so it is asked of the leader, whichever that is,
// and acted on once. One that was asked a moment ago changes nothing.
//
// Errors: CodeConflict (there is nothing to try again).
func Retry(a Approval, now time.Time) (Approval, Change, error) {
	switch {
	case !a.ToRetry(now):
		return a, NoChange, Errorf(CodeConflict, "nothing to retry: the run exists or none is due, and all notifications were delivered; nothing was changed")
	case now.Sub(a.RetryRequestedAt).Abs() < RetryEvery:
		return a, NoChange, nil
	}
	a.RetryRequestedAt = now
	return a, Again, nil
}

// TellWithin is how long after a decision it is worth telling of it.
const TellWithin = 24 * time.Hour

// ToRetry reports whether another attempt can change anything: a's run is not there, or
// somebody could not be told of what still is so, and still is news.
func (a Approval) ToRetry(now time.Time) bool {
	return a.ToRelease() || slices.ContainsFunc(a.Deliveries, func(d Delivery) bool {
		if !d.Failed() {
			return false
		}
		switch {
		case strings.HasPrefix(d.Event, EventRunEnded):
			return a.TellsRunEnd(now)
		case d.Event == EventDecided:
			return a.Decided() && now.Sub(a.DecidedAt) <= TellWithin
		default:
			return !a.Decided()
		}
	})
}

// ToCancel reports whether there is something to cancel: a waits, or its run does.
func (a Approval) ToCancel() bool { return !a.Decided() || a.stoppable() }

// EventDecided is the Delivery's event that tells of the end.
const EventDecided = "decided"
