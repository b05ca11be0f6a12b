package lifecycle

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/hold"
)

// settle does what is left when no run is to come. One that was posted just before it
// was cancelled came all the same: it is recorded.
func (r *Approvals) settle(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	r.Throttle.Gone(key(a.Key))
	if a.Resolved.Target != nil && a.Effect == nil && a.Outcome == approvals.Approved {
		// Written just before it was cancelled; what is not there is nobody's problem now.
		if seen, ok, err := r.Releaser.Targets.Confirm(ctx, a, r.Now()); ok && err == nil {
			return res, true, r.confirmTarget(ctx, seen)
		}
	} else if a.Resolved.Target == nil && a.Cancellation != nil && a.Outcome != approvals.Cancelled {
		found, err := r.Proofs.Look(ctx, a)
		if err != nil {
			return res, true, err
		}
		if a.Resolved.Policy.VerifyBeforeStart && found.Run != nil {
			return res, true, r.notStarted(ctx, a, found)
		}
		if found.Run == nil {
			if found, err = r.goneSince(ctx, a); err != nil {
				return res, true, err
			}
		}
		if found.Run != nil {
			return res, true, r.confirm(ctx, a, found)
		}
	}
	r.seen.forget(key(a.Key))
	if !a.AwaitsRun() || r.Now().Sub(a.ReleaseFrom()) > approvals.ReleaseWithin+time.Hour { // else one may still come
		r.Proofs.Forget(a.Key)
	}
	if len(a.Source.Claims) == 0 {
		return res, true, nil
	}
	return res, true, hold.HandClaims(ctx, r.Client, r.Live, a)
}
