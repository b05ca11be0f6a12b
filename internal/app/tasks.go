package app

import (
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube"
	"github.com/countersign-dev/countersign/internal/kube/controller"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
)

// taskWorkers is enough: each step is a read or two and at most one write.
const taskWorkers = 4

// answersTasks says whether the configuration wants approval tasks of other systems
// answered.
func (o Options) answersTasks() bool {
	return o.Config.CustomTasks == nil || len(o.Config.CustomTasks) > 0
}

// tasks are the controllers that answer approval tasks of other systems, none when
// the configuration wants none.
func (c *core) tasks(answers *openshift.ApprovalTasks) []setup {
	if !c.answersTasks() {
		return nil
	}
	cached := c.mgr.GetClient()
	t := &controller.Tasks{
		Client: cached, Store: c.store, Opener: c.opener, Results: c.results, Now: c.Now, Log: c.Log, Ended: c.metrics.ended, Workers: taskWorkers,
		Runs:  c.answers,
		Kinds: &kube.Kinds{Live: c.direct, Only: c.Config.CustomTasks, Now: c.Now},
		Mirrors: map[string]kube.Mirror{
			tasks.Automatiko:   kube.AutomatikoView(c.direct, c.Config.External),
			tasks.KubeRocketCI: kube.RocketView(c.direct),
		},
		Events: c.mgr.GetEventRecorder("countersign"),
	}
	if answers != nil {
		t.Mirrors[tasks.ManualApprovalGate] = answers.Mirror
	}
	return []setup{t, &controller.Abandoned{Tasks: t}}
}
