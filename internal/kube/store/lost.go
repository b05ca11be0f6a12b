package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

const (
	// readBackFor bounds how long it is tried to find out what became of a write whose
	// answer was lost. Anyone who waits for the answer is told afterwards that it is not known.
	readBackFor   = 5 * time.Second
	readBackEvery = 200 * time.Millisecond
	// MaxLost bounds how many such writes of one change are followed.
	MaxLost = 4
)

// lost are the writes of one change whose answers were lost: the API server may have made
// any of them, and may still. What proves that it did is the status that it has. Each is for
// one resource version, so that trying again after it came is a conflict, and no second write.
type lost struct {
	writes []lostWrite
	until  time.Time
	cause  error
}

type lostWrite struct {
	next   approvals.Approval
	status []byte
}

func (l *lost) note(next approvals.Approval, status v1alpha1.ApprovalStatus, cause error) {
	l.cause = cause
	if l.until.IsZero() {
		l.until = time.Now().Add(readBackFor) //nolint:forbidigo // a duration, not a decision
	}
	if raw, err := json.Marshal(status); err == nil {
		l.writes = append(l.writes, lostWrite{next, raw})
	}
}

// retry waits before the write is made again, and says whether it is. The first time it is
// looked at once what became of it.
func (l *lost) retry(ctx context.Context) bool {
	if len(l.writes) == 1 {
		return true
	}
	return len(l.writes) < MaxLost && l.wait(ctx)
}

// again waits and says whether it is to be read once more, after a read that failed with err.
func (l *lost) again(ctx context.Context, err error) bool {
	return len(l.writes) > 0 && approvals.CodeOf(err) == approvals.CodeUnavailable && l.wait(ctx)
}

func (l *lost) wait(ctx context.Context) bool {
	if !time.Now().Before(l.until) { //nolint:forbidigo // see above
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(readBackEvery):
		return true
	}
}

// in says which of the writes the API server's status is, as it is written down: what is in
// memory has finer times.
func (l *lost) in(status v1alpha1.ApprovalStatus) (approvals.Approval, bool) {
	if len(l.writes) == 0 {
		return approvals.Approval{}, false
	}
	is, err := json.Marshal(status)
	for _, w := range l.writes {
		if err == nil && bytes.Equal(w.status, is) {
			return w.next, true
		}
	}
	return approvals.Approval{}, false
}

// or is err when nothing was lost, and else that it is not known what was written.
func (l *lost) or(err error, key approvals.Key) error {
	if len(l.writes) == 0 || approvals.CodeOf(err) == approvals.CodeNotFound {
		return err
	}
	return &approvals.Error{Code: approvals.CodeUnavailable, Err: errors.Join(l.cause, err), Message: fmt.Sprintf(
		"it is not known whether this was recorded, because the cluster's API server did not answer in time. Look at approval %s again in a moment, on its page, with GET, or with kubectl. You can also send the same again: it counts once", key)}
}
