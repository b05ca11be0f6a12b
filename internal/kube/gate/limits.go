package gate

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Policies reads the policies above Gates, from the cache: they are few, and
// every vote asks for them. Cluster administrators write them, which RBAC sees to;
// anyone who may update a namespace chooses by its labels which ones select it.
type Policies struct {
	Client client.Reader
}

var _ approvals.GatePolicies = Policies{}

// Of are the policies that select a namespace, in the order of their names.
func (r Policies) Of(ctx context.Context, namespace string) ([]approvals.GatePolicy, error) {
	var list v1alpha1.GatePolicyList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of GatePolicies")
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	ns, err := kubeutil.Read(ctx, r.Client, "", namespace, &corev1.Namespace{})
	if apierrors.IsNotFound(err) {
		// The cache has not heard of it yet, and without its labels nobody can tell.
		return nil, approvals.Errorf(approvals.CodeUnavailable, "the labels of namespace %s are not known yet, so neither are the policies that select it; try again in a moment", namespace)
	}
	if err != nil {
		return nil, kubeutil.Translate(err, "namespace "+namespace)
	}
	return selecting(list.Items, labels.Set(ns.Labels)), nil
}

// selecting are the policies that select a namespace with these labels. One whose
// selector can't be read selects every namespace, and allows nothing.
func selecting(all []v1alpha1.GatePolicy, of labels.Set) []approvals.GatePolicy {
	var out []approvals.GatePolicy
	for i := range all {
		g := convert.GatePolicyToDomain(&all[i])
		s, err := metav1.LabelSelectorAsSelector(convert.SelectorOf(all[i].Spec.NamespaceSelector))
		switch {
		case err != nil:
			g.Invalid = "its namespaceSelector is not valid: " + err.Error()
		case !s.Matches(of):
			continue
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b approvals.GatePolicy) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Bounds checks the policy of a Gate, a Trigger or a task against GatePolicies and the
// service's configuration. A policy must be valid in itself, too.
type Bounds struct {
	Client client.Reader // from the cache
	// Service has the capabilities that policies are held to; nil: they are not.
	Service *approvals.Capabilities
}

// Hold is p with the limits that votes under it have. The error is CodeInvalid, with a
// reason, when p is outside a policy or asks for what the service does not have.
func (b Bounds) Hold(ctx context.Context, namespace string, p approvals.Policy) (approvals.Policy, error) {
	policies, err := Policies{Client: b.Client}.Of(ctx, namespace)
	if err != nil {
		return p, err
	}
	if err := approvals.OutsidePolicies(p.Within(policies)); err != nil {
		return p, kubeutil.Reason("OutsidePolicy", err)
	}
	p = p.Under(policies)
	if b.Service != nil {
		if err := b.Service.Supports(p); err != nil {
			return p, kubeutil.Reason("NotConfigured", err)
		}
	}
	return p, nil
}
