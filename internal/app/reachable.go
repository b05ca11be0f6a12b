package app

import (
	"context"
	"errors"
	"net/http"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/countersign-dev/countersign/internal/kube/apiserver"
)

// reachable has this replica ready only while it reaches the API server and is not about to
// end. It asks for the lease, which it may read, and which takes all that a vote takes:
// authentication, RBAC and etcd.
func reachable(ctx context.Context, o Options, mgr manager.Manager, reach *apiserver.Reach, patient *rest.Config) error {
	clientset, err := kubernetes.NewForConfig(patient)
	if err != nil {
		return err
	}
	return errors.Join(
		mgr.Add(&apiserver.Probe{
			Reach: reach, Client: clientset.CoordinationV1().RESTClient(),
			Path: "/apis/coordination.k8s.io/v1/namespaces/" + o.Namespace + "/leases/" + leaseName,
		}),
		mgr.AddReadyzCheck("api-server", func(*http.Request) error { return reach.Ready() }),
		mgr.AddReadyzCheck("stopping", func(*http.Request) error { return ctx.Err() }),
	)
}
