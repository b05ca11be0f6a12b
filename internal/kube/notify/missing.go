package notify

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// MissingChannels says on each Approval which of its Gate's channels the
// configuration does not know: nobody else would.
type MissingChannels struct {
	Store *store.Store
	Known func(name string) bool
}

var _ reconcile.Reconciler = (*MissingChannels)(nil)

// SetupWithManager registers the controller.
func (r *MissingChannels) SetupWithManager(mgr ctrl.Manager) error {
	return kubeutil.Shared(mgr, "missing-channels", kubeutil.FewWorkers, queue.OfTrigger).
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(e event.UpdateEvent) bool { return store.IsNews(e.ObjectOld, e.ObjectNew) },
			DeleteFunc: func(event.DeleteEvent) bool { return false },
		})).
		Complete(kubeutil.Contained(mgr, "missing-channels", func() client.Object { return &v1alpha1.Approval{} }, r))
}

// Reconcile writes what is missing into the ledger, once.
func (r *MissingChannels) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	cached, err := r.Store.Cached(ctx, key)
	if err == nil && len(notify.Missing(cached.State(), r.Known)) > 0 {
		_, err = r.Store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			missing := notify.Missing(a, r.Known)
			if len(missing) == 0 {
				return a, approvals.NoChange, nil
			}
			for _, d := range missing {
				a = notify.Record(a, d)
			}
			return a, approvals.Notified, nil
		})
	}
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}
