package split_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/split"
)

// whole is a pipeline that can be cut; each test below changes a line or two of it.
const whole = `apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: ship}
spec:
  params:
    - {name: version}
    - {name: regions, type: array}
    - {name: image, type: object, properties: {tag: {}}, default: {tag: latest}}
    - {name: tag, default: latest}
  workspaces: [{name: source}]
  tasks:
    - name: build
      taskRef: {name: build}
    - name: approval
      runAfter: [build]
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}
      params:
        - {name: approvers, value: [alice, bob]}
    - name: ship
      runAfter: [approval]
      taskRef: {name: ship}
      params:
        - {name: version, value: $(params.version)}
    - name: tell
      runAfter: [ship]
      taskRef: {name: tell}
  finally:
    - name: clean
      taskRef: {name: clean}
`

func TestRefused(t *testing.T) {
	t.Parallel()
	if _, err := split.Split([]byte(whole), split.Options{}); err != nil {
		t.Fatalf("before any change: %v", err)
	}
	second := "    - name: second\n      runAfter: [%]\n      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}\n      params: [{name: approvers, value: [carol]}]\n    - name: tell\n      runAfter: [ship, second]\n"
	for name, c := range map[string]struct {
		old, by string // in the text
		o       split.Options
		want    []string // the errors, each from its beginning
	}{
		"no YAML":             {"spec:\n", "spec: [\n", split.Options{}, []string{"line 5: this is not YAML"}},
		"an older version":    {"tekton.dev/v1\n", "tekton.dev/v1alpha1\n", split.Options{}, []string{"line 1: apiVersion is tekton.dev/v1alpha1: write it as tekton.dev/v1"}},
		"no approval":         {"kind: ApprovalTask", "kind: Other", split.Options{}, []string{"line 1: there is no Pipeline with an approval task"}},
		"of no such name":     {"", "", split.Options{Pipeline: "other"}, []string{`line 1: there is no Pipeline "other"`}},
		"two pipelines":       {"apiVersion: tekton.dev/v1\n", "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: a}\nspec: {tasks: [{name: x, taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask}}]}\n---\napiVersion: tekton.dev/v1\n", split.Options{}, []string{"line 6: a second Pipeline with an approval task: say which one to split with --pipeline"}},
		"a misspelt field":    {"taskRef: {name: ship}", "taskReff: {name: ship}", split.Options{}, []string{`line 21: this is no Pipeline: json: unknown field "taskReff"`}},
		"another case":        {"  params:\n    - {name: version}", "  Params:\n    - {name: version}", split.Options{}, []string{`line 5: this is no Pipeline: it is written in another case than in Kubernetes: unknown field "Params"`}},
		"tasks that are none": {"  tasks:\n", "  Tasks:\n", split.Options{Pipeline: "ship"}, []string{`line 11: this is no Pipeline: it is written in another case than in Kubernetes: unknown field "Tasks"`}},
		"a field twice":       {"runAfter: [ship]", "runAfter: [ship]\n      runAfter: [build]", split.Options{}, nil},
		"an alias":            {"workspaces: [{name: source}]", "workspaces: &w [{name: source}]", split.Options{}, nil},
		"what Tekton won't":   {"runAfter: [ship]", "runAfter: [nobody]", split.Options{}, []string{"line 25: task tell runs after nobody, and there is no such task"}},
		"a cycle":             {"    - name: build\n", "    - name: build\n      runAfter: [tell]\n", split.Options{}, []string{"line 11: Tekton refuses this Pipeline: invalid value: cycle detected"}},
		"a pipeline within":   {"taskRef: {name: tell}", "pipelineSpec: {tasks: [{name: x, taskRef: {name: x}}]}", split.Options{}, []string{"line 26: task tell has a pipeline inside, which the command does not read: make it a Pipeline of its own"}},

		"when":    {"      runAfter: [build]\n", "      runAfter: [build]\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n", split.Options{}, []string{"line 16: approval task approval has when, and nobody is asked where that is false, and the tasks after it run at once (ship, tell); after the split"}},
		"retries": {"      runAfter: [build]\n", "      runAfter: [build]\n      retries: 2\n", split.Options{}, []string{"line 16: approval task approval has retries: a Gate requests approval once"}},
		"onError": {"      runAfter: [build]\n", "      runAfter: [build]\n      onError: continue\n", split.Options{}, []string{"line 16: approval task approval has onError: after the split nothing continues"}},
		"matrix":  {"      params:\n        - {name: approvers, value: [alice, bob]}\n", "      matrix:\n        params: [{name: approvers, value: [alice, bob]}]\n", split.Options{}, []string{"line 17: approval task approval has matrix: a Gate requests one approval for all"}},
		"before it only since it waits for nobody": {"runAfter: [build]", "runAfter: []", split.Options{}, nil},
		"really nothing before":                    {"    - name: build\n      taskRef: {name: build}\n    - name: approval\n      runAfter: [build]\n", "    - name: approval\n", split.Options{}, nil},
		"nothing behind":                           {"runAfter: [approval]", "runAfter: [build]", split.Options{}, []string{"line 14: nothing waits for approval task approval, so there is no part 2"}},
		"side by side":                             {"    - name: tell\n      runAfter: [ship]\n", strings.Replace(second, "%", "build", 1), split.Options{}, []string{"line 24: approval tasks approval (line 14) and second run in parallel"}},
		"one after the other":                      {"    - name: tell\n      runAfter: [ship]\n", strings.Replace(strings.Replace(second, "%", "approval", 1), "ship, ", "", 1), split.Options{}, nil},
		"nothing between":                          {"    - name: ship\n      runAfter: [approval]\n", "    - name: second\n      runAfter: [approval]\n      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}\n      params: [{name: approvers, value: [carol]}]\n    - name: ship\n      runAfter: [second]\n", split.Options{}, []string{"line 19: approval task second follows approval (line 14) with no task between them"}},
		"in finally":                               {"taskRef: {name: clean}", "taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask}", split.Options{}, []string{"line 28: approval task clean is in finally"}},

		"approvers of a run": {"[alice, bob]", `["$(params.version)"]`, split.Options{}, []string{"line 18: param approvers of approval task approval is $(params.version), but a Gate says who decides before there is a run"}},
		"a spec of its own":  {"taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}", "taskSpec: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, spec: {description: x}}", split.Options{}, []string{"line 16: approval task approval has a taskSpec, which its kind does not take"}},
		"nobody":             {"[alice, bob]", "[]", split.Options{}, []string{"line 14: approval task approval: nobody could decide this: name people in param approvers or groups"}},
		"shown, not known":   {"[alice, bob]}", "[alice]}\n        - {name: note, value: $(context.pipelineRun.timeout)}", split.Options{}, []string{"line 19: $(context.pipelineRun.timeout) can't be forwarded"}},

		"a whole array":        {"$(params.version)}", `["$(params.regions[*])"]}`, split.Options{}, []string{"line 23: $(params.regions[*]) is the whole array regions, but only strings can be forwarded to part 2"}},
		"an object's default":  {"$(params.version)}", "$(params.image.tag)}", split.Options{}, nil},
		"a default by another": {"default: latest}\n  w", "default: $(params.version)}\n  w", split.Options{}, nil},
		"read so":              {"$(params.version)}", "$(params.tag)}", split.Options{}, nil},
		"an array of results":  {"$(params.version)}", `["$(tasks.build.results.all[*])"]}`, split.Options{}, []string{"line 23: $(tasks.build.results.all[*]) is a whole array or object"}},
		"no such result":       {"$(params.version)}", "$(tasks.approval.results.verdict)}", split.Options{}, []string{"line 23: $(tasks.approval.results.verdict): approval task approval has no such result; a task of its kind has decision, comment, approvedBy, rejectedBy"}},
		"in a script": {
			"      taskRef: {name: tell}\n", "      taskSpec:\n        steps:\n          - name: tell\n            image: x\n            script: |\n              #!/bin/sh\n              echo $(params.regions[*])\n",
			split.Options{},
			[]string{"line 32: $(params.regions[*]) is the whole array regions"},
		},

		"status of all":       {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: s, value: $(tasks.status)}]", split.Options{}, []string{"line 30: $(tasks.status) is about all tasks, but after the split no run has all of them"}},
		"status of asking":    {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: s, value: $(tasks.approval.status)}]", split.Options{}, []string{"line 30: $(tasks.approval.status) is the status of approval task approval, which is not a task after the split"}},
		"finally, both sides": {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params:\n        - {name: a, value: $(tasks.ship.results.a)}\n        - {name: b, value: $(tasks.build.results.b)}", split.Options{}, []string{"line 32: clean of finally reads $(tasks.build.results.b), which is known in part 1, and also a value that is known in part 2"}},
		"result, both sides":  {"  finally:\n", "  results:\n    - {name: r, value: $(tasks.build.results.a)-$(tasks.ship.results.b)}\n  finally:\n", split.Options{}, []string{"line 28: result r uses tasks of part 1 and of part 2"}},
		"result, decision":    {"  finally:\n", "  results:\n    - {name: r, value: $(tasks.approval.results.decision)}\n  finally:\n", split.Options{}, []string{"line 28: result r is $(tasks.approval.results.decision), but after the split no run has the decision"}},
		"optional workspace":  {"[{name: source}]\n", "[{name: source, optional: true}]\n", split.Options{}, nil},
		"no such workspace":   {"", "", split.Options{Workspaces: map[string]string{"other": "emptyDir"}}, []string{"--workspace other: Pipeline ship has no such workspace"}},
		"no such binding":     {"", "", split.Options{Workspaces: map[string]string{"source": "nfs:x"}}, []string{`--workspace source is "nfs:x": use secret:NAME`}},
		"a part's name":       {"    - name: clean\n      taskRef: {name: clean}\n", "    - name: clean\n      taskRef: {name: clean}\n---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: ship-2}\n", split.Options{}, []string{"line 31: Pipeline ship-2 is already in the input, and would be overwritten"}},
		"too long a name":     {"{name: ship}\nspec", "{name: " + strings.Repeat("x", 62) + "}\nspec", split.Options{}, []string{"line 1: Tekton would refuse the Trigger"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := whole
			if c.old != "" {
				if !strings.Contains(whole, c.old) {
					t.Fatalf("the pipeline has no %q", c.old)
				}
				text = strings.Replace(whole, c.old, c.by, 1)
			}
			refused(t, text, c.o, c.want)
		})
	}
}

// refused holds Split to its errors: these and no others, by their lines.
func refused(t *testing.T, text string, o split.Options, want []string) {
	t.Helper()
	r, err := split.Split([]byte(text), o)
	if len(want) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("taken:\n%s", r.Text)
	}
	got := []string{err.Error()}
	if rs, ok := errors.AsType[split.Refusals](err); ok {
		got = nil
		for _, x := range rs {
			got = append(got, split.Refusals{x}.Error())
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d errors, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

// What takes more than one change.
func TestRefusedForMore(t *testing.T) {
	t.Parallel()
	reads := strings.NewReplacer("$(params.version)}", "$(tasks.build.results.digest)}").Replace
	gate := strings.NewReplacer("tekton.automatiko.io/v1beta1", "openshift-pipelines.org/v1alpha1").Replace
	for name, c := range map[string]struct {
		text string
		o    split.Options
		want []string
	}{
		"a result that a when may skip": {
			reads(strings.Replace(whole, "{name: build}\n", "{name: build}\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n", 1)),
			split.Options{},
			[]string{"line 24: $(tasks.build.results.digest) may be missing when part 1 ends: build has when (line 14)"},
		},
		"a result of what was skipped with it": {
			reads(strings.Replace(whole, "{name: build}\n", "{name: build}\n      params: [{name: a, value: $(tasks.find.results.a)}]\n    - name: find\n      taskRef: {name: find}\n      onError: continue\n", 1)),
			split.Options{},
			[]string{"line 27: $(tasks.build.results.digest) may be missing when part 1 ends: find has onError: continue (line 17)"},
		},
		"what was not asked when a task was left out": {
			strings.NewReplacer("{name: build}\n    - name: approval\n      runAfter: [build]", "{name: build}\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n    - name: scan\n      taskRef: {name: scan}\n      params: [{name: image, value: $(tasks.build.results.image)}]\n"+
				"    - name: note\n      runAfter: [scan]\n      taskRef: {name: note}\n    - name: approval\n      runAfter: [note]", "runAfter: [approval]", "runAfter: [scan, approval]").Replace(whole),
			split.Options{},
			[]string{
				"line 22: approval runs after note, which is skipped when build is (when, line 14), and then so is approval; after the split it would run",
				"line 27: ship runs after scan, which is skipped when build is (when, line 14), and then so is ship; after the split it would run",
			},
		},
		"what is asked though a task is left out": {
			strings.Replace(whole, "{name: build}\n", "{name: build}\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n    - name: scan\n      taskRef: {name: scan}\n      params: [{name: image, value: $(tasks.build.results.image)}]\n", 1),
			split.Options{},
			nil,
		},
		"a default that is another param": {
			strings.NewReplacer("default: latest}\n  w", "default: $(params.version)}\n  w", "$(params.version)}\n    - name: tell", "$(params.tag)}\n    - name: tell").Replace(whole),
			split.Options{},
			nil,
		},
		"a default that is itself": {
			strings.NewReplacer("default: latest}\n  w", "default: $(params.tag)}\n  w", "$(params.version)}\n    - name: tell", "$(params.tag)}\n    - name: tell").Replace(whole),
			split.Options{},
			[]string{"line 9: param tag is read in part 2 (line 23), and its default refers back to itself"},
		},
		"a default that only a run knows": {
			strings.NewReplacer("default: latest}\n  w", "default: $(context.pipelineRun.startTime)}\n  w", "$(params.version)}\n    - name: tell", "$(params.tag)}\n    - name: tell").Replace(whole),
			split.Options{},
			[]string{"line 9: param tag is read in part 2 (line 23), and its value uses $(context.pipelineRun.startTime), which can't be forwarded"},
		},
		"a default that is a whole list": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "[\"$(params.regions[*])\"]}\n    - name: tell").Replace(whole),
			split.Options{},
			[]string{"line 23: $(params.regions[*]) is the whole array regions, but only strings can be forwarded to part 2"},
		},
		"one of a default's values": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "\"$(params.regions[0])\"}\n    - name: tell").Replace(whole),
			split.Options{},
			nil,
		},
		"none of a default's values": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "\"$(params.regions[1])\"}\n    - name: tell").Replace(whole),
			split.Options{},
			[]string{"line 7: param regions is read in part 2 (line 23), and its 1 values have no [1]"},
		},
		"an optional workspace": {
			strings.NewReplacer("[{name: source}]\n", "[{name: source, optional: true}]\n", "taskRef: {name: ship}\n", "taskRef: {name: ship}\n      workspaces:\n        - name: source\n").Replace(whole),
			split.Options{},
			[]string{"line 23: workspace source is optional (line 10) and read in part 2"},
		},
		"a workspace that is said": {
			strings.NewReplacer("[{name: source}]\n", "[{name: source, optional: true}]\n", "taskRef: {name: ship}\n", "taskRef: {name: ship}\n      workspaces:\n        - name: source\n").Replace(whole),
			split.Options{Workspaces: map[string]string{"source": "claim:mine"}},
			nil,
		},
		"a workspace that only the run knows": {
			strings.Replace(whole, "taskRef: {name: ship}", "taskSpec: {steps: [{image: x, script: cd $(workspaces.cache.path)}]}", 1),
			split.Options{},
			[]string{"line 21: $(workspaces.cache.path) is read in part 2, and the pipeline declares no workspace cache: add it to spec.workspaces"},
		},
		"a workspace that a task can do without": {
			strings.Replace(whole, "taskRef: {name: ship}", "taskSpec: {workspaces: [{name: cache, optional: true}], steps: [{image: x, script: $(workspaces.cache.bound)}]}", 1),
			split.Options{},
			nil,
		},
		"the pipeline's list, whatever a task's default": {
			strings.NewReplacer("taskRef: {name: ship}", "taskSpec: {params: [{name: regions, type: array, default: []}], steps: [{image: x, args: [\"$(params.regions[*])\"]}]}").Replace(whole),
			split.Options{},
			[]string{"line 21: $(params.regions[*]) is the whole array regions"},
		},
		"a rejection told of at the end": {
			gate(strings.Replace(whole, "taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: who, value: $(tasks.approval.results.rejectedBy)}]", 1)),
			split.Options{},
			[]string{"line 30: $(tasks.approval.results.rejectedBy) is read when the run ends, but after the split a rejection starts nothing"},
		},
		"a quorum that nobody can make": {
			gate(strings.Replace(whole, "[alice, bob]}", "[alice, bob]}\n        - {name: numberOfApprovalsRequired, value: \"3\"}", 1)),
			split.Options{},
			[]string{"line 14: approval task approval: this could never be approved: it needs 3 people, but only 2 are named"},
		},
		"a description that is too long": {
			strings.Replace(whole, "[alice, bob]}", "[alice, bob]}\n        - {name: description, value: \""+strings.Repeat("long ", 300)+"\"}", 1),
			split.Options{},
			[]string{"line 14: the value forwarded as description needs an expression of 1502 bytes and the limit is 1024"},
		},
		"several at once, by their lines": {
			strings.Replace(whole, "      runAfter: [build]\n", "      runAfter: [build]\n      retries: 1\n      when: [{input: x, operator: in, values: [x]}]\n", 1),
			split.Options{},
			[]string{"line 16: approval task approval has retries", "line 17: approval task approval has when"},
		},
		"too much":   {strings.Repeat("#", split.MaxText+1), split.Options{}, []string{"it has 1048577 bytes and the limit is 1048576"}},
		"emptiness":  {"", split.Options{}, []string{"line 1: there is no Pipeline with an approval task"}},
		"other YAML": {"- a\n---\nb\n---\n", split.Options{}, []string{"line 1: there is no Pipeline with an approval task"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.text, c.o, c.want)
		})
	}
}

// A name can't end the comment that it stands in.
func TestNotesAreComments(t *testing.T) {
	t.Parallel()
	text := strings.Replace(whole, "{name: approvers, value: [alice, bob]}", `{name: gate, value: "a\n---\nkind: Secret\u2028b"}`, 1)
	r, err := split.Split([]byte(text), split.Options{})
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(r.Text, "\n---\n")
	if !strings.Contains(head, "kind: Secret b is not written here") {
		t.Errorf("the notes: %q", head)
	}
	for line := range strings.Lines(head) {
		if !strings.HasPrefix(line, "# ") {
			t.Errorf("a line of the notes is %q", line)
		}
	}
}

// Text that ends early, and text that lacks a line, is refused, or what comes out is
// taken by Tekton and Triggers.
func TestBrokenText(t *testing.T) {
	t.Parallel()
	var texts []string
	for i := range whole {
		texts = append(texts, whole[:i])
	}
	lines := strings.SplitAfter(whole, "\n")
	for i := range lines {
		texts = append(texts, strings.Join(lines[:i], "")+strings.Join(lines[i+1:], ""), strings.Join(lines[:i], "")+strings.Join(lines[max(i-1, 0):], ""))
	}
	taken := 0
	for _, text := range texts {
		if r, err := split.Split([]byte(text), split.Options{Account: "x"}); err == nil {
			taken++
			parse(t, r.Text)
		}
	}
	if taken == 0 || taken == len(texts) {
		t.Errorf("%d of %d were taken", taken, len(texts))
	}
}
