package hold

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/gate"
)

// subject is a gated Trigger, and the policy by which what it starts is decided, as both stood
// at one moment: they are looked up once for an event and handed on.
type subject struct {
	interceptor.GatedTrigger
	policy        approvals.Policy
	noPolicy      error // why there is no policy
	senderChecked bool  // the policy proves senders as the Trigger's interceptors want them
}

func (o *Opener) subjectOf(ctx context.Context, g interceptor.GatedTrigger) *subject {
	x := &subject{GatedTrigger: g}
	x.policy, x.noPolicy = gate.PolicyFor(ctx, o.Client, g.Namespace, g.Line)
	return x
}
