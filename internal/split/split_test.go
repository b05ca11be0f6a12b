package split_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/split"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// Each pipeline of testdata, what it becomes, and what then runs: the forwarded values
// go through the product's own expressions and Triggers' own bindings and templates.
func TestSplit(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct {
		split.Options
		params map[string]string // of part 1's run; those without a default have a value of their own
		parts  []string
		last   map[string]string // of the params of the last part's run those that are looked at
		shown  map[string]string // by Trigger, a text that is put before anyone who decides
	}{
		"single":   {parts: []string{"deploy", "deploy-2"}},
		"rejected": {parts: []string{"deploy", "deploy-2"}, last: map[string]string{"approval-comment": "fine", "approval-decision": "true", "approval-rejectedBy": ""}},
		"values": {
			params: map[string]string{"regions": `["eu","us"]`, "image": `{"tag":"v1","registry":"r"}`, "run": "mine"},
			parts:  []string{"release", "release-2"},
			last: map[string]string{
				"build-commit": "result commit", "build-digest-2": "result build-digest-2", "build-digest": "param build-digest", "repo-url": "https://example.com/it's",
				"git.revision": "param git.revision", "run": "mine", "run-name": "run of release", "regions-0": "eu", "image-tag": "v1",
				"build-layers-1": "result build-layers-1", "build-platform-os": "result build-platform-os", "approval-approvedBy": "alice",
			},
		},
		"workspaces": {Options: split.Options{Workspaces: map[string]string{"kubeconfig": "secret:prod"}}, parts: []string{"ship", "ship-2"}},
		"parts": {
			Options: split.Options{Account: "rollout-listener"}, parts: []string{"rollout", "rollout-2", "rollout-3"}, params: map[string]string{"site": "south"},
			last: map[string]string{
				"build-digest": "result build-digest", "check-score": "result check-score", "site": "south",
				"to-stage-approvedBy": "alice", "to-live-approvedBy": "alice",
			},
		},
		"finally": {parts: []string{"ship", "ship-2"}},
		"gate":    {parts: []string{"ship", "ship-2"}},
		"inline": {
			parts: []string{"ship", "ship-2", "ship-3"}, params: map[string]string{"site": "south"},
			shown: map[string]string{"ship-2": "ship to south", "ship-3": "the second one"},
		},
		"named": {parts: []string{"ship", "ship-2", "ship-3"}},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join("testdata", file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := split.Split(raw, c.Options)
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, filepath.Join("testdata", "golden", file+".yaml"), got.Text)
			if !slices.Equal(got.Parts, c.parts) {
				t.Errorf("parts %v, want %v", got.Parts, c.parts)
			}
			o := parse(t, got.Text)
			last := o.run(t, c.parts, c.params)
			for k, v := range c.shown {
				if !slices.Contains(slices.Collect(maps.Values(o.forwarded[k])), v) {
					t.Errorf("Trigger %s does not show %q: %v", k, v, o.forwarded[k])
				}
			}
			for k, v := range c.last {
				if got, ok := last[k]; !ok || got != v {
					t.Errorf("the last part's param %s is %q, want %q", k, got, v)
				}
			}
		})
	}
}

// The example is what docs/reference/tkn-approval.md shows.
func TestExample(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../examples/split/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := split.Split(raw, split.Options{Account: "release-listener"})
	if err != nil {
		t.Fatal(err)
	}
	last := parse(t, got.Text).run(t, []string{"release", "release-2"}, map[string]string{"version": "1.2.3"})
	want := map[string]string{"build-digest": "result build-digest", "channel": "stable", "approval-approvedBy": "alice"}
	if diff := gocmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
}

// objects has the parsed objects of an output.
type objects struct {
	pipelines map[string]*pipelinev1.Pipeline
	triggers  map[string]*triggersv1.Trigger
	templates map[string]*triggersv1.TriggerTemplate
	gates     map[string]*v1alpha1.Gate
	forwarded map[string]map[string]string // by Trigger, once it has run
	started   *pipelinev1.PipelineRun      // the first part's, nil for none
	optional  []string                     // workspaces that a run need not bind
}

// parse reads every object as its own type, strictly, and holds it against its own
// validation.
func parse(t *testing.T, text string) objects {
	t.Helper()
	o := objects{map[string]*pipelinev1.Pipeline{}, map[string]*triggersv1.Trigger{}, map[string]*triggersv1.TriggerTemplate{}, map[string]*v1alpha1.Gate{}, map[string]map[string]string{}, nil, nil}
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.HasPrefix(doc, "# Pipeline ") && !strings.Contains(doc, "kind:") {
			continue // the notes
		}
		var is struct{ Kind string }
		into := func(x any) {
			t.Helper()
			if err := yaml.UnmarshalStrict([]byte(doc), x); err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
		}
		if err := yaml.Unmarshal([]byte(doc), &is); err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		switch is.Kind {
		case "Pipeline":
			p := &pipelinev1.Pipeline{}
			into(p)
			p.SetDefaults(ctx)
			if err := p.Validate(ctx); err != nil {
				t.Errorf("Pipeline %s: %v", p.Name, err)
			}
			o.pipelines[p.Name] = p
		case "Trigger":
			x := &triggersv1.Trigger{}
			into(x)
			x.SetDefaults(ctx)
			if err := x.Validate(ctx); err != nil {
				t.Errorf("Trigger %s: %v", x.Name, err)
			}
			o.triggers[x.Name] = x
		case "TriggerTemplate":
			x := &triggersv1.TriggerTemplate{}
			into(x)
			x.SetDefaults(ctx)
			if err := x.Validate(ctx); err != nil {
				t.Errorf("TriggerTemplate %s: %v", x.Name, err)
			}
			o.templates[x.Name] = x
		case "EventListener":
			x := &triggersv1.EventListener{}
			into(x)
			x.SetDefaults(ctx)
			if err := x.Validate(ctx); err != nil {
				t.Errorf("EventListener %s: %v", x.Name, err)
			}
		case "Gate":
			x := &v1alpha1.Gate{}
			into(x)
			if err := convert.PolicyOf(x).Validate(""); err != nil {
				t.Errorf("Gate %s: %v", x.Name, err)
			}
			o.gates[x.Name] = x
		case "PipelineRun":
			x := &pipelinev1.PipelineRun{}
			into(x)
			x.SetDefaults(ctx)
			x.Name = cmp.Or(x.Name, x.GenerateName+"abcde") // as the API server does
			if err := x.Validate(ctx); err != nil {
				t.Errorf("PipelineRun %s: %v", x.Name, err)
			}
			if o.started = x; x.Spec.PipelineSpec != nil {
				t.Errorf("PipelineRun %s has a pipeline in it", x.Name)
			}
		case "Task", "ConfigMap":
		default:
			t.Errorf("an object of kind %q:\n%s", is.Kind, doc)
		}
	}
	return o
}

// run has each part after the other end well and be approved by alice, and gives the
// params of the last part's run.
func (o objects) run(t *testing.T, parts []string, params map[string]string) map[string]string {
	t.Helper()
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	held := o.triggers[parts[0]] != nil // an event comes before the first part
	if held {
		for _, p := range o.pipelines[parts[0]].Spec.Params {
			given[p.Name] = "param " + p.Name
		}
		parts = append([]string{""}, parts...)
	} else {
		for _, p := range o.pipelines[parts[0]].Spec.Params {
			if p.Default == nil {
				given[p.Name] = "param " + p.Name
			}
		}
	}
	if o.started != nil {
		if o.started.Spec.PipelineRef == nil || o.started.Spec.PipelineRef.Name != parts[0] {
			t.Errorf("the PipelineRun refers to %v", o.started.Spec.PipelineRef)
		}
		for _, p := range o.started.Spec.Params {
			given[p.Name] = tekton.Text(p.Value)
		}
	}
	maps.Copy(given, params)
	for i, part := range parts[1:] {
		trigger, tt := o.triggers[part], o.templates[part]
		if trigger == nil || tt == nil {
			t.Fatalf("there is no Trigger or TriggerTemplate %s", part)
		}
		line, err := interceptor.ParseParams(trigger.Spec.Interceptors, nil)
		if err != nil {
			t.Fatal(err)
		}
		if line.After.Pipeline != parts[i] {
			t.Errorf("part %s starts after %s", part, line.After)
		}
		before := o.pipelines[parts[i]]
		s := approvals.Source{Requester: "rita"}
		if parts[i] == "" {
			said := map[string]any{}
			for k, v := range given {
				if said[k] = v; strings.HasPrefix(v, "[") && json.Valid([]byte(v)) {
					said[k] = json.RawMessage(v)
				}
			}
			body, err := json.Marshal(said)
			if err != nil {
				t.Fatal(err)
			}
			s.Event, before = &approvals.Event{Body: string(body)}, &pipelinev1.Pipeline{}
		} else {
			s.Run = &approvals.Run{Name: "run of " + parts[i], UID: "u", Pipeline: parts[i]}
			for _, k := range slices.Sorted(maps.Keys(given)) {
				s.Params = append(s.Params, approvals.Param{Name: k, Value: given[k]})
			}
		}
		for _, r := range before.Spec.Results {
			s.Results = append(s.Results, approvals.Param{Name: r.Name, Value: "result " + r.Name})
		}
		for _, w := range before.Spec.Workspaces {
			s.Claims = append(s.Claims, approvals.Param{Name: w.Name, Value: "claim-of-" + w.Name})
		}
		policy := approvals.Policy{
			Gate: line.Gate, Approvers: []approvals.Approver{{Name: "alice"}}, Strategy: approvals.Single, Lifetime: time.Hour,
			ReleaseOn: []approvals.Outcome{approvals.Approved}, Preset: "kuberocketci",
		}
		if g := o.gates[line.Gate]; g != nil {
			policy = convert.PolicyOf(g)
		}
		resolved, err := cel.Resolve(t.Context(), "shop", trigger.Name, *line, policy, s, "")
		if err != nil {
			t.Fatal(err)
		}
		a := approvals.Approval{
			Key: approvals.Key{Namespace: "shop", Name: "part-before-" + part, UID: "u"}, Trigger: trigger.Name, Source: s, Resolved: resolved,
			Outcome: approvals.Approved, RunName: "part-before-x", Votes: []approvals.Vote{{Voter: "alice", Verdict: approvals.Approve, Comment: "fine"}},
		}
		vars, err := mapping.SourceVars("shop", s)
		if err != nil {
			t.Fatal(err)
		}
		if a.Results, err = cel.Results(t.Context(), a, vars); err != nil {
			t.Fatal(err)
		}
		o.forwarded[part] = approvals.ByName(resolved.Params)
		run := o.render(t, trigger, tt, a)
		if run.Spec.PipelineRef.Name != part {
			t.Errorf("Trigger %s starts %s", part, run.Spec.PipelineRef.Name)
		}
		given = map[string]string{}
		for _, p := range run.Spec.Params {
			given[p.Name] = p.Value.StringVal
		}
		var bound []string
		for _, w := range run.Spec.Workspaces {
			bound = append(bound, w.Name)
			if c := w.PersistentVolumeClaim; c != nil && i > 0 && c.ClaimName != "claim-of-"+w.Name {
				t.Errorf("part %s has claim %s as its workspace %s", part, c.ClaimName, w.Name)
			}
		}
		o.fits(t, o.pipelines[part], slices.Sorted(maps.Keys(given)), bound)
	}
	return given
}

// fits fails the test unless a run gives a part what it declares, and no more.
func (o objects) fits(t *testing.T, p *pipelinev1.Pipeline, params, workspaces []string) {
	t.Helper()
	var declared, spaces []string
	for _, x := range p.Spec.Params {
		declared = append(declared, x.Name)
	}
	for _, w := range p.Spec.Workspaces {
		if w.Optional && slices.Contains(o.optional, w.Name) {
			continue
		}
		spaces = append(spaces, w.Name)
	}
	slices.Sort(declared)
	slices.Sort(spaces)
	slices.Sort(workspaces)
	if !slices.Equal(declared, params) || !slices.Equal(spaces, workspaces) {
		t.Errorf("part %s declares params %v and workspaces %v, and gets %v and %v", p.Name, declared, spaces, params, workspaces)
	}
}

// render returns the run that an EventListener creates for a's released event.
func (o objects) render(t *testing.T, trigger *triggersv1.Trigger, tt *triggersv1.TriggerTemplate, a approvals.Approval) *pipelinev1.PipelineRun {
	t.Helper()
	rt, err := template.ResolveTrigger(*trigger, nil, nil, func(string) (*triggersv1.TriggerTemplate, error) { return tt, nil })
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(interceptor.ExtensionOf(a))
	if err != nil {
		t.Fatal(err)
	}
	var ext any
	if err := json.Unmarshal(raw, &ext); err != nil {
		t.Fatal(err)
	}
	ps, err := template.ResolveParams(rt, []byte("{}"), nil, map[string]any{interceptor.Name: ext}, template.NewTriggerContext("x"))
	if err != nil {
		t.Fatal(err)
	}
	all := template.ResolveResources(rt.TriggerTemplate, ps)
	if len(all) != 1 {
		t.Fatalf("%d objects", len(all))
	}
	run := &pipelinev1.PipelineRun{}
	if err := yaml.UnmarshalStrict(all[0], run); err != nil {
		t.Fatalf("%v\n%s", err, all[0])
	}
	if run.Name != string(a.RunName) || run.Name == "" {
		t.Errorf("the run is named %q, want %q", run.Name, string(a.RunName))
	}
	run.SetDefaults(t.Context())
	if err := run.Validate(t.Context()); err != nil {
		t.Errorf("the run: %v\n%s", err, all[0])
	}
	return run
}
