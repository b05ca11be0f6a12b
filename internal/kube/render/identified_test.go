package render_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// TestIdentified: what runs, or as whom, is never left to what is known at the start only.
func TestIdentified(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const late = "$(extensions.late)"
	world := strings.NewReplacer("params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest}, {name: p}]",
		"  template: {ref: apply}", "    - {name: p, value: LATE}\n  template: {ref: apply}").Replace(kubetest.World)
	for name, c := range map[string]struct {
		spec, value string
		before      bool // verifyRun: BeforeStart
		place       string
	}{
		"pipeline":              {"{pipelineRef: {name: $(tt.params.p)}}", late, false, "spec.pipelineRef.name"},
		"of a part":             {"{pipelineRef: {name: apply-$(tt.params.p)}}", late, false, "spec.pipelineRef.name"},
		"known":                 {"{pipelineRef: {name: $(tt.params.p)}}", "$(extensions.countersign.params.digest)", false, ""},
		"the whole reference":   {"{pipelineRef: $(tt.params.p)}", late, false, "spec.pipelineRef"},
		"resolver's param":      {"{pipelineRef: {resolver: git, params: [{name: revision, value: $(tt.params.p)}]}}", late, false, "spec.pipelineRef.params[revision].value"},
		"by the run's param":    {"{pipelineRef: {resolver: git, params: [{name: revision, value: $(params.rev)}]}, params: [{name: rev, value: $(tt.params.p)}]}", late, false, "spec.pipelineRef.params[revision].value"},
		"account":               {"{pipelineRef: {name: apply}, taskRunTemplate: {serviceAccountName: $(tt.params.p)}}", late, false, "spec.taskRunTemplate.serviceAccountName"},
		"a task's account":      {"{pipelineRef: {name: apply}, taskRunSpecs: [{pipelineTaskName: go, serviceAccountName: $(tt.params.p)}]}", late, false, "spec.taskRunSpecs[go].serviceAccountName"},
		"script":                {"{pipelineSpec: {tasks: [{name: go, taskSpec: {steps: [{name: s, image: x, script: $(tt.params.p)}]}}]}}", late, false, "spec.pipelineSpec.tasks[go].taskSpec.steps[s].script"},
		"task by a run's param": {"{pipelineSpec: {tasks: [{name: go, taskRef: {name: '$(params[\"t\"])'}}]}, params: [{name: t, value: $(tt.params.p)}]}", late, false, "spec.pipelineSpec.tasks[go].taskRef.name"},
		"status":                {"{pipelineRef: {name: apply}, status: $(tt.params.p)}", late, false, "spec.status"},
		"controller":            {"{pipelineRef: {name: apply}, managedBy: $(tt.params.p)}", late, false, "spec.managedBy"},
		"by the event's id":     {"{pipelineRef: {name: $(tt.params.p)}}", "$(context.eventID)", false, "spec.pipelineRef.name"},
		"by a header":           {"{pipelineRef: {name: $(tt.params.p)}}", "$(header.Webhook-Timestamp)", false, "spec.pipelineRef.name"},
		"a name of a field":     {"{pipelineRef: {name: apply}, $(tt.params.p): x}", late, false, "a name of a field of spec"},
		"a param":               {"{pipelineRef: {name: apply}, params: [{name: x, value: $(tt.params.p)}]}", late, false, ""},
		"a param, BeforeStart":  {"{pipelineRef: {name: apply}, params: [{name: x, value: $(tt.params.p)}]}", late, true, "spec.params[x].value"},
		"a task's param":        {"{pipelineSpec: {tasks: [{name: go, params: [{name: x, value: $(params.x)}], taskRef: {name: t}}]}, params: [{name: x, value: $(tt.params.p)}]}", late, false, ""},
	} {
		docs := strings.NewReplacer("LATE", c.value, "spec: {pipelineRef: {name: apply}, params: [{name: digest, value: $(tt.params.digest)}]}", "spec: "+c.spec).Replace(world)
		triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
		r, err := triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil {
			t.Fatal(name, err)
		}
		a := ct.Make("apply-1").With(func(a *approvals.Approval) {
			a.Trigger, a.Namespace, a.RunName = "apply", "prod", "apply-secret"
			a.Resolved.Params = []approvals.Param{{Name: "digest", Value: "sha256-1"}}
			a.Resolved.Policy.VerifyBeforeStart = c.before
			a.Resolved.TemplateDigest = r.Digest
			a.Resolved.Digest = approvals.ContentDigest(a.Namespace, a.Trigger, r.Digest, a.Source, a.Resolved.Params, nil)
		}).Obj()
		out, err := render.Render(t.Context(), triggers, r, a, "apply-secret")
		if err != nil {
			t.Fatal(name, err)
		}
		if c.place == "" {
			if len(out.Problems) > 0 {
				t.Errorf("%s: %v", name, out.Problems)
			}
			continue
		}
		if len(out.Problems) != 1 || out.Problems[0].Reason != render.ReasonTemplateError {
			t.Fatalf("%s: %v, want %s", name, out.Problems, c.place)
		}
		said.Check(t, name, out.Problems[0].Message)
		// What is posted and believed goes by the same.
		err = new(verifyrun.Renderings).With(t.Context(), triggers, r, a)
		if err == nil {
			t.Fatalf("%s: it would be posted", name)
		}
		said.Check(t, name+", posted", err.Error())
	}
}

// TestIdentifiedBeside: so it is with what the template makes beside the run, which nobody
// compares afterwards.
func TestIdentifiedBeside(t *testing.T) {
	t.Parallel()
	const run = "spec: {pipelineRef: {name: apply}, params: [{name: digest, value: $(tt.params.digest)}]}"
	for object, place := range map[string]string{
		"{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: b}, spec: {pipelineRef: {name: LATE}}}":                                                             "spec.pipelineRef.name of its PipelineRun",
		"{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: b}, spec: {taskRef: {name: t}, serviceAccountName: LATE}}":                                              "spec.serviceAccountName of its TaskRun",
		"{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: b}, spec: {taskRef: {name: t}, params: [{name: p, value: LATE}]}}":                                      "",
		"{apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: c, image: LATE}]}}":                                                                     "spec.containers[c].image of its Pod",
		"{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: User, name: LATE}]}": "subjects[LATE].name of its RoleBinding",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: LATE}, data: {a: b}}":                                                                              "its kind or namespace",
		"{apiVersion: v1, kind: LATE, metadata: {name: b}, spec: {a: b}}":                                                                                                    "its kind or namespace",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: b, labels: {a: LATE}}, data: {a: LATE}}":                                                                         "",
		"{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {a: LATE}}, spec: {containers: [{name: c, image: i}]}}":                                                     "",
	} {
		docs := strings.NewReplacer("params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest}, {name: p}]",
			"  template: {ref: apply}", "    - {name: p, value: $(extensions.late)}\n  template: {ref: apply}",
			run, run+"\n    - "+strings.ReplaceAll(object, "LATE", "$(tt.params.p)")).Replace(kubetest.World)
		out := rendered(t, docs)
		said := ""
		for _, x := range out.Problems {
			said += strings.ReplaceAll(x.Message, out.Unknown, "LATE")
		}
		if place == "" && said != "" || !strings.Contains(said, place) {
			t.Errorf("%s: %q, want %q", object, said, place)
		}
	}
}
