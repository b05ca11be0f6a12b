package split_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/split"
)

// approved is a pipeline whose task behind the approval is %TASK%, and a text behind it.
func approved(task, more string) string {
	return strings.NewReplacer("%TASK%", task, "%MORE%", more).Replace(`apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: ship}
spec:
  tasks:
    - name: build
      taskRef: {name: build}
    - name: ask
      runAfter: [build]
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}]
    - name: ship
%TASK%
%MORE%`)
}

// TestPasted: what an approver writes is refused wherever it would become code, and goes
// where it stays text.
func TestPasted(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const comment = "$(tasks.ask.results.comment)"
	spec := func(s string) string { return "      taskSpec: {steps: [{name: x, image: busybox, " + s + "}]}" }
	given := func(s string) string {
		return "      params: [{name: why, value: \"because " + comment + "\"}]\n      taskSpec: {params: [{name: why}], steps: [{name: x, image: busybox, " + s + "}]}"
	}
	there := "      params: [{name: why, value: " + comment + "}]\n      taskRef: {name: tell}"
	task := func(s string) string {
		return "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: tell}\nspec: {params: [{name: why}], steps: [{name: x, image: busybox, " + s + "}]}\n"
	}
	for name, c := range map[string]struct {
		task, more string
		want       []int
	}{
		"a script":                 {spec("script: 'echo " + comment + "'"), "", []int{13}},
		"another spelling":         {spec(`script: "echo $(tasks.ask.results['comment'])"`), "", []int{13}},
		"args":                     {spec("command: [echo], args: [\"" + comment + "\"]"), "", []int{13}},
		"command":                  {spec("command: [echo, \"" + comment + "\"]"), "", []int{13}},
		"an image":                 {"      taskSpec: {steps: [{name: x, image: \"" + comment + "\"}]}", "", []int{13}},
		"names":                    {spec("script: 'echo $(tasks.ask.results.approvedBy)'"), "", []int{13}},
		"a decision is none":       {spec("script: 'echo $(tasks.ask.results.decision)'"), "", nil},
		"env":                      {spec("env: [{name: C, value: " + comment + "}], script: 'echo \"$C\"'"), "", nil},
		"env, for a shell":         {spec("env: [{name: C, value: " + comment + "}], command: [sh, -c], args: ['echo \"$C\"']"), "", nil},
		"env, put in by kubelet":   {spec("env: [{name: C, value: " + comment + "}], command: [sh, -c], args: ['echo $(C)']"), "", []int{13}},
		"env in a script":          {spec("env: [{name: C, value: " + comment + "}], script: 'echo $(C)'"), "", nil}, // a command's output, to a shell
		"the template's env":       {"      taskSpec: {stepTemplate: {env: [{name: C, value: " + comment + "}]}, steps: [{name: x, image: busybox, args: [$(C)]}]}", "", []int{13}},
		"the template's args":      {"      taskSpec: {stepTemplate: {args: [\"" + comment + "\"]}, steps: [{name: x, image: busybox}]}", "", []int{13}},
		"a sidecar":                {"      taskSpec: {steps: [{name: x, image: busybox}], sidecars: [{name: s, image: busybox, script: 'echo " + comment + "'}]}", "", []int{13}},
		"by a param":               {given("script: 'echo $(params.why)'"), "", []int{14}},
		"by a param, in brackets":  {given(`args: ['$(params["why"])']`), "", []int{14}},
		"by a param, as of old":    {given("script: 'echo $(inputs.params.why)'"), "", []int{14}},
		"by a param, to env":       {given("env: [{name: C, value: $(params.why)}], script: 'echo \"$C\"'"), "", nil},
		"by a param, env, kubelet": {given("env: [{name: C, value: $(params.why)}], args: ['$(C)']"), "", []int{14}},
		"by a list":                {"      params: [{name: why, value: [a, " + comment + "]}]\n      taskSpec: {params: [{name: why, type: array}], steps: [{name: x, image: busybox, args: [\"$(params.why[*])\"]}]}", "", []int{14}},
		"by a matrix":              {"      matrix: {params: [{name: why, value: [" + comment + "]}]}\n      taskSpec: {params: [{name: why}], steps: [{name: x, image: busybox, script: 'echo $(params.why)'}]}", "", []int{14}},
		"another param of it":      {"      params: [{name: why, value: " + comment + "}, {name: v, value: v1}]\n      taskSpec: {params: [{name: why}, {name: v}], steps: [{name: x, image: busybox, script: 'echo $(params.v)'}]}", "", nil},
		"a task of the text":       {there, task("script: 'echo $(params.why)'"), []int{19}},
		"a careful one":            {there, task("env: [{name: C, value: $(params.why)}], script: 'echo \"$C\"'"), nil},
		"a task of v1beta1":        {there, strings.Replace(task("args: [$(params.why)]"), "dev/v1\n", "dev/v1beta1\n", 1), []int{19}},
		"a task elsewhere":         {there, "", nil},
		"a condition in CEL":       {"      when: [{cel: \"'" + comment + "' == 'yes'\"}]\n      taskRef: {name: tell}", "", []int{13}},
		"a condition":              {"      when: [{input: " + comment + ", operator: in, values: [yes]}]\n      taskRef: {name: tell}", "", []int{13}},
		"a condition of texts":     {"      when: [{input: " + comment + ", operator: in, values: [\"yes\"]}]\n      taskRef: {name: tell}", "", nil},
		"which task runs":          {"      taskRef: {resolver: git, params: [{name: revision, value: " + comment + "}]}", "", []int{13}},
		"a step's action":          {"      taskSpec: {steps: [{name: x, ref: {name: say}, params: [{name: what, value: " + comment + "}]}]}", "---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: say}\nspec: {image: busybox, params: [{name: what}], args: [$(params.what)]}\n", []int{18}},
		"a task that is CEL":       {"      params: [{name: e, value: \"'" + comment + "' == ''\"}]\n      taskRef: {apiVersion: cel.tekton.dev/v1alpha1, kind: CEL}", "", []int{13}},
		"in finally":               {"      runAfter: [ask]\n      taskRef: {name: ship}\n  finally:\n    - name: tell\n      taskSpec: {steps: [{name: x, image: busybox, script: 'echo " + comment + "'}]}", "", []int{17}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, said, name, approved(c.task, c.more), split.Options{}, c.want)
		})
	}
}

// What goes to a task that is not there to be looked at is said.
func TestNotesOfText(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, task := range map[string]string{
		"a task":                   "      params: [{name: why, value: $(tasks.ask.results.comment)}]\n      taskRef: {name: tell}",
		"a script of another task": "      taskSpec: {results: [{name: out}], steps: [{name: x, image: i, env: [{name: C, value: $(tasks.ask.results.comment)}]}]}\n    - name: loud\n      params: [{name: what, value: $(tasks.ship.results.out)}]\n      taskSpec: {params: [{name: what}], steps: [{name: x, image: i, script: 'echo $(params.what)'}]}",
		"a step's action":          "      taskSpec: {steps: [{name: x, ref: {name: say}, params: [{name: what, value: $(tasks.ask.results.comment)}]}]}",
	} {
		r, err := split.Split([]byte(approved(task, "")), split.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		said.Check(t, name, strings.Join(r.Notes, "\n"))
	}
}
