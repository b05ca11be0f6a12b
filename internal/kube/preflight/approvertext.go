package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// typedBy stands, with its number, for a text that an approver types. An approver could type it: it
// goes through bindings, templates and params as it is.
const typedBy = "typed-by-an-approver-"

// typed warns of what an approver types that becomes code: Tekton puts params into scripts,
// commands and arguments as they are, and a shell reads a comment there as commands.
func (p *Preflights) typed(ctx context.Context, r *triggers.Resolved, a approvals.Approval, i int, pipeline *pipelinev1.PipelineSpec, tasks map[string]*pipelinev1.TaskSpec, f *findings) error {
	marked, what, err := p.marked(ctx, a)
	if err != nil {
		return err
	}
	made, err := render.Render(ctx, p.Triggers, r, marked, approvals.Name(a.Trigger, "preflight:"+a.UID))
	if err != nil || len(made.Objects) <= i {
		return nil //nolint:nilerr // what is wrong with it was reported
	}
	run, ok := asRun(made.Objects[i])
	if !ok {
		return nil
	}
	flow := taint{what: what}
	for _, x := range run.Spec.Params {
		flow.given("params", x, nil)
	}
	if run.Spec.PipelineSpec != nil { // the template may have them in it directly
		pipeline = run.Spec.PipelineSpec
		for _, t := range slices.Concat(pipeline.Tasks, pipeline.Finally) {
			if t.TaskSpec != nil && t.TaskSpec.APIVersion == "" {
				tasks[t.Name] = &t.TaskSpec.TaskSpec
			}
		}
	}
	flow.pipeline(pipeline, tasks, f)
	return nil
}

// marked is a as it would be after an approval in which every text that people type is a
// mark of ours, and what each mark stands for.
func (p *Preflights) marked(ctx context.Context, a approvals.Approval) (approvals.Approval, []string, error) {
	var what []string
	mark := func(of string) string {
		what = append(what, of)
		return fmt.Sprintf("%s%d-", typedBy, len(what)-1)
	}
	resolved := *a.Resolved
	vote := approvals.Vote{Verdict: approvals.Approve, At: a.OpenedAt, Voter: mark("the name of who decides"), Comment: mark("the comment")}
	for _, in := range resolved.Policy.Inputs {
		value := in.Default
		switch in.Type {
		case approvals.InputString:
			value = mark("input " + in.Name)
		case approvals.InputEnum:
			value = in.Options[0]
		case approvals.InputBool:
			value = "true"
		case approvals.InputNumber:
			value = "1"
		}
		vote.Inputs = append(vote.Inputs, approvals.Param{Name: in.Name, Value: value})
	}
	a.Resolved, a.Votes, a.Preflight = &resolved, []approvals.Vote{vote}, nil
	a.Outcome, a.DecidedAt, a.Inputs = approvals.Approved, a.OpenedAt, vote.Inputs
	a.Results = approvals.DefaultResults(a)
	vars, err := mapping.SourceVars(a.Namespace, a.Source)
	if err != nil {
		return a, nil, err
	}
	if results, err := p.Triggers.CEL.Results(ctx, a, vars); err == nil {
		a.Results = results
	}
	return a, what, nil
}

// maxTainted bounds the references that are followed in one pipeline or task. Each is searched
// in each of its texts, and a pipeline has room for thousands of both.
const maxTainted = 64

// taint follows the marks through a pipeline.
type taint struct {
	what []string
	refs []tainted
}

// tainted is a reference that gives what an approver typed, in one place.
type tainted struct {
	re   *regexp.Regexp
	what string
}

var marks = regexp.MustCompile(regexp.QuoteMeta(typedBy) + `(\d+)-`)

// of returns the parts of text that come from an approver's input, "" for none: marks
// themselves, or references to values with some.
func (t taint) of(text string) string {
	if m := marks.FindStringSubmatch(text); m != nil {
		for i, w := range t.what {
			if fmt.Sprint(i) == m[1] {
				return w
			}
		}
	}
	if !strings.Contains(text, "$(") {
		return ""
	}
	for _, r := range t.refs {
		if r.re.MatchString(text) {
			return r.what
		}
	}
	return ""
}

// given notes a param that is given a value with something in it. within are the
// references that hold where the value stands; nil: none do.
func (t *taint) given(kind string, x pipelinev1.Param, within *taint) {
	raw, err := json.Marshal(x.Value)
	if err != nil {
		return
	}
	if within == nil {
		within = &taint{what: t.what}
	}
	if len(t.refs) >= maxTainted {
		return
	}
	if w := within.of(string(raw)); w != "" {
		t.refs = append(t.refs, tainted{render.ParamRef(kind, x.Name), w})
	}
}

func (t *taint) pipeline(p *pipelinev1.PipelineSpec, tasks map[string]*pipelinev1.TaskSpec, f *findings) {
	all := slices.Concat(p.Tasks, p.Finally)
	for _, x := range all {
		// An approval task at the beginning of part 2 is answered by the decision.
		if pipelinerun.IsApproval(x) && len(t.refs) < maxTainted {
			re := regexp.MustCompile(`\$\(tasks\.` + regexp.QuoteMeta(x.Name) + `\.results(?:\.|\[)[^)]*(?:comment|approvedBy|rejectedBy|message)[^)]*\)`)
			t.refs = append(t.refs, tainted{re, "the comment"})
		}
	}
	for _, x := range all {
		given := paramsOf(x)
		for _, w := range x.When {
			t.warn(f, w.CEL, "a CEL expression", "task "+x.Name)
		}
		if x.TaskRef != nil && strings.HasPrefix(x.TaskRef.APIVersion, "cel.tekton.dev/") { // its params are the code
			for _, param := range given {
				t.warn(f, param.Value.StringVal, "a CEL expression", "task "+x.Name)
			}
		}
		spec := tasks[x.Name]
		if spec == nil {
			continue
		}
		in := taint{what: t.what}
		for _, param := range given {
			in.given("params", param, t)
		}
		if x.TaskSpec != nil { // an embedded one sees the pipeline's params too
			in.refs = append(in.refs, t.refs...)
		}
		in.task(x.Name, spec, f)
	}
}

// paramsOf returns all params that a task of a pipeline is given, in each place of its matrix.
func paramsOf(x pipelinev1.PipelineTask) []pipelinev1.Param {
	all := slices.Clone(x.Params)
	if x.Matrix != nil {
		all = append(all, x.Matrix.Params...)
		for _, in := range x.Matrix.Include {
			all = append(all, in.Params...)
		}
	}
	return all
}

func (t *taint) warn(f *findings, text, where, of string) {
	if w := t.of(text); w != "" {
		f.add(approvals.ReasonTextInScript, "%s, which an approver types, would be inserted into %s of %s, where it can be executed as code: pass it through env and use it as \"$NAME\" (docs/explanation/approver-text.md)", w, where, of)
	}
}

func (t *taint) task(name string, spec *pipelinev1.TaskSpec, f *findings) {
	var shared []corev1.EnvVar
	look := func(step, image, script string, command, args []string, env []corev1.EnvVar) {
		of := step + " of task " + name
		t.warn(f, image, "the image", of)
		t.warn(f, script, "the script", of)
		// The kubelet puts a variable into these as it is.
		in := taint{what: t.what, refs: t.refs}
		for _, v := range slices.Concat(shared, env) {
			if w := t.of(v.Value); w != "" {
				in.refs = append(slices.Clone(in.refs), tainted{regexp.MustCompile(`\$\(` + regexp.QuoteMeta(v.Name) + `\)`), w})
			}
		}
		in.warn(f, strings.Join(command, "\n"), "the command", of)
		in.warn(f, strings.Join(args, "\n"), "the args", of)
	}
	if s := spec.StepTemplate; s != nil {
		look("the stepTemplate", s.Image, "", s.Command, s.Args, s.Env)
		shared = s.Env
	}
	for i, s := range spec.Steps {
		look(stepName(s.Name, i), s.Image, s.Script, s.Command, s.Args, s.Env)
		for _, param := range s.Params {
			raw, err := json.Marshal(param.Value)
			if w := t.of(string(raw)); err == nil && w != "" && s.Ref != nil {
				f.add(approvals.ReasonTextInScript, "%s, which an approver types, would be passed to StepAction %s of %s of task %s as param %s: make sure that it reads the param through env, and not in a script, command or args (docs/explanation/approver-text.md)", w, s.Ref.Name, stepName(s.Name, i), name, param.Name)
			}
		}
	}
	for i, s := range spec.Sidecars {
		look("sidecar "+stepName(s.Name, i), s.Image, s.Script, s.Command, s.Args, s.Env)
	}
}

func stepName(name string, i int) string {
	if name == "" {
		return fmt.Sprintf("step %d", i+1)
	}
	return "step " + name
}
