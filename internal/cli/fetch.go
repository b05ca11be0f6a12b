package cli

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// approval is one Approval of the session's namespace, by its name or as -o name
// writes it.
func (s *session) approval(ctx context.Context, name string) (*v1alpha1.Approval, error) {
	name = name[strings.LastIndex(name, "/")+1:]
	o := &v1alpha1.Approval{}
	err := s.client.Get(ctx, types.NamespacedName{Namespace: s.namespace, Name: name}, o)
	if !apierrors.IsNotFound(err) || unknownResource(err) {
		return o, err
	}
	var names []string
	if all, err := s.approvals(ctx, s.namespace); err == nil {
		for i := range all {
			names = append(names, all[i].Name)
		}
	}
	return nil, absent("approval", name, s.namespace, names)
}

// approvals lists those of a namespace, of all when it is "", newest first.
func (s *session) approvals(ctx context.Context, namespace string) ([]v1alpha1.Approval, error) {
	var list v1alpha1.ApprovalList
	if err := s.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	newestFirst(list.Items)
	return list.Items, nil
}

func newestFirst(items []v1alpha1.Approval) {
	slices.SortFunc(items, func(a, b v1alpha1.Approval) int {
		if c := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
}

func (s *session) gate(ctx context.Context, name string) (*v1alpha1.Gate, error) {
	o := &v1alpha1.Gate{}
	err := s.client.Get(ctx, types.NamespacedName{Namespace: s.namespace, Name: name}, o)
	if !apierrors.IsNotFound(err) || unknownResource(err) {
		return o, err
	}
	names, _ := s.gateNames(ctx)
	return nil, absent("gate", name, s.namespace, names)
}

func (s *session) gateNames(ctx context.Context) ([]string, error) {
	var list v1alpha1.GateList
	if err := s.client.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names, nil
}

// forMe keeps what I may vote on now; with voted what I may change.
func (c *command) forMe(ctx context.Context, s *session, items []v1alpha1.Approval, voted bool) ([]v1alpha1.Approval, error) {
	me, err := s.whoami(ctx)
	if err != nil {
		return nil, err
	}
	p := c.prover(s, true)
	var mine []v1alpha1.Approval
	for i := range items {
		a := convert.Unverified(&items[i])
		id, err := p.prove(ctx, a, me, false)
		if err != nil {
			return nil, err
		}
		if you := approvals.Explain(a, id, c.Now()).You; you.May && (you.Vote != nil || !voted) {
			mine = append(mine, items[i])
		}
	}
	c.tellBlind(p)
	return mine, nil
}

// tellBlind notes that approvals may be missing which the person could decide as a delegate, where
// Delegations can't be read.
func (c *command) tellBlind(p *prover) {
	if p.blind {
		c.note("note: you may not list delegations here, so approvals that you could decide as a delegate are left out")
	}
}
