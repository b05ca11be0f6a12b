package gate

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
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
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Gates says on each Gate whether it can be used: what the schema can't see, such
// as an expression that does not compile, a GatePolicy that it is outside of, or a
// setting that the service is not configured for.
type Gates struct {
	Client client.Client
	CEL    *mapping.Compiler
	// Service has the capabilities that Gates are held to; nil: they are not.
	Service *approvals.Capabilities
	Now     func() time.Time
}

var _ reconcile.Reconciler = (*Gates)(nil)

// SetupWithManager registers the controller.
func (r *Gates) SetupWithManager(mgr ctrl.Manager) error {
	return kubeutil.Shared(mgr, "gates", kubeutil.FewWorkers, nil).
		// Not only when the spec changes: anyone who may write a Gate's status could else
		// have it say something else for ever.
		For(&v1alpha1.Gate{}).
		Watches(&v1alpha1.GatePolicy{}, handler.EnqueueRequestsFromMapFunc(r.GatesOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.GatesOf), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(kubeutil.Contained(mgr, "gates", func() client.Object { return &v1alpha1.Gate{} }, r))
}

// maxMessage is the API server's bound for a condition's message, in bytes.
const maxMessage = 32 << 10

// GatesOf are the Gates of a namespace, or, for a GatePolicy, all: its selector may
// have been another one before.
func (r *Gates) GatesOf(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.GateList
	err := r.Client.List(ctx, &list, client.InNamespace(kubeutil.NamespaceOf(o)), client.UnsafeDisableDeepCopy)
	var keys []approvals.Key
	for i := range list.Items {
		keys = append(keys, approvals.Key{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name})
	}
	return kubeutil.Requests(keys, err)
}

// Reconcile writes one Gate's Ready condition.
func (r *Gates) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var g v1alpha1.Gate
	if err := r.Client.Get(ctx, req.NamespacedName, &g); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	c := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Usable",
		ObservedGeneration: g.Generation, LastTransitionTime: metav1.NewTime(r.Now()),
	}
	switch err := CheckGate(ctx, r.CEL, Bounds{Client: r.Client, Service: r.Service}, &g); approvals.CodeOf(err) {
	case "":
	case approvals.CodeUnavailable, approvals.CodeInternal:
		return ctrl.Result{}, err
	default:
		p := kubeutil.ProblemWith("Unusable", err)
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, p.Reason, approvals.Cut(p.Message, maxMessage)
	}
	before := g.Status.DeepCopy()
	meta.SetStatusCondition(&g.Status.Conditions, c)
	r.warn(&g)
	if equality.Semantic.DeepEqual(*before, g.Status) {
		return ctrl.Result{}, nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": g.ResourceVersion},
		"status":   g.Status,
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, client.IgnoreNotFound(r.Client.Status().Patch(ctx, &g, client.RawPatch(types.MergePatchType, patch)))
}
