package web

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
)

// found is the Approval of that name, with id as proved for it, when id may see it.
//
// Anyone who may not gets one answer, whether or not there is such an Approval: who may see
// nothing of a namespace learns no names of it. CodeNotFound is for those who may get
// Approvals there.
func (s *server) found(ctx context.Context, key approvals.Key, id approvals.Identity) (approvals.Approval, approvals.Identity, error) {
	a, err := s.Store.Get(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		if hidden := s.maySee(ctx, id, approvals.Approval{Key: key}); hidden != nil {
			err = hidden
		}
	}
	if err != nil {
		return a, id, err
	}
	if id, err = s.Desk.Prove(ctx, a, id, false); err == nil {
		err = s.maySee(ctx, id, a)
	}
	return a, id, err
}

// maySee returns nil when id may see a: they may decide it, are its requester and have logged in,
// may get Approvals by RBAC, or operate the namespace. Otherwise it returns CodeForbidden, with a
// message that does not reveal whether a exists, or the error of RBAC.
func (s *server) maySee(ctx context.Context, id approvals.Identity, a approvals.Approval) error {
	if approvals.MayVote(a, id) == nil || asked(a, id) {
		return nil
	}
	may, err := s.Auth.MaySee(ctx, id, "get", a.Namespace, a.Name)
	if err == nil && !may && s.Operators != nil {
		may, err = s.Operators.MayOperate(ctx, id, a.Namespace)
	}
	if err == nil && !may {
		err = approvals.Errorf(approvals.CodeForbidden,
			"you (%s) may not see this approval in namespace %s, if it exists: ask for the permission to get approvals.countersign.dev there", id.Name, a.Namespace)
	}
	return err
}

// hide keeps from anyone who may not see an Approval what the refusal of a vote tells: that
// it is there, who can decide, what is missing and who was first. Only a refusal costs
// these questions. breakGlass: id asked to decide alone, so the right to that is one more
// way of being told.
func (s *server) hide(ctx context.Context, key approvals.Key, id approvals.Identity, breakGlass bool, err error) error {
	a, _, hidden := s.found(ctx, key, id)
	if hidden == nil {
		return err
	}
	if breakGlass && a.Resolved != nil {
		if id, failed := s.Desk.Prove(ctx, a, id, true); failed == nil && approvals.MayBreakGlass(a, id) == nil {
			return err
		}
	}
	return hidden
}
