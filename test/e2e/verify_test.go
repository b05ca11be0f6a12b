//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// deployed is a pipeline of two tasks and a step of its own, and the right to let its
// runs go.
const deployed = `
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: report}
spec:
  image: cluster.local/busybox:1
  script: "#!/bin/sh\necho reported\n"
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: say}
spec:
  params: [{name: version}]
  steps:
    - {name: say, image: "cluster.local/busybox:1", env: [{name: VERSION, value: $(params.version)}], script: "#!/bin/sh\necho deploying $VERSION\n"}
    - {name: report, ref: {name: report}}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: after}
spec: {steps: [{name: say, image: "cluster.local/busybox:1", script: "#!/bin/sh\necho after\n"}]}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-2}
spec:
  params: [{name: version}, {name: decision}, {name: comment}]
  tasks:
    - {name: say, taskRef: {name: say}, params: [{name: version, value: $(params.version)}]}
    - {name: after, runAfter: [say], taskRef: {name: after}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: countersign-release}
rules: [{apiGroups: [tekton.dev], resources: [pipelineruns], verbs: [get, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: countersign-release}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: countersign-release}
subjects: [{kind: ServiceAccount, name: countersign, namespace: countersign}]`

// Nothing executes before the run, its Pipeline and its Tasks were compared with what was
// approved; and what differs is cancelled and reported.
func TestVerifyBeforeStart(t *testing.T) {
	t.Parallel()
	edit := func(kind, name, patch string) func(*testing.T, *cluster.Env) {
		return func(t *testing.T, e *cluster.Env) {
			t.Helper()
			var o client.Object = &pipelinev1.Task{}
			if kind == "Pipeline" {
				o = &pipelinev1.Pipeline{}
			}
			o.SetNamespace(e.NS)
			o.SetName(name)
			if err := e.Patch(t.Context(), o, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
				t.Fatal(err)
			}
		}
	}
	const script = `[{"op":"replace","path":"/spec/steps/0/script","value":"#!/bin/sh\necho evil\n"}]`
	for name, c := range map[string]struct {
		change func(*testing.T, *cluster.Env) // after the vote's resolved are fixed, before the vote
		says   string                         // "": it runs
	}{
		"as approved":  {func(*testing.T, *cluster.Env) {}, ""},
		"the pipeline": {edit("Pipeline", "part-2", `[{"op":"add","path":"/spec/description","value":"other"}]`), "Pipeline part-2 was changed after it was approved"},
		"a task":       {edit("Task", "say", script), "Task say was changed after it was approved"},
		"a task, put back": {func(t *testing.T, e *cluster.Env) {
			edit("Task", "after", script)(t, e)
			edit("Task", "after", strings.Replace(script, "echo evil", "echo after", 1))(t, e)
		}, "Task after was changed after it was approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := cluster.New(t)
			user, token := e.Token("approver")
			e.Apply(deployed)
			e.Apply(cluster.Gate("gate", user, "  verifyRun: BeforeStart"))
			e.Apply(strings.NewReplacer("        managedBy: countersign.dev/test\n", "        status: PipelineRunPending\n").Replace(cluster.Gated("deploy", "gate", "")))
			e.ListenerURL("deploy")
			approval := e.ApprovalOf(e.Part1("part-1", "7"))
			var refs []string
			for _, r := range e.Approval(approval).Spec.Resolved.References {
				refs = append(refs, r.Kind+" "+r.Name)
			}
			if got := strings.Join(refs, ", "); got != "Pipeline part-2, Task say, StepAction report, Task after" {
				t.Fatalf("it refers to %s", got)
			}
			c.change(t, e)
			if v := e.Vote(approval, token, "approve", "ok"); v.Status != 201 {
				t.Fatalf("vote: %d %s", v.Status, v.Body)
			}
			if c.says == "" {
				e.Confirmed(approval)
				r := run{e, t, e.RunOf(approval).Name, ""}
				r.ends(corev1.ConditionTrue, "Succeeded")
				if got := r.log("say"); got != "deploying 7" {
					t.Errorf("printed %q", got)
				}
				e.Condition(approval, v1alpha1.ConditionReleased, "RunObserved", "")
				return
			}
			unreleased(t, e, approval, "RunDiffers", c.says)
			runs := e.Runs("deploy")
			if len(runs) != 1 || !runs[0].IsCancelled() {
				t.Fatalf("%d runs, want one that is cancelled: %+v", len(runs), runs)
			}
			var children pipelinev1.TaskRunList
			if err := e.List(t.Context(), &children, client.InNamespace(e.NS)); err != nil || len(children.Items) != 0 {
				t.Errorf("%d tasks were started, %v", len(children.Items), err)
			}
		})
	}
}

// A Task that is changed when the run is under way already cancels the run, when it is its
// turn.
func TestTaskChangedOnTheWay(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(strings.Replace(deployed, `script: "#!/bin/sh\necho deploying $VERSION\n"`, `script: "#!/bin/sh\nsleep 8\n"`, 1))
	e.Apply(cluster.Gate("gate", user, "  verifyRun: BeforeStart"))
	e.Apply(strings.NewReplacer("        managedBy: countersign.dev/test\n", "        status: PipelineRunPending\n").Replace(cluster.Gated("deploy", "gate", "")))
	e.ListenerURL("deploy")
	approval := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(approval, token, "approve", "ok"); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	name := e.RunOf(approval).Name
	after := &pipelinev1.Task{}
	if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "after"}, after); err != nil {
		t.Fatal(err)
	}
	after.Spec.Steps[0].Script = "#!/bin/sh\nsleep 20\necho evil\n"
	if err := e.Update(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	e.Eventually(3*time.Minute, "the run to be cancelled", func() error {
		pr := run{e, t, name, ""}.pipelineRun()
		if !pr.IsCancelled() {
			return fmt.Errorf("spec.status is %q", pr.Spec.Status)
		}
		return nil
	})
	e.Condition(approval, v1alpha1.ConditionReleased, "RunDiffers", "Task after")
}
