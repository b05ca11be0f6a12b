package split_test

import (
	"strings"
	"testing"

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
		want       []string
	}{
		"a script":                 {spec("script: 'echo " + comment + "'"), "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in script of task ship it can be executed as code"}},
		"another spelling":         {spec(`script: "echo $(tasks.ask.results['comment'])"`), "", []string{"line 13: $(tasks.ask.results['comment']) is an approver's text"}},
		"args":                     {spec("command: [echo], args: [\"" + comment + "\"]"), "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in args of task ship"}},
		"command":                  {spec("command: [echo, \"" + comment + "\"]"), "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in command of"}},
		"an image":                 {"      taskSpec: {steps: [{name: x, image: \"" + comment + "\"}]}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in image of"}},
		"names":                    {spec("script: 'echo $(tasks.ask.results.approvedBy)'"), "", []string{"line 13: $(tasks.ask.results.approvedBy) is an approver's text"}},
		"a decision is none":       {spec("script: 'echo $(tasks.ask.results.decision)'"), "", nil},
		"env":                      {spec("env: [{name: C, value: " + comment + "}], script: 'echo \"$C\"'"), "", nil},
		"env, for a shell":         {spec("env: [{name: C, value: " + comment + "}], command: [sh, -c], args: ['echo \"$C\"']"), "", nil},
		"env, put in by kubelet":   {spec("env: [{name: C, value: " + comment + "}], command: [sh, -c], args: ['echo $(C)']"), "", []string{"line 13: $(C) in args of task ship is a variable with an approver's text"}},
		"env in a script":          {spec("env: [{name: C, value: " + comment + "}], script: 'echo $(C)'"), "", nil}, // a command's output, to a shell
		"the template's env":       {"      taskSpec: {stepTemplate: {env: [{name: C, value: " + comment + "}]}, steps: [{name: x, image: busybox, args: [$(C)]}]}", "", []string{"line 13: $(C) in args of task ship"}},
		"the template's args":      {"      taskSpec: {stepTemplate: {args: [\"" + comment + "\"]}, steps: [{name: x, image: busybox}]}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in args of"}},
		"a sidecar":                {"      taskSpec: {steps: [{name: x, image: busybox}], sidecars: [{name: s, image: busybox, script: 'echo " + comment + "'}]}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in script of"}},
		"by a param":               {given("script: 'echo $(params.why)'"), "", []string{"line 14: $(params.why) has an approver's text in it, and in script of task ship"}},
		"by a param, in brackets":  {given(`args: ['$(params["why"])']`), "", []string{`line 14: $(params["why"]) has an approver's text in it`}},
		"by a param, as of old":    {given("script: 'echo $(inputs.params.why)'"), "", []string{"line 14: $(inputs.params.why) has an approver's text in it"}},
		"by a param, to env":       {given("env: [{name: C, value: $(params.why)}], script: 'echo \"$C\"'"), "", nil},
		"by a param, env, kubelet": {given("env: [{name: C, value: $(params.why)}], args: ['$(C)']"), "", []string{"line 14: $(C) in args of task ship"}},
		"by a list":                {"      params: [{name: why, value: [a, " + comment + "]}]\n      taskSpec: {params: [{name: why, type: array}], steps: [{name: x, image: busybox, args: [\"$(params.why[*])\"]}]}", "", []string{"line 14: $(params.why[*]) has an approver's text in it"}},
		"by a matrix":              {"      matrix: {params: [{name: why, value: [" + comment + "]}]}\n      taskSpec: {params: [{name: why}], steps: [{name: x, image: busybox, script: 'echo $(params.why)'}]}", "", []string{"line 14: $(params.why) has an approver's text in it"}},
		"another param of it":      {"      params: [{name: why, value: " + comment + "}, {name: v, value: v1}]\n      taskSpec: {params: [{name: why}, {name: v}], steps: [{name: x, image: busybox, script: 'echo $(params.v)'}]}", "", nil},
		"a task of the text":       {there, task("script: 'echo $(params.why)'"), []string{"line 19: $(params.why) has an approver's text in it, and in script of task ship"}},
		"a careful one":            {there, task("env: [{name: C, value: $(params.why)}], script: 'echo \"$C\"'"), nil},
		"a task of v1beta1":        {there, strings.Replace(task("args: [$(params.why)]"), "dev/v1\n", "dev/v1beta1\n", 1), []string{"line 19: $(params.why) has"}},
		"a task elsewhere":         {there, "", nil},
		"a condition in CEL":       {"      when: [{cel: \"'" + comment + "' == 'yes'\"}]\n      taskRef: {name: tell}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in a CEL expression of"}},
		"a condition":              {"      when: [{input: " + comment + ", operator: in, values: [yes]}]\n      taskRef: {name: tell}", "", []string{"line 13: this is no Pipeline: spec.tasks.when.values takes a string, and to kubectl yes is a bool: write it in quotes"}},
		"a condition of texts":     {"      when: [{input: " + comment + ", operator: in, values: [\"yes\"]}]\n      taskRef: {name: tell}", "", nil},
		"which task runs":          {"      taskRef: {resolver: git, params: [{name: revision, value: " + comment + "}]}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in taskRef of"}},
		"a step's action":          {"      taskSpec: {steps: [{name: x, ref: {name: say}, params: [{name: what, value: " + comment + "}]}]}", "---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: say}\nspec: {image: busybox, params: [{name: what}], args: [$(params.what)]}\n", []string{"line 18: $(params.what) has an approver's text in it"}},
		"a task that is CEL":       {"      params: [{name: e, value: \"'" + comment + "' == ''\"}]\n      taskRef: {apiVersion: cel.tekton.dev/v1alpha1, kind: CEL}", "", []string{"line 13: $(tasks.ask.results.comment) is an approver's text, and in a CEL expression of"}},
		"in finally":               {"      runAfter: [ask]\n      taskRef: {name: ship}\n  finally:\n    - name: tell\n      taskSpec: {steps: [{name: x, image: busybox, script: 'echo " + comment + "'}]}", "", []string{"line 17: $(tasks.ask.results.comment) is an approver's text, and in script of task tell"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, approved(c.task, c.more), split.Options{}, c.want)
		})
	}
}

// What goes to a task that is not there to be looked at is said.
func TestNotesOfText(t *testing.T) {
	t.Parallel()
	for want, task := range map[string]string{
		"goes to task ship as param why.": "      params: [{name: why, value: $(tasks.ask.results.comment)}]\n      taskRef: {name: tell}",
		"WARNING: line 16: $(params.what) in script of task loud comes from a task that is given an approver's text.": "      taskSpec: {results: [{name: out}], steps: [{name: x, image: i, env: [{name: C, value: $(tasks.ask.results.comment)}]}]}\n    - name: loud\n      params: [{name: what, value: $(tasks.ship.results.out)}]\n      taskSpec: {params: [{name: what}], steps: [{name: x, image: i, script: 'echo $(params.what)'}]}",
		"goes to StepAction say of task ship, which":                                                                  "      taskSpec: {steps: [{name: x, ref: {name: say}, params: [{name: what, value: $(tasks.ask.results.comment)}]}]}",
	} {
		r, err := split.Split([]byte(approved(task, "")), split.Options{})
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(strings.Join(r.Notes, "\n"), want) {
			t.Errorf("no %q in %q", want, r.Notes)
		}
	}
}
