package hold

import (
	"context"
	"errors"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Runs opens an Approval for each run that has succeeded and each Trigger that
// waits for it. The informer is the truth: whatever was missed while the process
// was down is in its first list.
type Runs struct {
	Client   client.Client
	Opener   *Opener
	Triggers *triggers.Triggers
	Reports  *triggers.Reports
	Workers  int
}

var _ reconcile.Reconciler = (*Runs)(nil)

// SetupWithManager registers the controller.
func (r *Runs) SetupWithManager(mgr ctrl.Manager) error {
	succeeded := predicate.NewPredicateFuncs(func(o client.Object) bool {
		pr, ok := o.(*pipelinev1.PipelineRun)
		return ok && pipelinerun.Succeeded(pr)
	})
	return kubeutil.Shared(mgr, "runs", r.Workers, nil).
		For(&pipelinev1.PipelineRun{}, builder.WithPredicates(succeeded)).
		// A Trigger that comes after a run has ended may still be waiting for it.
		Watches(&triggersv1.Trigger{}, handler.EnqueueRequestsFromMapFunc(r.RunsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&triggersv1.EventListener{}, handler.EnqueueRequestsFromMapFunc(r.RunsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Approval{}, handler.EnqueueRequestsFromMapFunc(runOf), builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(event.CreateEvent) bool { return false },
			UpdateFunc: func(event.UpdateEvent) bool { return false },
			DeleteFunc: func(e event.DeleteEvent) bool { return toDelete(e.Object) },
		})).
		Complete(kubeutil.Contained(mgr, "runs", func() client.Object { return &pipelinev1.PipelineRun{} }, r))
}

// Reconcile opens what is to be opened for one run.
func (r *Runs) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var pr pipelinev1.PipelineRun
	if err := r.Client.Get(ctx, req.NamespacedName, &pr, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !pipelinerun.Succeeded(&pr) {
		return ctrl.Result{}, nil
	}
	waiting, wrong, err := r.Triggers.Waiting(ctx, &pr)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, w := range wrong {
		r.Reports.Say(w.Object(), triggers.EventRefused, w.Err)
	}
	var errs []error // one Trigger's trouble must not hold up the others
	var next ctrl.Result
	for _, t := range waiting {
		err := r.Opener.OpenRun(ctx, &pr, t)
		switch approvals.CodeOf(err) {
		case "", approvals.CodeNotFound: // the Trigger or the whole namespace went meanwhile
		case approvals.CodeInvalid:
			// Trying again at once would not help: those who can fix it are notified, and
			// again while it is still so.
			r.Reports.Say(&pr, triggers.EventRefused, err)
			r.Reports.Say(t.Object(), triggers.EventRefused, err)
			if next.RequeueAfter == 0 {
				next.RequeueAfter = RefusedAgain
			}
		case approvals.CodeLimited: // it waits for others to be decided
			r.Reports.Say(&pr, triggers.EventOverLimit, err)
			r.Reports.Say(t.Object(), triggers.EventOverLimit, err)
			if next.RequeueAfter == 0 || next.RequeueAfter > LimitedAgain {
				next.RequeueAfter = LimitedAgain
			}
		default:
			errs = append(errs, err)
		}
	}
	return next, errors.Join(errs...)
}

// LimitedAgain is the pause before Countersign looks again at what is over a limit of its
// namespace.
const LimitedAgain = time.Minute

// RefusedAgain is the pause before Countersign looks again at a run for which no Approval can
// be opened.
const RefusedAgain = 10 * time.Minute

// toDelete reports whether an Approval was one that people are told to delete, and that is opened again
// then. Anyone who deletes another one does not want to be asked.
func toDelete(o client.Object) bool {
	a, ok := o.(*v1alpha1.Approval)
	if !ok {
		return false
	}
	p := convert.ProblemOf(a.Status.Conditions, v1alpha1.ConditionReady)
	return p != nil && p.Reason == convert.SignatureInvalid
}

// runOf is the run that an Approval is about, if it is about one of its own namespace. What an Approval
// with a bad signature says of another namespace may be anybody's, and leads nowhere: a run there is
// looked at again when the service starts.
func runOf(_ context.Context, o client.Object) []reconcile.Request {
	a, ok := o.(*v1alpha1.Approval)
	if !ok || a.Spec.Source.PipelineRun == nil {
		return nil
	}
	r := a.Spec.Source.PipelineRun
	if r.Namespace != "" && r.Namespace != a.Namespace {
		return nil
	}
	return []reconcile.Request{kubeutil.RequestFor(a.Namespace, r.Name)}
}

// RunsOf are the runs that the Triggers in an object may wait for.
func (r *Runs) RunsOf(ctx context.Context, o client.Object) []reconcile.Request {
	var out []reconcile.Request
	for _, namespace := range append(triggers.AwaitedBy(o), o.GetNamespace()) {
		var list pipelinev1.PipelineRunList
		if err := r.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil
		}
		for i := range list.Items {
			if pipelinerun.Succeeded(&list.Items[i]) {
				out = append(out, kubeutil.RequestFor(list.Items[i].Namespace, list.Items[i].Name))
			}
		}
	}
	return out
}
