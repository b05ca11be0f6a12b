package app

import (
	"context"

	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
	"github.com/countersign-dev/countersign/internal/kube/secondrun"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/vote"
)

// How many work at what at once. One namespace occupies half of them at most, and fewer
// while others are busy (package queue): what it has in thousands, or what is slow in it,
// waits for itself alone.
const (
	openWorkers    = 16
	voteWorkers    = 8
	approveWorkers = 32
	notifyWorkers  = 8
	// preflightWorkers are few: thousands that wait must not have the API server busy.
	preflightWorkers = 4
)

func (c *core) controllers(ctx context.Context, kept *sqlstore.Ledger, told tellers) ([]setup, error) {
	cached := c.mgr.GetClient()
	wrong := triggers.Controller{Client: cached, Live: c.mgr.GetAPIReader(), Triggers: c.triggers, Reports: c.reports, Log: c.Log}
	setups := []setup{
		&gate.Gates{Client: cached, CEL: c.cel, Service: c.service, Now: c.Now},
		&wrong, &triggers.ListenersController{Controller: wrong},
		&vote.Votes{Client: cached, Store: c.store, Desk: c.desk, Guards: c.guards, Now: c.Now, Log: c.Log, Workers: voteWorkers, Quota: c.quotas.Of},
		&hold.Runs{Client: cached, Opener: c.opener, Triggers: c.triggers, Reports: c.reports, Workers: openWorkers},
		&lifecycle.Approvals{
			Client: cached, Live: c.mgr.GetAPIReader(), Store: c.store, Opener: c.opener, Releaser: c.releaser, Proofs: c.proofs, Starter: c.starter, Reports: c.reports, Diagnosis: c.diagnosis,
			Now: c.Now, Log: c.Log, Outcomes: c.outcomes, Confirmed: c.confirmed, Workers: approveWorkers, Evidence: c.evidence,
		},
	}
	setups = append(setups, &preflight.Preflight{
		Store: c.store, Opener: c.opener, Check: c.preflight, Outcomes: c.outcomes, Now: c.Now, Log: c.Log, Workers: preflightWorkers,
	})
	setups = append(setups, &secondrun.Runs{
		Client: cached, Live: c.mgr.GetAPIReader(), Store: c.store, Now: c.Now, Log: c.Log, Ended: c.runEnded, Workers: kubeutil.FewWorkers,
	})
	answers, err := c.approvalTasks(ctx)
	if err != nil {
		return nil, err
	}
	if answers != nil {
		setups = append(setups, answers)
	}
	setups = append(setups, c.tasks(ctx, answers)...)
	rec, err := recording(c.Options, c.store, c.outcomes, kept, c.keys.Ring, c.metrics, ctrlmetrics.Registry)
	if err != nil {
		return nil, err
	}
	setups = append(setups, rec)
	return append(setups, told.setups(c)...), nil
}
