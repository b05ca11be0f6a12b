package lifecycle

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// KeepAgain is how long after a failure evidence is to be kept again.
const KeepAgain = 30 * time.Second

// keepEvidence makes a an owner of the evidence that it shows, so that this outlives the run.
// Doing it again changes nothing; that it was done is remembered to save the question. kept is
// false when it failed, for a quota of the namespace say: that holds up nothing else of a.
func (r *Approvals) keepEvidence(ctx context.Context, a approvals.Approval) (kept bool) {
	if r.Evidence == nil || a.Resolved == nil || len(a.Resolved.Evidence) == 0 {
		return true
	}
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	if uid, ok := r.owned.Load(key); ok && uid == a.UID {
		return true
	}
	if err := r.Evidence.Own(ctx, a); err != nil {
		r.Log.Warn("evidence is not kept beyond its run yet", "namespace", a.Namespace, "approval", a.Name, "reason", approvals.Message(err))
		return false
	}
	r.owned.Store(key, a.UID)
	return true
}
