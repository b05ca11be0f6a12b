package app

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube"
	"github.com/countersign-dev/countersign/internal/kube/controller"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
)

// taskWorkers is enough: each step is a read or two and at most one write.
const taskWorkers = 4

// tasksOf are the controllers that answer approval tasks of other systems, none when
// the configuration wants none.
func tasksOf(o Options, mgr manager.Manager, direct client.Client, store *kube.Store, opener *kube.Opener, answers *openshift.ApprovalTasks, results func(context.Context, approvals.Approval) ([]approvals.Param, error), m *metrics) []setup {
	if o.Config.CustomTasks != nil && len(o.Config.CustomTasks) == 0 {
		return nil
	}
	t := &controller.Tasks{
		Client: mgr.GetClient(), Store: store, Opener: opener, Results: results, Now: o.Now, Log: o.Log, Ended: m.ended, Workers: taskWorkers,
		Runs:  &kube.CustomRuns{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Now: o.Now},
		Kinds: &kube.Kinds{Live: direct, Only: o.Config.CustomTasks, Now: o.Now},
		Mirrors: map[string]kube.Mirror{
			tasks.Automatiko:   kube.AutomatikoView(direct, o.Config.External),
			tasks.KubeRocketCI: kube.KubeRocketCIView(direct),
		},
		Events: mgr.GetEventRecorder("countersign"),
	}
	if answers != nil {
		t.Mirrors[tasks.ManualApprovalGate] = answers.Mirror
	}
	return []setup{t, &controller.Abandoned{Tasks: t}}
}
