package notify

import (
	"context"
	"maps"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// plan looks whether anything is due, by the cache.
func (r *Notify) plan(_ context.Context, x *round) (done bool, err error) {
	a := x.a
	x.p = r.progressOf(a.UID)
	if !a.RetryRequestedAt.Equal(x.p.asked) { // the wish is the key: what failed before it is due once
		clear(x.p.tries)
		x.p.asked = a.RetryRequestedAt
	}
	if a.Decided() { // what failed before is over
		maps.DeleteFunc(x.p.tries, func(s notify.Slot, _ notify.Try) bool { return s.Kind != notify.Decided && s.Kind != notify.RunEnded })
		r.remember(a.UID, x.p)
	}
	x.due, x.again = notify.Plan(a, r.Channel.Route(), r.Now(), x.p.tries)
	return len(x.due) == 0 && len(x.p.unrecorded) == 0, nil
}

// readAgain plans by the API server's word: the cache may not have the ledger's last write
// yet.
func (r *Notify) readAgain(ctx context.Context, x *round) (done bool, err error) {
	a, err := r.Store.Fresh(ctx, x.key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		x.again = 0
		return true, nil
	}
	if err != nil {
		return false, err
	}
	x.a = withDeliveries(a, x.p.unrecorded)
	if !x.a.Decided() && x.a.Preflight == nil && r.Preflight != nil {
		x.a.Preflight = r.Preflight(ctx, x.a)
	}
	x.found, x.read = x.a.Preflight, r.Now()
	x.due, x.again = notify.Plan(x.a, r.Channel.Route(), x.read, x.p.tries)
	x.acted = len(x.due) > 0
	return false, nil
}

// withDeliveries is a with what its ledger does not have yet.
func withDeliveries(a approvals.Approval, ds []approvals.Delivery) approvals.Approval {
	for _, d := range ds {
		a = notify.Record(a, d)
	}
	return a
}
