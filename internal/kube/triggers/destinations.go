package triggers

import (
	"context"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// destinationOf returns the address for el's events, by the Service that it owns. It reads the
// Service from the cache, which is behind the API server by no more than a watch.
func (t *Triggers) destinationOf(ctx context.Context, el *triggersv1.EventListener) (destination.Destination, error) {
	svc, err := kubeutil.Read(ctx, t.Client, el.Namespace, destination.ServiceName(el), &corev1.Service{})
	if apierrors.IsNotFound(err) {
		svc, err = nil, nil
	}
	if err != nil {
		return destination.Destination{}, kubeutil.Translate(err, "service "+el.Namespace+"/"+destination.ServiceName(el))
	}
	return destination.Of(el, svc)
}
