package cli

import (
	"context"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/identity"
)

// prover finds out what somebody may, as the service does, with the rights of
// anyone who runs the command. What it says is a forecast: the service decides.
type prover struct {
	client client.Client
	self   bool // anyone who asks, so that no right to ask about others is needed
	now    func() time.Time
	// blind says that Delegations could not be read.
	blind bool
	known map[rightOn]bool
	lists map[string]*v1alpha1.DelegationList
}

type rightOn struct {
	namespace, gate string
	right           approvals.Right
}

func (c *command) prover(s *session, self bool) *prover {
	return &prover{client: s.client, self: self, now: c.Now, known: map[rightOn]bool{}, lists: map[string]*v1alpha1.DelegationList{}}
}

var (
	_ approvals.Rights    = (*prover)(nil)
	_ approvals.Delegates = (*prover)(nil)
)

// prove is id with what matters for a.
func (p *prover) prove(ctx context.Context, a approvals.Approval, id approvals.Identity, breakGlass bool) (approvals.Identity, error) {
	return (&approvals.VoteService{Rights: p, Delegates: p, Now: p.now}).Prove(ctx, a, id, breakGlass)
}

// Has asks RBAC, once for each Gate.
func (p *prover) Has(ctx context.Context, id approvals.Identity, namespace, gate string, r approvals.Right) (bool, error) {
	key := rightOn{namespace, gate, r}
	if ok, asked := p.known[key]; asked {
		return ok, nil
	}
	what := &authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: string(r), Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "gates", Name: gate,
	}
	var ok bool
	if p.self {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: what}}
		if err := p.client.Create(ctx, review); err != nil {
			return false, err
		}
		ok = review.Status.Allowed
	} else {
		review := &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: id.Name, Groups: id.Groups, ResourceAttributes: what},
		}
		if err := p.client.Create(ctx, review); err != nil {
			return false, err
		}
		ok = review.Status.Allowed
	}
	p.known[key] = ok
	return ok, nil
}

// Of reads the Delegations of a namespace, once. Anyone who may not read them still
// gets the rest of the answer.
func (p *prover) Of(ctx context.Context, name, namespace, gate string, now time.Time) ([]string, error) {
	list, ok := p.lists[namespace]
	if !ok {
		list = &v1alpha1.DelegationList{}
		if err := p.client.List(ctx, list, client.InNamespace(namespace)); apierrors.IsForbidden(err) {
			p.blind = true
		} else if err != nil {
			return nil, err
		}
		p.lists[namespace] = list
	}
	return identity.DelegateOf(list, name, gate, now), nil
}
