package split_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
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
	said := golden.Open(t)
	if _, err := split.Split([]byte(whole), split.Options{}); err != nil {
		t.Fatalf("before any change: %v", err)
	}
	second := "    - name: second\n      runAfter: [%]\n      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}\n      params: [{name: approvers, value: [carol]}]\n    - name: tell\n      runAfter: [ship, second]\n"
	for name, c := range map[string]struct {
		old, by string // in the text
		o       split.Options
		want    []int // the errors, each from its beginning
	}{
		"no YAML":             {"spec:\n", "spec: [\n", split.Options{}, []int{5}},
		"an older version":    {"tekton.dev/v1\n", "tekton.dev/v1alpha1\n", split.Options{}, []int{1}},
		"no approval":         {"kind: ApprovalTask", "kind: Other", split.Options{}, []int{1}},
		"of no such name":     {"", "", split.Options{Pipeline: "other"}, []int{1}},
		"two pipelines":       {"apiVersion: tekton.dev/v1\n", "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: a}\nspec: {tasks: [{name: x, taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask}}]}\n---\napiVersion: tekton.dev/v1\n", split.Options{}, []int{6}},
		"a misspelt field":    {"taskRef: {name: ship}", "taskReff: {name: ship}", split.Options{}, []int{21}},
		"another case":        {"  params:\n    - {name: version}", "  Params:\n    - {name: version}", split.Options{}, []int{5}},
		"tasks that are none": {"  tasks:\n", "  Tasks:\n", split.Options{Pipeline: "ship"}, []int{11}},
		"a field twice":       {"runAfter: [ship]", "runAfter: [ship]\n      runAfter: [build]", split.Options{}, nil},
		"an alias":            {"workspaces: [{name: source}]", "workspaces: &w [{name: source}]", split.Options{}, nil},
		"what Tekton won't":   {"runAfter: [ship]", "runAfter: [nobody]", split.Options{}, []int{25}},
		"a cycle":             {"    - name: build\n", "    - name: build\n      runAfter: [tell]\n", split.Options{}, []int{11}},
		"a pipeline within":   {"taskRef: {name: tell}", "pipelineSpec: {tasks: [{name: x, taskRef: {name: x}}]}", split.Options{}, []int{26}},

		"when":    {"      runAfter: [build]\n", "      runAfter: [build]\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n", split.Options{}, []int{16}},
		"retries": {"      runAfter: [build]\n", "      runAfter: [build]\n      retries: 2\n", split.Options{}, []int{16}},
		"onError": {"      runAfter: [build]\n", "      runAfter: [build]\n      onError: continue\n", split.Options{}, []int{16}},
		"matrix":  {"      params:\n        - {name: approvers, value: [alice, bob]}\n", "      matrix:\n        params: [{name: approvers, value: [alice, bob]}]\n", split.Options{}, []int{17}},
		"before it only since it waits for nobody": {"runAfter: [build]", "runAfter: []", split.Options{}, nil},
		"really nothing before":                    {"    - name: build\n      taskRef: {name: build}\n    - name: approval\n      runAfter: [build]\n", "    - name: approval\n", split.Options{}, nil},
		"nothing behind":                           {"runAfter: [approval]", "runAfter: [build]", split.Options{}, []int{14}},
		"side by side":                             {"    - name: tell\n      runAfter: [ship]\n", strings.Replace(second, "%", "build", 1), split.Options{}, []int{24}},
		"one after the other":                      {"    - name: tell\n      runAfter: [ship]\n", strings.Replace(strings.Replace(second, "%", "approval", 1), "ship, ", "", 1), split.Options{}, nil},
		"nothing between":                          {"    - name: ship\n      runAfter: [approval]\n", "    - name: second\n      runAfter: [approval]\n      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}\n      params: [{name: approvers, value: [carol]}]\n    - name: ship\n      runAfter: [second]\n", split.Options{}, []int{19}},
		"in finally":                               {"taskRef: {name: clean}", "taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask}", split.Options{}, []int{28}},

		"approvers of a run": {"[alice, bob]", `["$(params.version)"]`, split.Options{}, []int{18}},
		"a spec of its own":  {"taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}", "taskSpec: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, spec: {description: x}}", split.Options{}, []int{16}},
		"nobody":             {"[alice, bob]", "[]", split.Options{}, []int{14}},
		"shown, not known":   {"[alice, bob]}", "[alice]}\n        - {name: note, value: $(context.pipelineRun.timeout)}", split.Options{}, []int{19}},

		"a whole array":        {"$(params.version)}", `["$(params.regions[*])"]}`, split.Options{}, []int{23}},
		"an object's default":  {"$(params.version)}", "$(params.image.tag)}", split.Options{}, nil},
		"a default by another": {"default: latest}\n  w", "default: $(params.version)}\n  w", split.Options{}, nil},
		"read so":              {"$(params.version)}", "$(params.tag)}", split.Options{}, nil},
		"an array of results":  {"$(params.version)}", `["$(tasks.build.results.all[*])"]}`, split.Options{}, []int{23}},
		"no such result":       {"$(params.version)}", "$(tasks.approval.results.verdict)}", split.Options{}, []int{23}},
		"in a script": {
			"      taskRef: {name: tell}\n", "      taskSpec:\n        steps:\n          - name: tell\n            image: x\n            script: |\n              #!/bin/sh\n              echo $(params.regions[*])\n",
			split.Options{},
			[]int{32},
		},

		"status of all":       {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: s, value: $(tasks.status)}]", split.Options{}, []int{30}},
		"status of asking":    {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: s, value: $(tasks.approval.status)}]", split.Options{}, []int{30}},
		"finally, both sides": {"taskRef: {name: clean}", "taskRef: {name: clean}\n      params:\n        - {name: a, value: $(tasks.ship.results.a)}\n        - {name: b, value: $(tasks.build.results.b)}", split.Options{}, []int{32}},
		"result, both sides":  {"  finally:\n", "  results:\n    - {name: r, value: $(tasks.build.results.a)-$(tasks.ship.results.b)}\n  finally:\n", split.Options{}, []int{28}},
		"result, decision":    {"  finally:\n", "  results:\n    - {name: r, value: $(tasks.approval.results.decision)}\n  finally:\n", split.Options{}, []int{28}},
		"optional workspace":  {"[{name: source}]\n", "[{name: source, optional: true}]\n", split.Options{}, nil},
		"no such workspace":   {"", "", split.Options{Workspaces: map[string]string{"other": "emptyDir"}}, []int{0}},
		"no such binding":     {"", "", split.Options{Workspaces: map[string]string{"source": "nfs:x"}}, []int{0}},
		"a part's name":       {"    - name: clean\n      taskRef: {name: clean}\n", "    - name: clean\n      taskRef: {name: clean}\n---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: ship-2}\n", split.Options{}, []int{31}},
		"too long a name":     {"{name: ship}\nspec", "{name: " + strings.Repeat("x", 62) + "}\nspec", split.Options{}, []int{1}},
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
			refused(t, said, name, text, c.o, c.want)
		})
	}
}

// refused holds Split to its errors: one for each of the lines and no others, 0 for one that is
// about none.
func refused(t *testing.T, said *golden.Sentences, name, text string, o split.Options, want []int) {
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
	got := []int{0}
	if rs, ok := errors.AsType[split.Refusals](err); ok {
		got = nil
		for _, x := range rs {
			got = append(got, x.Line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors about lines %v, want %v:\n%v", got, want, err)
	}
	said.Check(t, name, err.Error())
}

// What takes more than one change.
func TestRefusedForMore(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	reads := strings.NewReplacer("$(params.version)}", "$(tasks.build.results.digest)}").Replace
	gate := strings.NewReplacer("tekton.automatiko.io/v1beta1", "openshift-pipelines.org/v1alpha1").Replace
	for name, c := range map[string]struct {
		text string
		o    split.Options
		want []int
	}{
		"a result that a when may skip": {
			reads(strings.Replace(whole, "{name: build}\n", "{name: build}\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n", 1)),
			split.Options{},
			[]int{24},
		},
		"a result of what was skipped with it": {
			reads(strings.Replace(whole, "{name: build}\n", "{name: build}\n      params: [{name: a, value: $(tasks.find.results.a)}]\n    - name: find\n      taskRef: {name: find}\n      onError: continue\n", 1)),
			split.Options{},
			[]int{27},
		},
		"what was not asked when a task was left out": {
			strings.NewReplacer("{name: build}\n    - name: approval\n      runAfter: [build]", "{name: build}\n      when: [{input: $(params.version), operator: in, values: [v1]}]\n    - name: scan\n      taskRef: {name: scan}\n      params: [{name: image, value: $(tasks.build.results.image)}]\n"+
				"    - name: note\n      runAfter: [scan]\n      taskRef: {name: note}\n    - name: approval\n      runAfter: [note]", "runAfter: [approval]", "runAfter: [scan, approval]").Replace(whole),
			split.Options{},
			[]int{22, 27},
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
			[]int{9},
		},
		"a default that only a run knows": {
			strings.NewReplacer("default: latest}\n  w", "default: $(context.pipelineRun.startTime)}\n  w", "$(params.version)}\n    - name: tell", "$(params.tag)}\n    - name: tell").Replace(whole),
			split.Options{},
			[]int{9},
		},
		"a default that is a whole list": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "[\"$(params.regions[*])\"]}\n    - name: tell").Replace(whole),
			split.Options{},
			[]int{23},
		},
		"one of a default's values": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "\"$(params.regions[0])\"}\n    - name: tell").Replace(whole),
			split.Options{},
			nil,
		},
		"none of a default's values": {
			strings.NewReplacer("regions, type: array}", "regions, type: array, default: [eu]}", "$(params.version)}\n    - name: tell", "\"$(params.regions[1])\"}\n    - name: tell").Replace(whole),
			split.Options{},
			[]int{7},
		},
		"an optional workspace": {
			strings.NewReplacer("[{name: source}]\n", "[{name: source, optional: true}]\n", "taskRef: {name: ship}\n", "taskRef: {name: ship}\n      workspaces:\n        - name: source\n").Replace(whole),
			split.Options{},
			[]int{23},
		},
		"a workspace that is said": {
			strings.NewReplacer("[{name: source}]\n", "[{name: source, optional: true}]\n", "taskRef: {name: ship}\n", "taskRef: {name: ship}\n      workspaces:\n        - name: source\n").Replace(whole),
			split.Options{Workspaces: map[string]string{"source": "claim:mine"}},
			nil,
		},
		"a workspace that only the run knows": {
			strings.Replace(whole, "taskRef: {name: ship}", "taskSpec: {steps: [{image: x, script: cd $(workspaces.cache.path)}]}", 1),
			split.Options{},
			[]int{21},
		},
		"a workspace that a task can do without": {
			strings.Replace(whole, "taskRef: {name: ship}", "taskSpec: {workspaces: [{name: cache, optional: true}], steps: [{image: x, script: $(workspaces.cache.bound)}]}", 1),
			split.Options{},
			nil,
		},
		"the pipeline's list, whatever a task's default": {
			strings.NewReplacer("taskRef: {name: ship}", "taskSpec: {params: [{name: regions, type: array, default: []}], steps: [{image: x, args: [\"$(params.regions[*])\"]}]}").Replace(whole),
			split.Options{},
			[]int{21},
		},
		"a rejection told of at the end": {
			gate(strings.Replace(whole, "taskRef: {name: clean}", "taskRef: {name: clean}\n      params: [{name: who, value: $(tasks.approval.results.rejectedBy)}]", 1)),
			split.Options{},
			[]int{30},
		},
		"a quorum that nobody can make": {
			gate(strings.Replace(whole, "[alice, bob]}", "[alice, bob]}\n        - {name: numberOfApprovalsRequired, value: \"3\"}", 1)),
			split.Options{},
			[]int{14},
		},
		"a description that is too long": {
			strings.Replace(whole, "[alice, bob]}", "[alice, bob]}\n        - {name: description, value: \""+strings.Repeat("long ", 300)+"\"}", 1),
			split.Options{},
			[]int{14},
		},
		"several at once, by their lines": {
			strings.Replace(whole, "      runAfter: [build]\n", "      runAfter: [build]\n      retries: 1\n      when: [{input: x, operator: in, values: [x]}]\n", 1),
			split.Options{},
			[]int{16, 17},
		},
		"too much":   {strings.Repeat("#", split.MaxText+1), split.Options{}, []int{0}},
		"emptiness":  {"", split.Options{}, []int{1}},
		"other YAML": {"- a\n---\nb\n---\n", split.Options{}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, said, name, c.text, c.o, c.want)
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
