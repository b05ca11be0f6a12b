package store

import (
	"context"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// The cache is given a while to hear of an outcome before the API server is asked: being
// asked by everybody is what keeps it from telling, in a burst.
const (
	catchUp    = 500 * time.Microsecond // and half as long again each time
	catchUpMax = time.Second            // in all
	// recent is how old a decision may be for which the cache's word is enough: what comes
	// later is an event that is posted again, which may have been cancelled meanwhile.
	recent = 10 * time.Second
)

// Decided reads an Approval whose signed event has come: the cache may lag behind the
// vote that made somebody post. What it says once it is decided does not change, save
// for its end.
func (s *Store) Decided(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
	for wait, waited := catchUp, time.Duration(0); waited < catchUpMax; wait += wait / 2 {
		o, err := s.Object(ctx, Cache, key)
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			break // it was deleted, which an event that is replayed may not be held up for
		}
		if err == nil && o.Status.DecidedAt != nil {
			if s.Now().Sub(o.Status.DecidedAt.Time) >= recent {
				break
			}
			if l := s.Lean(o); l.state.Decided() && l.state.Resolved != nil {
				return s.Whole(ctx, l)
			}
		}
		select {
		case <-ctx.Done():
			return approvals.Approval{}, kubeutil.Translate(ctx.Err(), "approval "+key.String())
		case <-time.After(wait):
			waited += wait
		}
	}
	return s.Fresh(ctx, key)
}
