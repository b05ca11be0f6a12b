package approvaltask

import (
	"context"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// endCancelled ends a task that was cancelled before anybody was asked.
func (r *Tasks) endCancelled(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if !x.whole.IsCancelled() {
		return res, false, nil
	}
	return res, true, r.Runs.Finish(ctx, x.whole, x.kind.Ends[approvals.Cancelled], nil, true)
}

// checkSpec refuses a task whose spec can't be understood.
func (r *Tasks) checkSpec(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	if err := CheckSpec(x.whole, x.kind); err != nil {
		return res, true, r.refuse(ctx, x.whole, approvals.Message(err))
	}
	return res, false, nil
}

// refuse ends what could never be decided, at once: it must not wait for its timeout.
func (r *Tasks) refuse(ctx context.Context, cr *pipelinev1beta1.CustomRun, why string) error {
	r.Say(cr, corev1.EventTypeWarning, "Refused", why)
	r.Log.Warn("task refused", "namespace", cr.Namespace, "customrun", cr.Name, "reason", why)
	return r.Runs.Finish(ctx, cr, tasks.End{Reason: "ApprovalTaskRefused", Message: why}, nil, true)
}
