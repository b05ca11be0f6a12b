package approvals

import "context"

// Cancel ends what nobody wants any more, by somebody who operates its namespace.
// It is one write, with the results where it ended a.
//
// Errors are those of the function Cancel, of the Store, and CodeForbidden.
func (d *VoteService) Cancel(ctx context.Context, key Key, id Identity, why string) (Approval, Change, error) {
	now := d.Now()
	return d.operate(ctx, key, id, func(a Approval) (Approval, Change, error) {
		return Cancel(a, Cancellation{By: id.Name, Reason: why}, now)
	})
}

// Retry asks for the next attempt now, by somebody who operates its namespace.
//
// Errors are those of the function Retry, of the Store, and CodeForbidden.
func (d *VoteService) Retry(ctx context.Context, key Key, id Identity) (Approval, Change, error) {
	return d.operate(ctx, key, id, func(a Approval) (Approval, Change, error) { return Retry(a, d.Now()) })
}

// RevokeLink ends the link that was mailed to an approver, who is meant by their name or by
// the address: for that very person, however they came, and for somebody who operates the
// namespace. It is one write.
//
// Errors are those of the function RevokeLink, of the Store, and CodeForbidden.
func (d *VoteService) RevokeLink(ctx context.Context, key Key, id Identity, of string) (Approval, Change, error) {
	a, err := d.Store.Get(ctx, key)
	if err != nil && CodeOf(err) != CodeNotFound { // that it is not there is for those to know who may look
		return Approval{}, NoChange, err
	}
	who, own, unclear := of, SameName(id.Name, of), error(nil)
	if err == nil {
		key = a.Key // whose link it is was found out for this one, and not for another of its name
		if a.Resolved != nil {
			who, own, unclear = linkOf(*a.Resolved.Policy, d.People.Know(id), of)
		}
	}
	change := func(a Approval) (Approval, Change, error) {
		if unclear != nil && !a.Decided() {
			return a, NoChange, unclear
		}
		return RevokeLink(a, who, id, d.Now())
	}
	if id.Name != "" && own {
		return d.writer().Save(ctx, key, change)
	}
	return d.operate(ctx, key, id, change)
}

// operate makes one change as id, who must operate the namespace.
func (d *VoteService) operate(ctx context.Context, key Key, id Identity, change func(Approval) (Approval, Change, error)) (Approval, Change, error) {
	if err := d.mayOperate(ctx, id, key.Namespace); err != nil {
		return Approval{}, NoChange, err
	}
	return d.writer().Save(ctx, key, change)
}

// mayOperate says why id may not operate a namespace, or nil. A link and Slack prove
// a name for voting, and nothing more.
func (d *VoteService) mayOperate(ctx context.Context, id Identity, namespace string) error {
	if d.Operators != nil && id.Name != "" && (id.AuthMethod == AuthLogin || id.AuthMethod == AuthToken || id.AuthMethod == AuthObject) {
		if may, err := d.Operators.MayOperate(ctx, id, namespace); may || err != nil {
			return err
		}
	}
	return Errorf(CodeForbidden, "you (%s) are not an operator of namespace %s: ask for the permission to update approvals.countersign.dev/status there; nothing was changed", id.Name, namespace)
}
