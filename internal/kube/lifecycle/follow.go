package lifecycle

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
)

// follow looks at the tasks of a started run, as they come, until it has ended.
func (r *Approvals) follow(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	var pr pipelinev1.PipelineRun
	err = r.Client.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: a.SecondRun.Name}, &pr)
	gone := apierrors.IsNotFound(err) || err == nil && string(pr.UID) != a.SecondRun.UID
	if err != nil && !gone {
		return res, true, err
	}
	long := pr.IsDone() && pr.Status.CompletionTime != nil && pr.Status.CompletionTime.Time.Before(r.began)
	if gone || long || a.Unreleased != nil {
		r.Proofs.Forget(a.Key)
		return res, true, nil
	}
	r.Proofs.Awaited.Add(a)
	problem, unread, err := r.Starter.Follow(ctx, a, r.began)
	if err != nil {
		return res, true, err
	}
	if problem != nil {
		r.say(a.Key, *problem)
		r.Log.Warn("run differs", "namespace", a.Namespace, "approval", a.Name, "run", pr.Name, "reason", problem.Message)
		_, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a, did := approvals.Accuse(a, *problem)
			return a, did, nil
		})
		return res, true, err
	}
	switch {
	case pr.IsDone():
		r.Proofs.Forget(a.Key)
	case unread:
		return ctrl.Result{RequeueAfter: ReadSoon}, true, nil
	}
	return res, true, nil
}
