package approvaltask

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// Abandoned ends the Approvals whose task, or whose run, is there no more: nobody
// should be asked for nothing. What was deleted while nobody looked is found by the
// first list of Approvals.
type Abandoned struct {
	Tasks *Tasks
}

var _ reconcile.Reconciler = (*Abandoned)(nil)

// SetupWithManager registers the controller.
func (r *Abandoned) SetupWithManager(mgr ctrl.Manager) error {
	waiting := predicate.NewPredicateFuncs(func(o client.Object) bool {
		a, ok := o.(*v1alpha1.Approval)
		return ok && a.Spec.Source.CustomRun != nil && a.Status.AnsweredAt == nil
	})
	deleted := builder.WithPredicates(predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectNew.GetDeletionTimestamp() != nil },
	})
	ended := builder.WithPredicates(predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: AttemptEnded,
	}, predicate.NewPredicateFuncs(isApprovalTask))
	return kubeutil.Shared(mgr, "abandoned-tasks", kubeutil.FewWorkers, nil).
		For(&v1alpha1.Approval{}, builder.WithPredicates(waiting)).
		Watches(&pipelinev1beta1.CustomRun{}, handler.EnqueueRequestsFromMapFunc(r.WaitingFor), ended).
		Watches(&pipelinev1.PipelineRun{}, handler.EnqueueRequestsFromMapFunc(r.WaitingIn), deleted).
		Complete(kubeutil.Contained(mgr, "abandoned-tasks", func() client.Object { return &v1alpha1.Approval{} }, r))
}

// AttemptEnded reports whether an attempt of a CustomRun has ended, the last one or, when it
// is tried again, the one before.
func AttemptEnded(e event.UpdateEvent) bool {
	was, ok := e.ObjectOld.(*pipelinev1beta1.CustomRun)
	is, yes := e.ObjectNew.(*pipelinev1beta1.CustomRun)
	return ok && yes && (is.IsDone() || is.DeletionTimestamp != nil || Tried(is) > Tried(was))
}

// Reconcile looks whether one Approval's task still wants an answer.
func (r *Abandoned) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cached, err := r.Tasks.Store.Cached(ctx, approvals.Key{Namespace: req.Namespace, Name: req.Name})
	a := cached.State()
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	if err != nil || a.Source.Task == nil || a.Resolved == nil || a.Decided() && !a.ToAnswer() {
		return ctrl.Result{}, err
	}
	why, ended, err := r.Tasks.Runs.Gone(ctx, a.Namespace, *a.Source.Task)
	switch {
	case err != nil || why == "":
	case ended && a.Decided(): // the answer was written, and what says so was not
		// Tasks does that when it is calm, if it was the last attempt.
		if left := outcome.LeftOf(outcome.LeaderTakeoverDelay, a.DecidedAt, r.Tasks.Now()); left > 0 {
			return ctrl.Result{RequeueAfter: left}, nil
		}
		_, err = r.Tasks.answered(ctx, a)
	default:
		_, err = r.Tasks.abandon(ctx, a, why, ended)
	}
	return ctrl.Result{}, err
}

// WaitingFor are the Approvals of a CustomRun's last attempt, and of the one before, which
// may have failed just now.
func (r *Abandoned) WaitingFor(_ context.Context, o client.Object) []reconcile.Request {
	cr, ok := o.(*pipelinev1beta1.CustomRun)
	if !ok {
		return nil
	}
	var out []reconcile.Request
	for last := Tried(cr); last >= max(0, Tried(cr)-1); last-- {
		name := approvals.TaskName(cr.Name, string(cr.UID), last)
		out = append(out, kubeutil.RequestFor(cr.Namespace, name))
	}
	return out
}

// WaitingIn are the unanswered Approvals of a run's tasks.
func (r *Abandoned) WaitingIn(ctx context.Context, o client.Object) []reconcile.Request {
	return kubeutil.Requests(r.Tasks.Store.Unanswered(ctx, o.GetNamespace(), string(o.GetUID())))
}
