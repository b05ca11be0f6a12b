package audit

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
)

// cancelDeleted ends what somebody deleted and a finalizer keeps, at once, whether the store
// answers or not: what waits ends, and what is decided starts no run.
func (r *Record) cancelDeleted(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	x.leaving, err = r.source().Leaving(ctx, x.key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return res, false, nil
	}
	if err != nil || x.leaving.IsZero() {
		return res, err != nil, err
	}
	now := r.Now()
	_, _, err = r.Outcomes.Save(ctx, x.key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if !a.ToCancel() {
			return a, approvals.NoChange, nil
		}
		return approvals.Cancel(a, approvals.Cancellation{Reason: "it was deleted from the cluster"}, now)
	})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		err = nil
	}
	return res, err != nil, err
}

// letGo writes down the last of an Approval that somebody deleted, by the API server's
// word and not the cache's, and has it removed: the finalizer goes once the ledger has
// the lines. The lines' ids make it idempotent.
func (r *Record) letGo(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	if x.leaving.IsZero() {
		return res, false, nil
	}
	a, verified, err := r.source().LastOf(ctx, x.key)
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound:
		r.behind.note(x.name, false)
		return res, true, nil
	case err != nil:
		return res, true, err
	}
	if verified {
		if err := r.append(ctx, a.UID, append(record.Lines(a), record.Removal(a, x.leaving))); err != nil {
			return r.failed(ctx, err)
		}
	}
	r.behind.note(x.name, false)
	return res, true, r.source().LetGo(ctx, a.Key)
}
