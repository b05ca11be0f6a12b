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

// save saves what change makes of an Approval, with the results of its end if that is one.
func (e ends) save(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change)) (approvals.Approval, error) {
	var did approvals.Change
	a, err := e.store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a, did = change(a)
		if did != approvals.Ended {
			return a, did, nil
		}
		var err error
		a.Results, err = e.results(ctx, a)
		return a, did, err
	})
	if err == nil && did == approvals.Ended {
		e.ended(a)
	}
	return a, err
}
