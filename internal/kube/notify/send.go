package notify

import (
	"cmp"
	"context"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// ledgerFresh bounds the age of the delivery status by which somebody is notified. A process
// that was paused, or whose mails are slow, reads it again: another one may lead.
const ledgerFresh = 2 * time.Second

// send sends what is due, one after the other.
func (r *Notify) send(ctx context.Context, x *round) (done bool, err error) {
	for len(x.due) > 0 {
		if r.Now().Sub(x.read) > ledgerFresh { // another may lead and have told the others meanwhile
			fresh, err := r.Store.Fresh(ctx, x.key)
			if err != nil {
				break // what was sent is recorded all the same
			}
			x.a = withDeliveries(fresh, x.p.unrecorded)
			x.a.Preflight, x.read = cmp.Or(x.a.Preflight, x.found), r.Now()
			x.due, x.again = notify.Plan(x.a, r.Channel.Route(), x.read, x.p.tries)
			continue
		}
		d := x.due[0]
		x.due = x.due[1:]
		delivery := r.Budget.postpone(ctx, x.a, d, x.p.tries, r.Now())
		if delivery == nil {
			if delivery = r.deliver(ctx, x, d); delivery == nil {
				break
			}
		}
		x.p.unrecorded = append(x.p.unrecorded, *delivery)
		x.a = notify.Record(x.a, *delivery)
	}
	r.remember(x.a.UID, x.p)
	return false, nil
}

// deliver sends one message and returns the entry for the ledger; nil when the process is told to
// stop meanwhile, since nobody knows then whether it was sent.
func (r *Notify) deliver(ctx context.Context, x *round, d notify.Due) *approvals.Delivery {
	id, err := r.Channel.Send(ctx, d.Message)
	if err != nil && ctx.Err() != nil {
		return nil
	}
	name := r.Channel.Route().Name
	delivery := approvals.Delivery{
		Event: d.Message.Event, Channel: name, Recipient: d.Message.Recipient, MessageID: id, Attempts: d.Attempt,
	}
	if err != nil {
		if delivery = notify.Failed(x.a, delivery, err, r.Now()); delivery.SentAt.IsZero() {
			try := notify.Tried(d.Attempt, err, r.Now())
			try.Paid = true
			x.p.tries[d.Message.Slot()] = try
		} else {
			delete(x.p.tries, d.Message.Slot())
		}
		r.Log.Warn("not delivered", "namespace", x.a.Namespace, "approval", x.a.Name, "channel", name, "event", d.Message.Event, "attempt", d.Attempt, "error", err.Error())
	} else {
		delivery.SentAt = r.Now()
		delete(x.p.tries, d.Message.Slot())
	}
	r.Sent(err == nil)
	return &delivery
}
