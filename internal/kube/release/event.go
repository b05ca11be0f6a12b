package release

import (
	"context"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Event posts the signed event of a decided Approval to the EventListener that runs its
// Trigger. Posting proves nothing (the 202 comes before any work); it is repeated until the
// run is seen. What keeps it from starting two runs is the run's name, which is the same each
// time (store/runname.go).
type Event struct {
	Triggers *triggers.Triggers
	Proofs   *verifyrun.Proofs
	Secrets  *gate.Secrets
	Ring     func() keyring.Ring
	Client   *destination.Client
	Now      func() time.Time
	// Traceparent is the header of that name, which is not signed: it is for what traces the way
	// to an EventListener, and nobody who decides anything reads it. Nil: there is none.
	Traceparent func(a approvals.Approval) string
}

var _ Kind = (*Event)(nil)

// Release implements Kind.
func (r *Event) Release(ctx context.Context, a approvals.Approval) (eventID string, err error) {
	trigger, err := verifyrun.CurrentTrigger(ctx, r.Triggers, a)
	if err != nil {
		return "", err
	}
	// It must be what was approved, and its run have the one name that makes it start once.
	if err := r.Proofs.Renderings.With(ctx, r.Triggers, trigger, a); err != nil {
		return "", err
	}
	l, err := r.Triggers.ListenerFor(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return "", kubeutil.Reason("NoEventListener", err)
	}
	var secret keyring.Secret
	if s := a.Resolved.Policy.Secret; s.Name != "" {
		if secret, err = r.Secrets.Get(ctx, a.Namespace, s); err != nil {
			return "", kubeutil.Reason("SigningSecret", err)
		}
	}
	e, err := signedevent.EventFor(a, r.Ring(), secret, r.Now())
	if err != nil {
		return "", err
	}
	if n := Neighbour(ctx, r.Triggers, l, a, e); n != "" {
		return "", kubeutil.Reason("SiblingTriggerWouldStart", approvals.Errorf(approvals.CodeInvalid,
			"EventListener %s/%s also runs trigger %s, which this event would start, too: add an interceptor to it that rejects the event (cel filter: !('Webhook-Id' in header)), or give trigger %s an EventListener of its own. Nothing was posted",
			l.Namespace, l.Name, n, a.Trigger))
	}
	if r.Traceparent != nil {
		if above := r.Traceparent(a); above != "" {
			e.Header.Set("Traceparent", above)
		}
	}
	id, err := r.Client.Post(ctx, l.To, e.Path, e.Header, e.Body)
	if approvals.CodeOf(err) == approvals.CodeUnavailable {
		return "", kubeutil.Reason("EventListenerDown", err)
	}
	if err != nil {
		return "", kubeutil.Reason("EventNotPostable", err)
	}
	return id, nil
}
