package controller

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// ends saves ends that no vote brought.
type ends struct {
	store   *kube.Store
	results func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error)
	ended   func(approvals.Approval) // is told of those that this process saved
}

// save saves what change makes of an Approval, with the results of its end if that is one:
// those are worked out before the write. change takes its time from outside.
func (e ends) save(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change)) (approvals.Approval, error) {
	seen, err := e.store.Get(ctx, key)
	if err != nil {
		return seen, err
	}
	a, did, err := approvals.SaveWithResults(ctx, e.store, e.results, seen, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a, did := change(a)
		return a, did, nil
	})
	if err == nil && did == approvals.Ended {
		e.ended(a)
	}
	return a, err
}
