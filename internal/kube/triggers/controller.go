package triggers

import (
	"context"
	"log/slog"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Controller says of each Trigger, when it is first seen and when it or one of its
// neighbours changes, what is wrong with its countersign line. A Trigger has no status
// of ours, so a Kubernetes Event and the log report it.
type Controller struct {
	Client   client.Client
	Live     client.Reader
	Triggers *Triggers
	Reports  *Reports
	Log      *slog.Logger
}

var _ reconcile.Reconciler = (*Controller)(nil)

// SetupWithManager registers the controller.
func (r *Controller) SetupWithManager(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return kubeutil.Shared(mgr, "triggers", kubeutil.FewWorkers, nil).
		For(&triggersv1.Trigger{}, changed).
		// An inline trigger may take a Trigger's name.
		Watches(&triggersv1.EventListener{}, handler.EnqueueRequestsFromMapFunc(r.sameNamed), changed).
		// Gates that stand in Triggers are held to policies too.
		Watches(&v1alpha1.GatePolicy{}, handler.EnqueueRequestsFromMapFunc(r.TriggersOf), changed).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.TriggersOf), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(kubeutil.Contained(mgr, "triggers", func() client.Object { return &triggersv1.Trigger{} }, r))
}

// TriggersOf are the Triggers that what o says may be about.
func (r *Controller) TriggersOf(ctx context.Context, o client.Object) []reconcile.Request {
	var list triggersv1.TriggerList
	if err := r.Client.List(ctx, &list, client.InNamespace(kubeutil.NamespaceOf(o)), client.UnsafeDisableDeepCopy); err != nil {
		return nil // what was not found is found by the next event
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, kubeutil.RequestFor(list.Items[i].Namespace, list.Items[i].Name))
	}
	return out
}

// sameNamed are the Triggers whose name an inline trigger of an EventListener has.
func (r *Controller) sameNamed(_ context.Context, o client.Object) []reconcile.Request {
	el, ok := o.(*triggersv1.EventListener)
	if !ok {
		return nil
	}
	var out []reconcile.Request
	for _, s := range Inline(el) {
		out = append(out, kubeutil.RequestFor(el.Namespace, s.Name))
	}
	return out
}

// Reconcile checks one Trigger.
func (r *Controller) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var t triggersv1.Trigger
	if err := r.Client.Get(ctx, req.NamespacedName, &t); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	s := Standing{Trigger: &t}
	return ctrl.Result{}, r.report(ctx, &t, r.Triggers.Check(ctx, s), s)
}

// report emits an Event about obj for a mistake that its author has to correct. Errors that may go
// away are returned. Without any it looks whether what each of standing waits for is there.
func (r *Controller) report(ctx context.Context, obj client.Object, err error, standing ...Standing) error {
	switch approvals.CodeOf(err) {
	case "":
		for _, s := range standing {
			if err := r.awaited(ctx, s); err != nil {
				return err
			}
		}
		return nil
	case approvals.CodeInvalid, approvals.CodeForbidden, approvals.CodeNotFound:
		r.Log.Warn("trigger can't be used", "namespace", obj.GetNamespace(), "object", obj.GetName(), "reason", approvals.Message(err))
		r.Reports.Say(obj, EventInvalid, err)
		return nil
	default:
		return err
	}
}

// awaited warns of a Trigger that waits for a Pipeline that is not there: a typo, or
// it comes later.
func (r *Controller) awaited(ctx context.Context, s Standing) error {
	namespace, name := AwaitedPipeline(s)
	if name == "" {
		return nil
	}
	var p metav1.PartialObjectMetadata
	p.SetGroupVersionKind(pipelinev1.SchemeGroupVersion.WithKind("Pipeline"))
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &p)
	if apierrors.IsNotFound(err) {
		r.Reports.Say(s.Object(), EventNoPipeline, approvals.Errorf(approvals.CodeNotFound,
			"%s waits for runs of Pipeline %s, and namespace %s has none of that name yet: if you do not add it, correct the name in after", s, name, namespace))
		return nil
	}
	return err
}

// ListenersController does for the inline triggers and the triggerGroups of an EventListener
// what Triggers does for Triggers.
type ListenersController struct{ Controller }

var _ reconcile.Reconciler = (*ListenersController)(nil)

// SetupWithManager registers the controller.
func (r *ListenersController) SetupWithManager(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	beside := handler.EnqueueRequestsFromMapFunc(r.beside)
	return kubeutil.Shared(mgr, "listeners", kubeutil.FewWorkers, nil).
		For(&triggersv1.EventListener{}, changed).
		// Triggers and other EventListeners may take the name of an inline trigger.
		Watches(&triggersv1.Trigger{}, beside, changed).
		Watches(&triggersv1.EventListener{}, beside, changed).
		Watches(&v1alpha1.GatePolicy{}, beside, changed).
		Watches(&corev1.Namespace{}, beside, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(kubeutil.Contained(mgr, "listeners", func() client.Object { return &triggersv1.EventListener{} }, r))
}

// beside are the EventListeners of a namespace that have inline triggers.
func (r *ListenersController) beside(ctx context.Context, o client.Object) []reconcile.Request {
	var list triggersv1.EventListenerList
	if err := r.Client.List(ctx, &list, client.InNamespace(kubeutil.NamespaceOf(o)), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if len(Inline(&list.Items[i])) > 0 {
			out = append(out, kubeutil.RequestFor(list.Items[i].Namespace, list.Items[i].Name))
		}
	}
	return out
}

// Reconcile checks one EventListener.
func (r *ListenersController) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var el triggersv1.EventListener
	if err := r.Client.Get(ctx, req.NamespacedName, &el); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	for _, err := range r.Controller.Triggers.CheckListener(ctx, &el) {
		if err := r.report(ctx, &el, err); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, r.report(ctx, &el, nil, Inline(&el)...)
}
