package notify

import (
	"context"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// ledgerTime bounds the write of the delivery status. It is made even when the process is
// stopping: the next one must not notify the same people again.
const ledgerTime = 5 * time.Second

// record writes what was sent into the ledger, which the Approval's status is, and works out
// when more is due.
func (r *Notify) record(ctx context.Context, x *round) (done bool, err error) {
	if len(x.p.unrecorded) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTime)
		defer cancel()
		_, err := r.Store.Update(ctx, x.key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a = withDeliveries(a, x.p.unrecorded)
			if a.Preflight == nil && !a.Decided() { // one write for both
				a.Preflight = x.found
			}
			return a, approvals.Notified, nil
		})
		if err != nil {
			return false, err
		}
		x.p.unrecorded = nil
		r.remember(x.a.UID, x.p)
	}
	if x.acted {
		_, x.again = notify.Plan(x.a, r.Channel.Route(), r.Now(), x.p.tries)
	}
	return true, nil
}
