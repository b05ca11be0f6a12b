package notify

import (
	"context"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// Budget bounds how many messages a namespace's Approvals send.
type Budget struct {
	Quota func(ctx context.Context, namespace string) (approvals.Quota, error)
	Spent notify.Budget
}

// postpone is what the ledger is to say of d when it is not its time yet, nil when it may go
// now. What waits is in tries until then, and has its time for itself.
func (b *Budget) postpone(ctx context.Context, a approvals.Approval, d notify.Due, tries map[notify.Slot]notify.Try, now time.Time) *approvals.Delivery {
	try := tries[d.Message.Slot()]
	if b == nil || try.Paid {
		return nil
	}
	q, err := b.Quota(ctx, a.Namespace)
	if err != nil {
		return nil // the namespace is not known yet, or not any more: that is nothing to wait for
	}
	at, over, ok := b.Spent.Reserve(q, a.Namespace, d.Message.To, now)
	if over == nil {
		return nil
	}
	try.Last, try.Paid = now, true
	said := approvals.Message(over)
	if ok {
		try.After = at.Sub(now)
		said += "; it will be sent at " + at.UTC().Format(time.RFC3339)
	} else {
		try.Final = true
		said += "; it would have to wait for more than " + notify.MaxMailWait.String() + ", so it is not sent"
	}
	tries[d.Message.Slot()] = try
	return &approvals.Delivery{Event: d.Message.Event, Channel: notify.Email, Recipient: d.Message.Recipient, Attempts: try.Count, Error: said}
}
