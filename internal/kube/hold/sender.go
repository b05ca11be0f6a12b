package hold

import (
	"context"
	"net/http"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/signature"
)

// provenSender returns the Secret by which the sender of an event is verified, zero when nobody
// verifies it. Anybody who reaches the interceptor's port can ask to hold; on release we
// prove ourselves in the sender's place, so nothing is held whose sender is not verified.
//
// While there is no Gate, or one that can't be read, the event is kept unverified: see
// provedFor.
func (o *Opener) provenSender(ctx context.Context, g *subject, e approvals.Event, header http.Header) (by approvals.SecretRef, err error) {
	switch c := approvals.CodeOf(g.noPolicy); {
	case c == approvals.CodeNotFound || c == approvals.CodeInvalid:
		return approvals.SecretRef{}, nil // reported on the Approval
	case g.noPolicy != nil:
		return approvals.SecretRef{}, g.noPolicy
	}
	p := g.policy
	if err := o.Triggers.CheckSender(ctx, g.Namespace, g.Name, g.Chain, p); err != nil {
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			return approvals.SecretRef{}, err
		}
		return approvals.SecretRef{}, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s: %s. The event was not held", g.Namespace, g.Name, approvals.Message(err))
	}
	g.senderChecked = true
	if p.Secret.Name == "" {
		return approvals.SecretRef{}, nil
	}
	secret, err := o.Secrets.Get(ctx, g.Namespace, p.Secret)
	if err != nil {
		return approvals.SecretRef{}, err
	}
	if err := signature.VerifySender(signature.Kind(p.Secret.Kind), secret, header, []byte(e.Body), o.Now()); err != nil {
		return approvals.SecretRef{}, approvals.Errorf(approvals.CodeUnauthenticated,
			"the sender of the event could not be verified with secret %s/%s (signingSecret of gate %q, kind %s): %v; the event was not held", g.Namespace, p.Secret.Name, p.Gate, p.Secret.Kind, err)
	}
	return p.Secret, nil
}

// provedFor returns CodeInvalid when an event that was held may not be asked about under p: its sender
// was not verified by the Secret with which we would prove ourselves on release. That
// happens when the Gate, or its signingSecret, came after the event.
func provedFor(s approvals.Source, p approvals.Policy) error {
	if s.Event == nil || p.Secret.Name == "" || s.Event.VerifiedBy == p.Secret.String() {
		return nil
	}
	return approvals.Errorf(approvals.CodeInvalid,
		"gate %q has signingSecret %s, but the sender of this event was not verified with it when the event was held, so approval is not requested: have the event sent again", p.Gate, p.Secret)
}
