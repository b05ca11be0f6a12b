package lifecycle

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/gate"
)

// expire ends an Approval whose time is over, once every Vote that was made in time is counted.
func (r *Approvals) expire(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	if left := a.ExpiresAt().Sub(r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	if waits, err := r.voteWaits(ctx, a); err != nil || waits {
		return ctrl.Result{RequeueAfter: LookForVotes}, true, err
	}
	policies, err := gate.Policies{Client: r.Client}.Of(ctx, a.Namespace)
	if err != nil {
		return res, true, err
	}
	now := r.Now()
	_, err = r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		return approvals.Expire(a, now, policies...)
	})
	return res, true, err
}
