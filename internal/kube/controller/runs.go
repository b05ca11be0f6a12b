package controller

import (
	"context"
	"errors"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// Runs opens an Approval for each run that has succeeded and each Trigger that
// waits for it. The informer is the truth: whatever was missed while the process
// was down is in its first list.
type Runs struct {
	Client   client.Client
	Opener   *kube.Opener
	Triggers *kube.Triggers
	Workers  int
}

var _ reconcile.Reconciler = (*Runs)(nil)

// SetupWithManager registers the controller.
func (r *Runs) SetupWithManager(mgr ctrl.Manager) error {
	succeeded := predicate.NewPredicateFuncs(func(o client.Object) bool {
		pr, ok := o.(*pipelinev1.PipelineRun)
		return ok && kube.Succeeded(pr)
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("runs").
		For(&pipelinev1.PipelineRun{}, builder.WithPredicates(succeeded)).
		// A Trigger that comes after a run has ended may still be waiting for it.
		Watches(&triggersv1.Trigger{}, handler.EnqueueRequestsFromMapFunc(r.runsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&triggersv1.EventListener{}, handler.EnqueueRequestsFromMapFunc(r.runsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(ctrlcontroller.Options{MaxConcurrentReconciles: r.Workers}).
		Complete(r)
}

// Reconcile opens what is to be opened for one run.
func (r *Runs) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var pr pipelinev1.PipelineRun
	if err := r.Client.Get(ctx, req.NamespacedName, &pr, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !kube.Succeeded(&pr) {
		return ctrl.Result{}, nil
	}
	waiting, err := r.Triggers.After(ctx, pr.Namespace, kube.PipelineOf(&pr))
	if err != nil {
		return ctrl.Result{}, err
	}
	var errs []error // one Trigger's trouble must not hold up the others
	for _, t := range waiting {
		// Not found: the Trigger or the whole namespace went meanwhile.
		if err := r.Opener.OpenRun(ctx, &pr, t); err != nil && approvals.CodeOf(err) != approvals.CodeNotFound {
			errs = append(errs, err)
		}
	}
	return ctrl.Result{}, errors.Join(errs...)
}

func (r *Runs) runsOf(ctx context.Context, o client.Object) []reconcile.Request {
	var list pipelinev1.PipelineRunList
	if err := r.Client.List(ctx, &list, client.InNamespace(o.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if kube.Succeeded(&list.Items[i]) {
			out = append(out, requestFor(list.Items[i].Namespace, list.Items[i].Name))
		}
	}
	return out
}
