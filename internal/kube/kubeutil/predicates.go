package kubeutil

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NamespaceOf is where what o says holds: in a Namespace that itself, and in all of
// them, "", for what is of the cluster.
func NamespaceOf(o client.Object) string {
	if _, ok := o.(*corev1.Namespace); ok {
		return o.GetName()
	}
	return o.GetNamespace()
}
