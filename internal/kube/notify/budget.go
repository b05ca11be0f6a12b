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

// postpone returns the delivery to write when d has to wait for the mail budget, nil when it
// may be sent now. A mail that waits is in tries until then, and its time is reserved.
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
