package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// read gets one object from the cache without copying it; it must not be changed.
func read[T client.Object](ctx context.Context, c client.Reader, namespace, name string, into T) (T, error) {
	return into, c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
}
