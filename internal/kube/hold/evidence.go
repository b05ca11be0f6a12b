package hold

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// Evidence works out what people decide on.
type Evidence interface {
	// Items returns an Item for each of wanted, of a source in a namespace. One that is not there
	// has the reason.
	Items(ctx context.Context, namespace string, s approvals.Source, wanted []evidence.Wanted) ([]evidence.Item, error)
}

// ReasonEvidenceMissing is the reason of an Approval that can't be decided since evidence that
// its Gate requires is not there.
const ReasonEvidenceMissing = "EvidenceMissing"

// ResolveEvidence adds to resolved what the policy's evidence is, and makes it part of what is
// approved.
//
// Errors: CodeNotFound, when something is not there that the Gate requires.
func (o *Opener) ResolveEvidence(ctx context.Context, namespace, trigger string, s approvals.Source, resolved *approvals.ResolvedSpec) error {
	wanted := resolved.Policy.Evidence
	if len(wanted) == 0 {
		return nil
	}
	if o.Evidence == nil {
		return approvals.Errorf(approvals.CodeInvalid, "gate %q lists evidence, but this service does not store evidence", resolved.Policy.Gate)
	}
	items, err := o.Evidence.Items(ctx, namespace, s, wanted)
	if err != nil {
		return err
	}
	if why := evidence.Lacks(wanted, items); why != "" {
		// It may come yet: a right to read logs is granted, an upload is still on its way.
		return kubeutil.Reason(ReasonEvidenceMissing, pipelinerun.Missing(approvals.Errorf(approvals.CodeNotFound, "%s", why)))
	}
	resolved.Evidence = items
	resolved.Digest = resolved.ContentDigest(namespace, trigger, resolved.TemplateDigest, s)
	return nil
}
