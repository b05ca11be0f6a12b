package split_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/split"
)

// stages returns a pipeline with two approvals of Automatiko's kind, one behind the other. guard
// goes into the second, last into the last task, and more follows that.
func stages(guard, last, more string) string {
	return strings.NewReplacer("%GUARD%", guard, "%LAST%", last, "%MORE%", more).Replace(`apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: rollout}
spec:
  params: [{name: env, default: dev}]
  tasks:
    - name: build
      taskRef: {name: build}
    - name: first
      runAfter: [build]
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}]
    - name: stage
      when: [{input: $(tasks.first.results.decision), operator: in, values: ["true"]}]
      taskRef: {name: deploy}
    - name: second
      runAfter: [stage]
%GUARD%
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask}
      params: [{name: approvers, value: [bob]}]
    - name: live
%LAST%
      taskRef: {name: deploy}
%MORE%`)
}

// TestGuards: a condition that asks for no more than a yes goes without saying after the
// cut, and any other is refused.
func TestGuards(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const guard = `      when: [{input: $(tasks.first.results.decision), operator: in, values: ["true"]}]`
	const last = `      when: [{input: $(tasks.second.results.decision), operator: in, values: ["true"]}]`
	const url = last + "\n      params: [{name: url, value: $(tasks.stage.results.url)}]"
	for name, c := range map[string]struct {
		guard, last, more string
		releases          []bool // by Gate: a rejection goes on
		want              []int
	}{
		"both guarded":                {guard, url, "", []bool{false, false}, nil},
		"both guarded, nothing read":  {guard, last, "", []bool{false, false}, nil},
		"as advised once":             {"      timeout: 1h", url, "", []bool{false, false}, nil},
		"asked whatever came before":  {"      timeout: 1h", last, "", []bool{true, false}, nil},
		"not false":                   {`      when: [{input: $(tasks.first.results.decision), operator: notin, values: ["false"]}]`, url, "", []bool{false, false}, nil},
		"in brackets":                 {`      when: [{input: "$(tasks.first.results['decision'])", operator: in, values: ["true", "yes"]}]`, url, "", []bool{false, false}, nil},
		"the other way round":         {`      when: [{input: "true", operator: in, values: ["$(tasks.first.results.decision)"]}]`, url, "", []bool{false, false}, nil},
		"not false, the other way":    {`      when: [{input: "false", operator: notin, values: ["$(tasks.first.results.decision)"]}]`, url, "", []bool{false, false}, nil},
		"false, the other way":        {`      when: [{input: "false", operator: in, values: ["$(tasks.first.results.decision)"]}]`, last, "", nil, []int{18}},
		"in CEL":                      {`      when: [{cel: "'$(tasks.first.results.decision)' == 'true'"}]`, url, "", []bool{false, false}, nil},
		"in CEL, the other way":       {`      when: [{cel: "'$(tasks.first.results.decision)' != 'false'"}]`, url, "", []bool{false, false}, nil},
		"finally does not ask":        {guard, url, "  finally:\n    - {name: tell, taskRef: {name: tell}}\n", []bool{false, true}, nil},
		"what is read on a rejection": {guard, url, "    - {name: sorry, runAfter: [first], when: [{input: $(tasks.first.results.decision), operator: in, values: [\"false\"]}], taskRef: {name: tell}}\n", nil, []int{18, 23}},
		"asked when it was rejected":  {`      when: [{input: $(tasks.first.results.decision), operator: in, values: ["false"]}]`, last, "", nil, []int{18}},
		"and another condition":       {guard[:len(guard)-1] + `, {input: $(params.env), operator: in, values: [prod]}]`, last, "", nil, []int{18}},
		"behind it the same":          {`      when: [{input: $(params.env), operator: in, values: [prod]}]`, "      runAfter: [second]\n      when: [{input: $(params.env), operator: in, values: [prod]}]", "", nil, []int{18}},
		"a param":                     {`      when: [{input: $(params.env), operator: in, values: [prod]}]`, "      runAfter: [second]", "", nil, []int{18}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := split.Split([]byte(stages(c.guard, c.last, c.more)), split.Options{})
			if len(c.want) > 0 {
				refused(t, said, name, stages(c.guard, c.last, c.more), split.Options{}, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			o := parse(t, r.Text)
			var got []bool
			for _, g := range []string{"rollout-first", "rollout-second"} {
				got = append(got, len(o.gates[g].Spec.ReleaseOn) == 2)
			}
			if !slices.Equal(got, c.releases) {
				t.Errorf("a rejection goes on: %v, want %v", got, c.releases)
			}
			o.run(t, []string{"rollout", "rollout-2", "rollout-3"}, nil)
		})
	}
}

// TestFinally: what may take something away too soon is asked about, and goes where it is
// said to belong.
func TestFinally(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const base = `apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: e2e}
spec:
  workspaces: [{name: world}]
  tasks:
    - {name: provision, taskRef: {name: provision}, workspaces: [{name: world}]}
    - name: approve
      runAfter: [provision]
      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}]
    - {name: test, runAfter: [approve], taskRef: {name: test}, workspaces: [{name: world}]}
  finally:
    - `
	for name, c := range map[string]struct {
		task string
		part int    // said, 0 for nothing
		in   string // the part that has it
		want []int
	}{
		"it reads a result":         {"{name: tell, taskRef: {name: tell}, params: [{name: vm, value: $(tasks.provision.results.vm)}]}", 0, "", []int{14}},
		"it has the workspace":      {"{name: tell, taskRef: {name: tell}, workspaces: [{name: world}], params: [{name: s, value: $(tasks.provision.status)}]}", 0, "", []int{14}},
		"it is called so":           {"{name: clean-up, taskRef: {name: x}, params: [{name: s, value: $(tasks.provision.status)}]}", 0, "", []int{14}},
		"its task is called so":     {"{name: end, taskRef: {name: kubectl-delete}, params: [{name: s, value: $(tasks.provision.status)}]}", 0, "", []int{14}},
		"what it runs removes":      {"{name: end, taskSpec: {steps: [{name: x, image: x, script: 'kubectl delete ns x'}]}, params: [{name: s, value: $(tasks.provision.status)}]}", 0, "", []int{14}},
		"what it refers to removes": {"{name: end, taskRef: {name: x}, params: [{name: s, value: $(tasks.provision.status)}]}\n---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: x}\nspec: {steps: [{name: x, image: x, command: [rm, -r, /x]}]}", 0, "", []int{14}},
		"it tells how it went":      {"{name: tell, taskRef: {name: tell}, params: [{name: s, value: $(tasks.provision.status)}]}", 0, "e2e", nil},
		"it reads nothing":          {"{name: clean-up, taskRef: {name: x}, workspaces: [{name: world}]}", 0, "e2e-2", nil},
		"said, the last":            {"{name: clean-up, taskRef: {name: x}, workspaces: [{name: world}], params: [{name: vm, value: $(tasks.provision.results.vm)}]}", 2, "e2e-2", nil},
		"said, the first":           {"{name: clean-up, taskRef: {name: x}, params: [{name: vm, value: $(tasks.provision.results.vm)}]}", 1, "e2e", nil},
		"said of what reads none":   {"{name: clean-up, taskRef: {name: x}}", 1, "e2e", nil},
		"all tasks":                 {"{name: tell, taskRef: {name: tell}, params: [{name: s, value: $(tasks.status)}]}", 0, "", []int{14}},
		"all tasks of a part":       {"{name: tell, taskRef: {name: tell}, params: [{name: s, value: $(tasks.status)}]}", 2, "e2e-2", nil},
		"said, and it can't be":     {"{name: tell, taskRef: {name: tell}, params: [{name: s, value: $(tasks.provision.status)}]}", 2, "", []int{14}},
		"said, and not known yet":   {"{name: tell, taskRef: {name: tell}, params: [{name: s, value: $(tasks.test.results.report)}]}", 1, "", []int{14}},
		"said, and there is none":   {"{name: tell, taskRef: {name: tell}}", 3, "", []int{14}},
		"both sides, and one said":  {"{name: tell, taskRef: {name: tell}, params: [{name: a, value: $(tasks.test.results.a)}, {name: b, value: $(tasks.provision.results.b)}]}", 2, "e2e-2", nil},
		"both sides, and none said": {"{name: tell, taskRef: {name: tell}, params: [{name: a, value: $(tasks.test.results.a)}, {name: b, value: $(tasks.provision.results.b)}]}", 0, "", []int{14}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := split.Options{}
			if c.part > 0 {
				called, _, _ := strings.Cut(strings.TrimPrefix(c.task, "{name: "), ",")
				o.Finally = map[string]int{called: c.part}
			}
			if len(c.want) > 0 {
				refused(t, said, name, base+c.task+"\n", o, c.want)
				return
			}
			r, err := split.Split([]byte(base+c.task+"\n"), o)
			if err != nil {
				t.Fatal(err)
			}
			cut := parse(t, r.Text)
			for part, p := range cut.pipelines {
				if (len(p.Spec.Finally) > 0) != (part == c.in) {
					t.Errorf("part %s has %d tasks in finally; it belongs into %s", part, len(p.Spec.Finally), c.in)
				}
			}
			cut.run(t, []string{"e2e", "e2e-2"}, nil)
		})
	}
	refused(t, said, "a task that is not in finally", base+"{name: tell, taskRef: {name: tell}}\n", split.Options{Finally: map[string]int{"tel": 1}}, []int{13})
}

// TestTravel: what travels is said to be seen, and what looks like a secret is warned of.
func TestTravel(t *testing.T) {
	t.Parallel()
	for task, warned := range map[string]string{
		"params: [{name: v, value: $(params.version)}]":                                              "",
		"params: [{name: v, value: $(params.secret-name)}]":                                          "",
		"params: [{name: v, value: $(params.registry-password)}]":                                    "registry-password",
		"params: [{name: v, value: $(tasks.github-token.results.out)}]":                              "github-token-out",
		"params: [{name: v, value: $(tasks.login.results.jwt)}]":                                     "login-jwt",
		"params: [{name: dbPassword, value: $(tasks.login.results.out)}]":                            "login-out",
		"params: [{name: url, value: \"https://x:$(tasks.login.results.out)@git.example.com/a\"}]":   "login-out",
		"params: [{name: url, value: \"https://git.example.com/$(tasks.login.results.out)@main\"}]":  "",
		"taskSpec: {steps: [{name: x, image: x, env: [{name: API_KEY, value: $(params.version)}]}]}": "version",
	} {
		spec := task
		if !strings.Contains(task, "taskSpec") {
			spec += "\n      taskRef: {name: ship}"
		}
		r, err := split.Split([]byte(`apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: ship}
spec:
  params: [{name: version}, {name: secret-name}, {name: registry-password}]
  tasks:
    - {name: github-token, taskRef: {name: x}}
    - {name: login, taskRef: {name: x}}
    - name: ask
      runAfter: [github-token, login]
      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}]
    - name: ship
      runAfter: [ask]
      `+spec+"\n"), split.Options{})
		if err != nil {
			t.Errorf("%s: %v", task, err)
			continue
		}
		notes := strings.Join(r.Notes, "\n")
		if !strings.Contains(notes, "These values are forwarded: ") {
			t.Errorf("%s: that something travels is not said: %s", task, notes)
		}
		for _, name := range []string{"version", "secret-name", "registry-password", "github-token-out", "login-jwt", "login-out"} {
			travels := name == warned || name == "registry-password" // a param of part 1 is shown though it stays
			if got := strings.Contains(notes, "WARNING: "+name+" "); got != travels {
				t.Errorf("%s: a warning of %s: %v, want %v\n%s", task, name, got, travels, notes)
			}
		}
	}
}

// TestNames: names that a cluster would not take, objects that are somebody's own, and
// namespaces.
func TestNames(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const gate = "---\napiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {name: ship-approval}\nspec: {approvers: {users: [{name: zed}]}}\n"
	const template = "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: TriggerTemplate\nmetadata: {name: ship-2%}\nspec: {resourcetemplates: [{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {generateName: x-}, spec: {pipelineRef: {name: x}}}]}\n"
	const trigger = "---\napiVersion: triggers.tekton.dev/v1alpha1\nkind: Trigger\nmetadata: {name: ship-2}\nspec: {}\n"
	const listener = "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener\nmetadata: {name: ship}\nspec: {triggers: [{triggerRef: on-push}]}\n"
	krci := strings.NewReplacer("tekton.automatiko.io/v1beta1", "edp.epam.com/v1alpha1", "version, value: $(params.version)", "version, value: $(tasks.approval.results.approved)").Replace(whole)
	named := "---\napiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {name: kuberocketci}\nspec: {approvers: {users: [{name: zed}]}%}\n"
	long := strings.Repeat("x", 59)
	for name, c := range map[string]struct {
		text string
		o    split.Options
		want []int
	}{
		"a gate":                          {whole + gate, split.Options{}, []int{31}},
		"a template":                      {whole + strings.Replace(template, "%", "", 1), split.Options{}, []int{31}},
		"a template elsewhere":            {whole + strings.Replace(template, "%", ", namespace: other", 1), split.Options{Namespace: "shop"}, nil},
		"a template that may be there":    {whole + strings.Replace(template, "%", ", namespace: other", 1), split.Options{}, []int{31}},
		"a trigger, of another version":   {whole + trigger, split.Options{}, []int{31}},
		"a listener":                      {whole + listener, split.Options{Account: "me"}, []int{31}},
		"a listener that nobody asks for": {whole + listener, split.Options{}, nil},
		"in a list":                       {whole + "---\napiVersion: v1\nkind: List\nitems:\n  - {apiVersion: triggers.tekton.dev/v1beta1, kind: TriggerTemplate, metadata: {name: ship-2}, spec: {}}\n", split.Options{}, []int{34}},
		"Gate kuberocketci, without":      {krci + strings.Replace(named, "%", "", 1), split.Options{}, []int{31}},
		"Gate kuberocketci, with":         {krci + strings.Replace(named, "%", ", resultsPreset: kuberocketci", 1), split.Options{}, nil},
		"a listener's name":               {strings.Replace(whole, "{name: ship}\nspec", "{name: "+long+"xx}\nspec", 1), split.Options{Account: "me"}, []int{1}},
		"an account":                      {whole, split.Options{Account: "Me"}, []int{1}},
		"a namespace":                     {whole, split.Options{Namespace: "shop"}, nil},
		"no namespace":                    {whole, split.Options{Namespace: "Shop"}, []int{1}},
		"another namespace":               {strings.Replace(whole, "{name: ship}\nspec", "{name: ship, namespace: shop}\nspec", 1), split.Options{Namespace: "other"}, []int{3}},
		"the same namespace":              {strings.Replace(whole, "{name: ship}\nspec", "{name: ship, namespace: shop}\nspec", 1), split.Options{Namespace: "shop"}, nil},
		"a pipeline without approvals":    {"apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: other}\nspec: {tasks: [{name: x, taskRef: {name: x}}]}\n---\n" + whole, split.Options{Pipeline: "other"}, []int{1}},
		"a run without a name":            {"apiVersion: tekton.dev/v1\nkind: PipelineRun\nspec: {pipelineSpec: {tasks: [{name: x, taskRef: {name: x}}, {name: a, runAfter: [x], taskRef: {apiVersion: edp.epam.com/v1alpha1, kind: ApprovalTask}}, {name: b, runAfter: [a], taskRef: {name: b}}]}}\n", split.Options{}, []int{1}},
		"a secret's name":                 {whole, split.Options{Workspaces: map[string]string{"source": "secret:No Name"}}, []int{0}},
		"a volume's size":                 {whole, split.Options{Workspaces: map[string]string{"source": "volume:big"}}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, said, name, c.text, c.o, c.want)
			if len(c.want) == 0 && c.o.Namespace != "" {
				r, err := split.Split([]byte(c.text), c.o)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range parse(t, r.Text).pipelines {
					if p.Namespace != c.o.Namespace {
						t.Errorf("Pipeline %s is in namespace %q", p.Name, p.Namespace)
					}
				}
			}
		})
	}
}

// TestFirst: where the approval comes first, the event says what the run said.
func TestFirst(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const base = `apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: wipe}
spec:
  params: [{name: site}, {name: level, default: "it's \"low\""}, {name: list, type: array}, {name: git.url}]
  workspaces: [{name: cache}, {name: extra, optional: true}]
  tasks:
    - name: ask
      taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
      params: [{name: approvers, value: [alice]}, {name: description, value: "Wipe $(params.site)? $(context.pipelineRun.name)"}]
    - name: wipe
      runAfter: [ask]
      taskRef: {name: wipe}
      workspaces: [{name: cache}, {name: extra}]
      params:
        - {name: site, value: $(params.site)}
        - {name: level, value: $(params.level)}
        - {name: first, value: "$(params.list[0])"}
        - {name: url, value: '$(params["git.url"])'}
        - {name: run, value: $(context.pipelineRun.name)}
`
	refused(t, said, "no volume", base, split.Options{}, []int{14})
	for _, how := range []string{"volume:1Gi", "claim:mine", "emptyDir"} {
		r, err := split.Split([]byte(base), split.Options{Workspaces: map[string]string{"cache": how}})
		if err != nil {
			t.Fatal(err)
		}
		o := parse(t, r.Text)
		if len(o.pipelines) != 1 || !slices.Equal(r.Parts, []string{"wipe-2"}) {
			t.Errorf("parts %v, pipelines %d", r.Parts, len(o.pipelines))
		}
		o.optional = []string{"extra"}
		last := o.run(t, []string{"wipe-2"}, map[string]string{"site": "south", "list": `["x"]`, "git.url": "https://git"})
		for k, v := range map[string]string{"site": "south", "git.url": "https://git"} {
			if last[k] != v {
				t.Errorf("%s is %q, want %q", k, last[k], v)
			}
		}
		if got := o.forwarded["wipe-2"]["description"]; got != "Wipe south? a run of wipe-2" {
			t.Errorf("shown is %q", got)
		}
		if tasks := o.pipelines["wipe-2"].Spec.Tasks; tasks[0].Params[4].Value.StringVal != "$(context.pipelineRun.name)" {
			t.Errorf("the run's own name is %q", tasks[0].Params[4].Value.StringVal)
		}
	}
}

// TestWithRun: what a run binds that is another in every run, and what only
// Pipelines-as-Code can fill in, goes to no later part.
func TestWithRun(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	base := func(binding string) string {
		return `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: ship}
spec:
  params: [{name: site, value: "s-$(context.pipelineRun.name)"}, {name: list, value: [a, b]}, {name: of, value: {x: z}}]
  workspaces:
    - {name: source, ` + binding + `}
  pipelineSpec:
    tasks:
      - {name: build, taskRef: {name: build}}
      - name: ask
        runAfter: [build]
        taskRef: {apiVersion: openshift-pipelines.org/v1alpha1, kind: ApprovalTask}
        params: [{name: approvers, value: [alice]}]
      - name: ship
        runAfter: [ask]
        taskSpec: {steps: [{name: x, image: x, env: [{name: S, value: $(params.site)}, {name: L, value: "$(params.list[1])"}, {name: O, value: $(params.of.x)}], script: "ls $(workspaces.source.path)"}]}
`
	}
	for binding, line := range map[string]int{
		"persistentVolumeClaim: {claimName: mine}":               0,
		"persistentVolumeClaim: {claimName: mine}, subPath: a/b": 0,
		"emptyDir: {}": 0,
		"persistentVolumeClaim: {claimName: mine}, subPath: $(context.pipelineRun.name)":                                                          7,
		"subPath: $(context.pipelineRun.uid), volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}": 7,
		"secret: {secretName: \"{{ git_auth_secret }}\"}":                                                                                         7,
	} {
		if line > 0 {
			refused(t, said, binding, base(binding), split.Options{}, []int{line})
			continue
		}
		r, err := split.Split([]byte(base(binding)), split.Options{})
		if err != nil {
			t.Errorf("%s: %v", binding, err)
			continue
		}
		o := parse(t, r.Text)
		last := o.run(t, []string{"ship", "ship-2"}, nil)
		if last["site"] != "s-run of ship" || last["list-1"] != "b" || last["of-x"] != "z" {
			t.Errorf("%s: the last run's params are %v", binding, last)
		}
		if ps := o.pipelines["ship"].Spec.Params; len(ps) != 3 || ps[1].Type != "array" || ps[2].Type != "object" {
			t.Errorf("part 1 declares %+v", ps)
		}
	}
}

// TestHandedOn: what else the text has goes on as it is, into the namespace that was asked
// for, and what starts the pipeline of old is named.
func TestHandedOn(t *testing.T) {
	t.Parallel()
	text := strings.Replace(whole, "    - name: build\n      taskRef: {name: build}\n    - name: approval\n      runAfter: [build]\n", "    - name: approval\n", 1) + `---
apiVersion: tekton.dev/v1
kind: TaskList
items:
  - metadata: {name: ship}
    spec: {steps: [{name: x, image: x}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: of-mine, namespace: other}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: ship-}
spec: {pipelineRef: {name: ship}, params: [{name: version, value: v1}]}
`
	r, err := split.Split([]byte(text), split.Options{Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	parse(t, r.Text)
	for _, want := range []string{"kind: Task\nmetadata: {name: ship, namespace: shop}", "metadata: {name: of-mine, namespace: other}", "metadata: {generateName: ship-, namespace: shop}", "PipelineRun ship (line 38) starts Pipeline ship, and nothing of what is written here"} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("there is no %q in\n%s", want, r.Text)
		}
	}
}
