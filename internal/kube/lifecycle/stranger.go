package lifecycle

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// StrangerAgain is the pause before the next look at a name that another run has taken.
const StrangerAgain = 30 * time.Second

// reportStranger says that another run has the name of the Approval's run.
func (r *Approvals) reportStranger(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	r.Throttle.Waits(key(x.a.Key), x.a.DecidedAt)
	if x.found.Problem == nil {
		return res, false, nil
	}
	return r.strange(ctx, x.a, *x.found.Problem)
}

// strange reports a run under the name of a's that is not a's. One that waits to be started
// is cancelled: it never will be.
func (r *Approvals) strange(ctx context.Context, a approvals.Approval, p approvals.Problem) (ctrl.Result, bool, error) {
	r.say(a.Key, p)
	if a.Resolved.Policy.VerifyBeforeStart && p.Reason == verifyrun.NameTaken {
		if err := r.Starter.Cancel(ctx, a, string(a.RunName)); err != nil && release.ProblemOf(err).Reason != verifyrun.RunForbidden {
			return ctrl.Result{}, true, err
		}
	}
	return ctrl.Result{RequeueAfter: StrangerAgain}, true, r.Unreleased(ctx, a.Key, p)
}

// say makes an Event of p on the Approval, beside the condition: a run that is not what was approved
// is somebody's doing.
func (r *Approvals) say(k approvals.Key, p approvals.Problem) {
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name, o.UID = k.Namespace, k.Name, types.UID(k.UID)
	r.Reports.Say(o, p.Reason, approvals.Errorf(approvals.CodeConflict, "%s", p.Message))
}
