package outcome

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// Writer saves ends that no vote brought.
type Writer struct {
	Store   *store.Store
	Results func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error)
	Ended   func(approvals.Approval) // is told of those that this process saved
}

// Save saves what change makes of an Approval, with the results of its end if that is one:
// those are worked out before the write. change takes its time from outside.
func (e Writer) Save(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change)) (approvals.Approval, error) {
	seen, err := e.Store.Get(ctx, key)
	if err != nil {
		return seen, err
	}
	a, did, err := approvals.SaveWithResults(ctx, e.Store, e.Results, seen, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a, did := change(a)
		return a, did, nil
	})
	if err == nil && did == approvals.Ended {
		e.Ended(a)
	}
	return a, err
}
