package app

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/openshift"
)

// taskWorkers is enough: each step is a read or two and at most one write.
const taskWorkers = 8

// answersTasks reports whether the configuration wants approval tasks of other systems
// answered.
func (o Options) answersTasks() bool {
	return o.Config.CustomTasks == nil || len(o.Config.CustomTasks) > 0
}

// tasks are the controllers that answer approval tasks of other systems, none when
// the configuration wants none.
func (c *core) tasks(ctx context.Context, answers *openshift.ApprovalTasks) []setup {
	if !c.answersTasks() {
		return nil
	}
	cached := c.mgr.GetClient()
	t := &approvaltask.Tasks{
		Client: cached, Store: c.store, Proofs: c.proofs, Opener: c.opener, Outcomes: c.outcomes, Now: c.Now, Log: c.Log, Workers: taskWorkers,
		Runs:  c.answers,
		Kinds: &approvaltask.Kinds{Live: c.direct, Only: c.Config.CustomTasks, Now: c.Now},
		Mirrors: map[string]approvaltask.Mirror{
			tasks.Automatiko:   approvaltask.AutomatikoView(c.direct, c.opener.Page),
			tasks.KubeRocketCI: approvaltask.RocketView(c.direct),
		},
		Views:  c.views(ctx),
		Events: c.mgr.GetEventRecorder("countersign"),
	}
	if answers != nil {
		t.Mirrors[tasks.ManualApprovalGate] = answers.Mirror
	}
	return []setup{t, &approvaltask.Abandoned{Tasks: t}}
}

// views are the kinds' own objects that can be watched: those that are installed, with the
// right to list them, when the process starts. The others are put right at the next step
// of their task: a watch without the right would keep the process from becoming ready.
func (c *core) views(ctx context.Context) []client.Object {
	var out []client.Object
	for _, name := range []string{tasks.Automatiko, tasks.KubeRocketCI} {
		kind, _ := tasks.Find(name)
		gvk := schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := c.direct.List(ctx, list, client.Limit(1)); err != nil {
			c.Log.Info("edits of its objects are reverted at the next step of their task", "kind", name, "reason", err.Error())
			continue
		}
		view := &metav1.PartialObjectMetadata{}
		view.SetGroupVersionKind(gvk)
		out = append(out, view)
	}
	return out
}
