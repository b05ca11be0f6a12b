package kubeutil

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/approvals"
)

// RequestFor is for what has that name.
func RequestFor(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// Requests are for those that were found; what was not is found by the next event.
func Requests(found []approvals.Key, err error) []reconcile.Request {
	if err != nil {
		return nil
	}
	var out []reconcile.Request
	for _, key := range found {
		out = append(out, RequestFor(key.Namespace, key.Name))
	}
	return out
}
