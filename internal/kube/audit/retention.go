package audit

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
)

// retain removes an Approval that was decided long enough ago, that nothing is still
// to come of, and all of whose lines the ledger says it has.
func (r *Record) retain(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	a := x.a
	if !r.Keeps || a.Resolved == nil || a.Resolved.Policy.KeepFor <= 0 || !a.Decided() || a.ToRelease() || a.ToAnswer() {
		return res, true, nil
	}
	if left := a.DecidedAt.Add(a.Resolved.Policy.KeepFor).Sub(r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, true, nil
	}
	var storeErr error
	removed, err := r.source().Remove(ctx, a.Key, func(fresh approvals.Approval) (bool, error) {
		if !fresh.Decided() || fresh.ToRelease() || fresh.ToAnswer() {
			return false, nil
		}
		var missing []string
		missing, storeErr = r.Ledger.Missing(ctx, record.IDs(record.Lines(fresh)))
		return storeErr == nil && len(missing) == 0, storeErr
	})
	code := approvals.CodeOf(err)
	switch {
	case storeErr != nil:
		return r.failed(ctx, storeErr)
	case code == approvals.CodeNotFound, code == approvals.CodeConflict:
		return res, true, nil // somebody was first, which comes as an event
	case err != nil:
		return res, true, err
	case removed:
		r.Log.Info("approval removed: its retention time is over and its history is in the audit log", "namespace", a.Namespace, "approval", a.Name)
		return res, true, nil
	case x.verified:
		// The cache is behind, or the ledger has lost what it had: once more.
		r.written.forget(a.UID)
		return ctrl.Result{RequeueAfter: AskAgain}, true, nil
	default:
		r.Log.Warn("approval kept beyond its retention time: its history is not in the audit log, and its signing key was deleted", "namespace", a.Namespace, "approval", a.Name)
		return res, true, nil
	}
}
