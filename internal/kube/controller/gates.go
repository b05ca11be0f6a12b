package controller

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube"
)

// Gates says on each Gate whether it can be used: what the schema can't see, such
// as an expression that does not compile.
type Gates struct {
	Client client.Client
	CEL    *mapping.Compiler
	Now    func() time.Time
}

var _ reconcile.Reconciler = (*Gates)(nil)

// SetupWithManager registers the controller.
func (r *Gates) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("gates").
		For(&v1alpha1.Gate{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
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
	if err := kube.CheckGate(r.CEL, &g); err != nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, "Unusable", approvals.Message(err)
	}
	before := g.Status.DeepCopy()
	meta.SetStatusCondition(&g.Status.Conditions, c)
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
