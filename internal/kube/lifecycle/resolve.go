package lifecycle

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// resolve tries again to resolve the Approval. It writes only when the problem is
// a new one, so a Gate that never comes costs nothing; and once more, when the time is
// over in which they could have been: a fix after that revives nothing.
func (r *Approvals) resolve(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	if a.Blocked != nil && a.Blocked.Reason == convert.SignatureInvalid {
		return res, true, r.blocked(ctx, a, a.Blocked)
	}
	// Anyone who may edit the Gate says for how long, as they do of what can be decided.
	lifetime, err := r.Opener.Lifetime(ctx, a)
	if err != nil {
		return res, true, err
	}
	next := ctrl.Result{RequeueAfter: max(a.OpenedAt.Add(lifetime).Sub(r.Now()), 0)}
	if _, did := approvals.Lapse(a, lifetime, r.Now()); did == approvals.Ended {
		return res, true, r.lapse(ctx, a, lifetime)
	}
	resolved, err := r.Opener.Resolve(ctx, a.Namespace, a.Trigger, a.Source)
	if err == nil {
		err = r.Opener.SetResolved(ctx, a.Key, resolved)
	}
	switch approvals.CodeOf(err) {
	case "":
		// The conditions follow from the spec, which the API server has as it is now.
		_, err := r.Store.UpdateFresh(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			return a, approvals.Blocking, nil
		})
		return res, true, err
	case approvals.CodeInvalid, approvals.CodeNotFound: // of what it refers to, or of the schema that refuses it
		if pipelinerun.IsMissing(err) {
			next.RequeueAfter = min(next.RequeueAfter, max(r.Now().Sub(a.OpenedAt)/2, Again), maxAgain)
		}
		problem := kubeutil.ProblemWith("NotResolved", err)
		return next, true, r.blocked(ctx, a, &problem)
	default:
		return res, true, err
	}
}

func (r *Approvals) blocked(ctx context.Context, a approvals.Approval, why *approvals.Problem) error {
	_, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.Blocked = why
		return a, approvals.Blocking, nil
	})
	return err
}

// lapse ends what nobody could decide in its time. What it lacked stays on it. There is no
// policy that would say what results are, and nobody who was asked.
func (r *Approvals) lapse(ctx context.Context, a approvals.Approval, lifetime time.Duration) error {
	now := r.Now()
	_, err := r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		return approvals.Lapse(a, lifetime, now)
	})
	return err
}
