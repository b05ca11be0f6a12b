package identity

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Delegates reads Delegations, from the cache. That "from" made them is the API
// server's word: deploy/base/admission.yaml.
type Delegates struct {
	Client client.Reader
	Guards *Guards
	// Quota returns the quota of a namespace. Nil: nothing is bounded.
	Quota func(ctx context.Context, namespace string) (approvals.Quota, error)
	// Over is told of a Delegation that does not count because of that. Nil: nobody is.
	Over func(o *v1alpha1.Delegation, err error)
}

var _ approvals.Delegates = (*Delegates)(nil)

// Of are the people whose delegate name is at now, sorted, each once.
func (d *Delegates) Of(ctx context.Context, name, namespace, gate string, now time.Time) ([]string, error) {
	var list v1alpha1.DelegationList
	if err := d.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of delegations")
	}
	if err := d.Bound(ctx, namespace, &list, now); err != nil {
		return nil, err
	}
	from := DelegateOf(&list, name, gate, now)
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
	return DelegateOf(&proved, name, gate, now), nil
}

// Bound leaves in list as many as namespace may have, those that were made first: somebody
// who makes thousands takes nobody's delegate away.
func (d *Delegates) Bound(ctx context.Context, namespace string, list *v1alpha1.DelegationList, now time.Time) error {
	if d.Quota == nil {
		return nil
	}
	q, err := d.Quota(ctx, namespace)
	if err != nil {
		return err
	}
	most := q.Delegations
	if most == 0 || len(list.Items) <= most {
		return nil
	}
	items := slices.DeleteFunc(slices.Clone(list.Items), func(o v1alpha1.Delegation) bool { return !now.Before(o.Spec.Until.Time) })
	if len(items) <= most {
		return nil
	}
	slices.SortFunc(items, func(a, b v1alpha1.Delegation) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	if d.Over != nil {
		for i := range items[most:min(len(items), most+mostTold)] {
			d.Over(&items[most+i], q.TooManyDelegations(namespace))
		}
	}
	list.Items = items[:most]
	return nil
}

// mostTold bounds the Delegations on which it is said that they do not count.
const mostTold = 16

// DelegateOf are the people whose delegate name is at now by list, sorted, each once.
func DelegateOf(list *v1alpha1.DelegationList, name, gate string, now time.Time) []string {
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
