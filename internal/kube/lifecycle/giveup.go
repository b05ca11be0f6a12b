package lifecycle

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
)

// giveUp ends the attempts to release what could not be released for too long.
func (r *Approvals) giveUp(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	if _, did := approvals.GiveUp(x.a, x.now); did != approvals.Stopped {
		return res, false, nil
	}
	_, err = r.Outcomes.End(ctx, x.a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		return approvals.GiveUp(a, x.now)
	})
	return res, true, err
}
