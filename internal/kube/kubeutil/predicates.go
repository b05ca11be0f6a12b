package kubeutil

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NamespaceOf returns the namespace to which o applies: for a Namespace itself, and "", all of
// them, for an object of the cluster.
func NamespaceOf(o client.Object) string {
	if _, ok := o.(*corev1.Namespace); ok {
		return o.GetName()
	}
	return o.GetNamespace()
}
