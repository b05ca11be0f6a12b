package approvals

import (
	"context"
	"time"
)

// Desk takes votes: the one place that loads, decides, saves and then acts.
type Desk struct {
	Store Store
	Now   func() time.Time
	// Results gives the results of an Approval that has just ended. It must be
	// pure: a lost race asks it again.
	Results func(ctx context.Context, a Approval) ([]Param, error)
	// Ended is called after the outcome was saved, with the saved Approval. It must
	// not block: what it starts is done again by the leader if this process dies.
	Ended func(Approval)
	// Voted is called after a vote was saved.
	Voted func(Approval, Verdict)
}

// Vote casts a ballot. The vote and, when it decides, the outcome are one write.
// Errors are those of Cast and of the Store.
func (d *Desk) Vote(ctx context.Context, key Key, b Ballot) (Approval, Change, error) {
	var did Change
	a, err := d.Store.Update(ctx, key, func(a Approval) (Approval, Change, error) {
		next, change, err := Cast(a, b, d.Now())
		if err == nil && change == Ended {
			next.Results, err = d.Results(ctx, next)
		}
		did = change
		return next, change, err
	})
	if err != nil {
		return a, Absent, err
	}
	if did != Absent {
		d.Voted(a, b.Verdict)
	}
	if did == Ended {
		d.Ended(a)
	}
	return a, did, nil
}
