package lifecycle

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// confirm records the run that was seen: the last write of an Approval's life.
func (r *Approvals) confirm(ctx context.Context, a approvals.Approval, found verifyrun.Sighting) error {
	next := a
	next.SecondRun = found.Run
	if err := hold.HandClaims(ctx, r.Client, r.Live, next); err != nil {
		return err
	}
	earlier := false // it is the run of an attempt before: the cache lags behind
	a, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if earlier = a.SecondRun == nil && string(a.RunName) != found.Run.Name; earlier || a.SecondRun != nil {
			return a, approvals.NoChange, nil
		}
		a.SecondRun, a.EventID, a.Unreleased = found.Run, found.EventID, nil
		return a, approvals.Released, nil
	})
	if err != nil || earlier {
		return err
	}
	r.Releaser.Attempts.Forget(a.UID)
	r.seen.forget(key(a.Key))
	if !a.Resolved.Policy.VerifyBeforeStart {
		r.Proofs.Forget(a.Key)
	}
	r.Confirmed(a)
	r.Log.Info("release confirmed", "namespace", a.Namespace, "approval", a.Name, "run", found.Run.Name)
	return nil
}
