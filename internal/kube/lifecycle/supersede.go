package lifecycle

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
)

// supersede ends the older ones in whose place an Approval came, and itself when it is the
// older one: whichever is looked at first, the outcome is the same.
func (r *Approvals) supersede(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	if a.Resolved.Policy.Supersede != approvals.SupersedeNewest {
		return res, false, nil
	}
	list, err := r.Store.SupersessionCandidates(ctx, a)
	if err != nil {
		return res, true, err
	}
	for _, other := range list {
		for _, pair := range [][2]approvals.Approval{{other.State(), a}, {a, other.State()}} {
			if !approvals.Supersedes(pair[1], pair[0]) {
				continue
			}
			now := r.Now()
			if _, err := r.Outcomes.End(ctx, pair[0].Key, func(old approvals.Approval) (approvals.Approval, approvals.Change) {
				return approvals.Supersede(old, pair[1], now)
			}); err != nil {
				return res, true, err
			}
		}
	}
	return res, false, nil
}
