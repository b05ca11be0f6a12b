package notify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Failure is why a message was not taken, and whether trying again can help. An
// error that is no Failure is tried again.
type Failure struct {
	Err   error
	Final bool          // the same message will never be taken
	After time.Duration // the other side asks not to be tried before; 0: it does not say
	// Unclear marks a message that the other side may have accepted: all of it was sent, and no
	// answer came.
	Unclear bool
}

// Failed is d with what err means for it, at now. What may have been taken is sent once more,
// as after a kill, and not again: when that has no answer either, or the ledger has an earlier
// one without, d counts as made. It never counts as not delivered.
func Failed(a approvals.Approval, d approvals.Delivery, err error, now time.Time) approvals.Delivery {
	f, ok := errors.AsType[*Failure](err)
	if !ok || !f.Unclear {
		d.Error = err.Error()
		return d
	}
	for _, x := range a.Deliveries {
		if x.Event == d.Event && x.Channel == d.Channel && x.Recipient == d.Recipient && x.SentAt.IsZero() && strings.HasPrefix(x.Error, approvals.DeliveryUnclear) {
			d.SentAt = now
			return d
		}
	}
	d.Error = approvals.DeliveryUnclear + err.Error()
	return d
}

func (f *Failure) Error() string { return f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Finalf is a Failure that no further attempt can fix.
func Finalf(format string, args ...any) error {
	return &Failure{Err: fmt.Errorf(format, args...), Final: true}
}

// Tried is the state after attempt number count failed with err at now.
func Tried(count int, err error, now time.Time) Try {
	t := Try{Count: count, Last: now}
	if f, ok := errors.AsType[*Failure](err); ok {
		t.Final, t.After = f.Final, min(f.After, maxAfter)
	}
	return t
}

// Try counts the failed attempts at a delivery, and has whether and when to try again.
type Try struct {
	Count int
	Last  time.Time
	Final bool          // there is no next
	After time.Duration // at least this long after Last
	Paid  bool          // its part of the Budget is spent, however often it is tried
}

// Backoff of a failing delivery.
const (
	firstWait = 5 * time.Second
	maxWait   = 10 * time.Minute
	maxAfter  = time.Hour // nobody can put us off for longer
)

// Next returns the time of the next attempt: later after each failure, and never before the other
// side asked for it.
func (t Try) Next() time.Time {
	return t.Last.Add(max(approvals.Doubled(firstWait, maxWait, t.Count), t.After))
}
