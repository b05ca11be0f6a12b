package kubeutil

import (
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/internal/kube/contain"
	"github.com/countersign-dev/countersign/internal/kube/queue"
)

// FewWorkers serve what writes little and is not waited for. There are more than one so that
// no namespace occupies all.
const FewWorkers = 4

// Shared is a controller that serves namespaces in turn, so that none waits behind what
// another one has, however much and however slow that is; and that outlives whatever an
// object does. part is what an object belongs to within its namespace; nil: to nothing.
func Shared(mgr ctrl.Manager, name string, workers int, part func(reconcile.Request) string) *builder.Builder {
	return ctrl.NewControllerManagedBy(mgr).Named(name).WithOptions(queue.Served(workers, part))
}

// Contained is r, of objects like kind.
func Contained(mgr ctrl.Manager, name string, kind func() client.Object, r reconcile.Reconciler) reconcile.Reconciler {
	return contain.Served(mgr, name, kind, r)
}
