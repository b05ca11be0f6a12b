package lifecycle

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// keepEvidence makes a an owner of the evidence that it shows, so that this outlives the run.
// Doing it again changes nothing; that it was done is remembered to save the question.
func (r *Approvals) keepEvidence(ctx context.Context, a approvals.Approval) error {
	if r.Evidence == nil || a.Resolved == nil || len(a.Resolved.Evidence) == 0 {
		return nil
	}
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	if uid, ok := r.owned.Load(key); ok && uid == a.UID {
		return nil
	}
	if err := r.Evidence.Own(ctx, a); err != nil {
		return err
	}
	r.owned.Store(key, a.UID)
	return nil
}
