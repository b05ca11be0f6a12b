package kube

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// Deputies reads Delegations, from the cache. That "from" made them is the API
// server's word: deploy/base/admission.yaml.
type Deputies struct {
	Client client.Reader
	Guards *Guards
}

var _ approvals.Deputies = (*Deputies)(nil)

// Of are the people whose deputy name is at now, sorted, each once.
func (d *Deputies) Of(ctx context.Context, name, namespace, gate string, now time.Time) ([]string, error) {
	var list v1alpha1.DelegationList
	if err := d.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, translate(err, "the list of delegations")
	}
	from := DeputyOf(&list, name, gate, now)
	if len(from) == 0 {
		return nil, nil
	}
	since, err := d.Guards.Since(ctx, GuardOfDelegations)
	if err != nil {
		return nil, err
	}
	proved := v1alpha1.DelegationList{}
	for i := range list.Items {
		if !list.Items[i].CreationTimestamp.Time.Before(since) {
			proved.Items = append(proved.Items, list.Items[i])
		}
	}
	return DeputyOf(&proved, name, gate, now), nil
}

// DeputyOf are the people whose deputy name is at now by list, sorted, each once.
func DeputyOf(list *v1alpha1.DelegationList, name, gate string, now time.Time) []string {
	var from []string
	for i := range list.Items {
		o := &list.Items[i]
		since := o.CreationTimestamp.Time
		if s := o.Spec.Since; s != nil {
			since = s.Time
		}
		inTime := !now.Before(since) && now.Before(o.Spec.Until.Time) && o.DeletionTimestamp == nil
		if o.Spec.To == name && inTime && (len(o.Spec.Gates) == 0 || slices.Contains(o.Spec.Gates, gate)) {
			from = append(from, o.Spec.From)
		}
	}
	slices.Sort(from)
	return slices.Compact(from)
}
