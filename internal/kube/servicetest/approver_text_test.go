package servicetest

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
)

// TestApproverTextInScript: what an approver types must not become code unnoticed, by
// whatever way it gets there; as a value in the environment it is only text.
func TestApproverTextInScript(t *testing.T) {
	t.Parallel()
	const binding = "    - {name: note, value: $(extensions.countersign.results.comment)}\n  template: {ref: apply}"
	world := func(binding, inputs, tasks string) string {
		return strings.NewReplacer(
			"  template: {ref: apply}", binding,
			"params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: digest}, {name: note}]",
			"params: [{name: digest, value: $(tt.params.digest)}]", "params: [{name: digest, value: $(tt.params.digest)}, {name: note, value: 'said: $(tt.params.note)'}]",
			"spec: {params: [{name: digest}], tasks: [{name: go, taskSpec: {steps: [{name: s, image: busybox}]}}]}", "spec: {params: [{name: digest}, {name: note}], tasks: ["+tasks+"]}",
			"  expiresAfter: 1h", "  expiresAfter: 1h\n"+inputs,
		).Replace(kubetest.World)
	}
	const reads = "    - {name: note, value: $(extensions.countersign.params.reason)}\n  template: {ref: apply}"
	for name, c := range map[string]struct {
		docs string
		want []string // nil: no warning
	}{
		"in a script":         {world(binding, "", `{name: go, params: [{name: text, value: "$(params.note)"}], taskSpec: {params: [{name: text}], steps: [{name: s, image: i, script: "echo $(params.text)"}]}}`), []string{"the comment, which an approver types", "the script of step s of task go", "docs/explanation/approver-text.md"}},
		"in brackets":         {world(binding, "", `{name: go, taskSpec: {steps: [{image: i, script: "echo $(params['note'])"}]}}`), []string{"the script of step 1 of task go"}},
		"in args":             {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, command: [sh, -c], args: ["echo $(params.note)"]}]}}`), []string{"the args of step s"}},
		"in a command":        {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, command: [sh, -c, "echo $(params.note)"]}]}}`), []string{"the command of step s"}},
		"in a sidecar":        {world(binding, "", `{name: go, taskSpec: {sidecars: [{name: s, image: i, script: "echo $(params.note)"}], steps: [{image: i}]}}`), []string{"sidecar step s"}},
		"of a Task":           {world(binding, "", `{name: go, taskRef: {name: tell}, params: [{name: text, value: "$(params.note)"}]}`) + "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: tell}\nspec: {params: [{name: text}], steps: [{name: s, image: i, script: 'echo $(params.text)'}]}\n", []string{"step s of task go"}},
		"who decides":         {world(strings.Replace(binding, "comment", "approvedBy", 1), "", `{name: go, taskSpec: {steps: [{name: s, image: i, script: "echo $(params.note)"}]}}`), []string{"the name of who decides"}},
		"an input":            {world(reads, "  inputs: [{name: reason, type: string}]\n", `{name: go, taskSpec: {steps: [{name: s, image: i, script: "echo $(params.note)"}]}}`), []string{"input reason"}},
		"of an approval task": {world(strings.Replace(binding, "$(extensions.countersign.results.comment)", "x", 1), "", `{name: ask, taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: a}}, {name: go, params: [{name: text, value: "$(tasks.ask.results.comment)"}], taskSpec: {params: [{name: text}], steps: [{name: s, image: i, script: "echo $(params.text)"}]}}`), []string{"the comment"}},
		"by a variable":       {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, env: [{name: NOTE, value: "$(params.note)"}], command: [sh, -c], args: ["echo $(NOTE)"]}]}}`), []string{"the args of step s"}},
		"by all steps' one":   {world(binding, "", `{name: go, taskSpec: {stepTemplate: {env: [{name: NOTE, value: "$(params.note)"}]}, steps: [{name: s, image: i, command: [sh, -c, "echo $(NOTE)"]}]}}`), []string{"the command of step s"}},
		"by a matrix":         {world(binding, "", `{name: go, matrix: {params: [{name: text, value: [a, "$(params.note)"]}]}, taskSpec: {params: [{name: text}], steps: [{name: s, image: i, script: "echo $(params.text)"}]}}`), []string{"the script of step s"}},
		"included in one":     {world(binding, "", `{name: go, matrix: {include: [{name: x, params: [{name: text, value: "$(params.note)"}]}]}, taskSpec: {params: [{name: text}], steps: [{name: s, image: i, script: "echo $(params.text)"}]}}`), []string{"the script of step s"}},
		"in a condition":      {world(binding, "", `{name: go, when: [{cel: "'$(params.note)' == 'yes'"}], taskSpec: {steps: [{name: s, image: i}]}}`), []string{"a CEL expression of task go"}},
		"as an image":         {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: "$(params.note)"}]}}`), []string{"the image of step s"}},
		"of a StepAction":     {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, ref: {name: say}, params: [{name: text, value: "$(params.note)"}]}]}}`), []string{"StepAction say of step s of task go as param text"}},
		"by env":              {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, script: 'echo "$NOTE"', env: [{name: NOTE, value: "$(params.note)"}]}]}}`), nil},
		"a variable it lacks": {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, command: [sh, -c], args: ["echo $(OTHER) $NOTE"], env: [{name: NOTE, value: "$(params.note)"}]}]}}`), nil},
		"an enum":             {world(reads, "  inputs: [{name: reason, type: enum, options: [a, b]}]\n", `{name: go, taskSpec: {steps: [{name: s, image: i, script: "echo $(params.note)"}]}}`), nil},
		"the decision alone":  {world(strings.Replace(binding, "comment", "decision", 1), "", `{name: go, taskSpec: {steps: [{name: s, image: i, script: "echo $(params.note)"}]}}`), nil},
		"another param":       {world(binding, "", `{name: go, taskSpec: {steps: [{name: s, image: i, script: "echo $(params.notes) $(params.digest)"}]}}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.docs)
			name := w.opened()
			w.wait(preflight.ConditionsAfter)
			w.step(w.preflight, name)
			got := w.condition(name, v1alpha1.ConditionStartable)
			if c.want == nil && got != "True Startable " || c.want != nil && !strings.HasPrefix(got, "True StartableWithWarnings ") {
				t.Fatalf("%s", got)
			}
			for _, x := range c.want {
				if !strings.Contains(got, x) {
					t.Errorf("%s\nlacks %s", got, x)
				}
			}
		})
	}
}
