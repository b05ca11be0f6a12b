package vote

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	kubegate "github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Links knows whose mailed links have ended before their time: those of people whom the
// Gate, as it is now, does not name any more. The Approval goes on counting votes by the Gate as
// it was; but anyone who was taken off it may have left, and their mailbox with them.
type Links struct {
	Client   client.Reader // from the cache
	Triggers *triggers.Triggers
}

var _ approvals.Links = (*Links)(nil)

// Ended says why voter's link on a has, "" while it has not.
func (l *Links) Ended(ctx context.Context, a approvals.Approval, voter string) (string, error) {
	gate := a.Resolved.Policy.Gate
	line := approvals.InterceptorParams{Gate: gate}
	if gate == approvals.InlineGate {
		if a.Source.Task != nil {
			return "", nil // who decides stands in the task, which does not change
		}
		g, err := l.Triggers.Gated(ctx, a.Namespace, a.Trigger)
		if err != nil {
			return gone(err, "trigger "+a.Trigger+", in which its gate stands,")
		}
		line = g.Line
	}
	p, err := kubegate.PolicyFor(ctx, l.Client, a.Namespace, line)
	if err != nil {
		return gone(err, fmt.Sprintf("gate %q", gate))
	}
	if !p.Lists(voter) {
		return fmt.Sprintf("gate %q no longer lists %s, so this link no longer works: sign in if you can still decide", gate, voter), nil
	}
	return "", nil
}

// gone is the end of a link whose Gate is not there or can't be read as one.
func gone(err error, what string) (string, error) {
	if c := approvals.CodeOf(err); c == approvals.CodeNotFound || c == approvals.CodeInvalid || c == approvals.CodeConflict {
		return what + " was deleted or can't be used, so this link no longer works: sign in to decide", nil
	}
	return "", err
}
