package controller

import (
	"context"
	"log/slog"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// Triggers says of each Trigger, when it is first seen and when it changes, what
// is wrong with its countersign line. A Trigger has no status, so it is said in a
// Kubernetes Event and in the log.
type Triggers struct {
	Client   client.Client
	Triggers *kube.Triggers
	Events   events.EventRecorder
	Log      *slog.Logger
}

var _ reconcile.Reconciler = (*Triggers)(nil)

// SetupWithManager registers the controller.
func (r *Triggers) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("triggers").
		For(&triggersv1.Trigger{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		// Gates that stand in Triggers are held to policies too.
		Watches(&v1alpha1.GatePolicy{}, handler.EnqueueRequestsFromMapFunc(r.triggersOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.triggersOf), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(r)
}

// triggersOf are the Triggers that what o says may be about.
func (r *Triggers) triggersOf(ctx context.Context, o client.Object) []reconcile.Request {
	var list triggersv1.TriggerList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespaceOf(o)), client.UnsafeDisableDeepCopy); err != nil {
		return nil // what was not found is found by the next event
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, requestFor(list.Items[i].Namespace, list.Items[i].Name))
	}
	return out
}

// Reconcile checks one Trigger.
func (r *Triggers) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var t triggersv1.Trigger
	if err := r.Client.Get(ctx, req.NamespacedName, &t); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	err := r.Triggers.Check(ctx, &t)
	if err != nil && approvals.CodeOf(err) == approvals.CodeInvalid {
		r.Log.Warn("trigger can't be used", "namespace", t.Namespace, "trigger", t.Name, "reason", approvals.Message(err))
		r.Events.Eventf(&t, nil, corev1.EventTypeWarning, "CountersignInvalid", "Check", "%s", approvals.Message(err))
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}
