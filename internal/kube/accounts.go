package kube

import (
	"context"

	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// account is a service account, not ours: what an EventListener acts as.
type account struct{ namespace, name string }

// may asks the API server, which is to be told of the groups too.
func (a account) may(ctx context.Context, c client.Client, do *authorizationv1.ResourceAttributes) (bool, error) {
	sar := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + a.namespace + ":" + a.name,
		Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + a.namespace, "system:authenticated"},
		ResourceAttributes: do,
	}}
	err := c.Create(ctx, sar)
	return sar.Status.Allowed, err
}

// MayListTriggers asks the API server for Triggers.MayListTriggers; without an
// answer it is no.
func MayListTriggers(c client.Client) func(ctx context.Context, home, account, namespace string) bool {
	return func(ctx context.Context, home, name, namespace string) bool {
		may, err := account{home, name}.may(ctx, c, &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "list", Group: triggersapi.GroupName, Resource: "triggers",
		})
		return err == nil && may
	}
}
