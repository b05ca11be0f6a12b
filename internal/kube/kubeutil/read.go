package kubeutil

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WriteWithin bounds one look, or one write, that somebody waits for.
const WriteWithin = 10 * time.Second

// Read gets one object from the cache without copying it; it must not be changed.
func Read[T client.Object](ctx context.Context, c client.Reader, namespace, name string, into T) (T, error) {
	return into, c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
}
