package vote

import (
	"context"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// operate does what v wants of a, for somebody who may. What makes it idempotent: a
// cancellation stands on the Approval, a run that is being started again has not ended, and two
// wishes to retry within a few seconds are one.
func (r *Votes) operate(ctx context.Context, a approvals.Approval, v *v1alpha1.Vote) (string, error) {
	var did approvals.Change
	var err error
	switch v.Spec.Verdict {
	case v1alpha1.VerdictCancel:
		_, did, err = r.Desk.Cancel(ctx, a.Key, voterOf(v), v.Spec.Comment)
	case v1alpha1.VerdictRetry:
		_, did, err = r.Desk.Retry(ctx, a.Key, voterOf(v))
	default:
		_, did, err = r.Desk.Rerun(ctx, a.Key, voterOf(v), v.Spec.Comment)
	}
	if err != nil {
		return "", err
	}
	r.Log.Info("operated by a Vote", "namespace", v.Namespace, "approval", v.Spec.Approval, "vote", v.Name, "verdict", v.Spec.Verdict, "did", string(did))
	switch {
	case did == approvals.NoChange:
		return "somebody already did that; nothing was changed", nil
	case did == approvals.Ended:
		return "cancelled", nil
	case did == approvals.Stopped:
		return "cancelled; the decision stands, and no run will be started", nil
	case v.Spec.Verdict == v1alpha1.VerdictRerun:
		return "the run is being started again, on the same decision", nil
	default:
		return "retrying now", nil
	}
}
