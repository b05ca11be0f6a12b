package kubeutil

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// IsNews says whether an update makes somebody to be told: the coming of the terms,
// the outcome, and the wish to try again. The rest is a matter of time.
func IsNews(before, after client.Object) bool {
	x, ok1 := before.(*v1alpha1.Approval)
	y, ok2 := after.(*v1alpha1.Approval)
	return ok1 && ok2 && (x.Generation != y.Generation || x.Status.Outcome != y.Status.Outcome || !x.Status.RetryAt.Equal(y.Status.RetryAt))
}

// NamespaceOf is where what o says holds: in a Namespace that itself, and in all of
// them, "", for what is of the cluster.
func NamespaceOf(o client.Object) string {
	if _, ok := o.(*corev1.Namespace); ok {
		return o.GetName()
	}
	return o.GetNamespace()
}
