package split

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// freeText reports whether r is an approver's text: their comment, or a name that they may
// have given themselves. The decision is none; it is true or false.
func (g *dataFlow) freeText(r reference) bool {
	a := g.by[r.name]
	return r.of == "tasks" && r.field == "results" && a != nil && a.isApproval() && !decides(a.kind, r.result)
}

// pasted refuses an approver's text where it becomes code: then anyone who may approve runs
// what they like, with the rights of the part's account. Tekton puts it into a script,
// command or args as text, and the kubelet does so with a variable; in env it stays data.
func (g *dataFlow) pasted() {
	for _, t := range slices.Concat(g.order, g.finally) {
		if t.isApproval() {
			continue
		}
		for _, w := range items(field(t.node, "when")) {
			g.refusePaste(t, "a CEL expression", "compare it in input and values, or in a script through env", field(w, "cel"), g.freeText)
		}
		for _, of := range []string{"taskRef", "pipelineRef"} {
			g.refusePaste(t, of, "what runs must not be an approver's choice: write it out", field(t.node, of), g.freeText)
		}
		given := g.givenText(t)
		if strings.HasPrefix(text(field(field(t.node, "taskRef"), "apiVersion")), "cel.tekton.dev/") { // its params are the code
			g.refusePaste(t, "a CEL expression", "have a Task read it through env", field(t.node, "params"), g.freeText)
		}
		g.code(t, field(t.node, "taskSpec"), func(r reference) bool { return g.freeText(r) || r.of == "params" && given[r.name] != nil })
		if len(given) > 0 && t.TaskRef != nil {
			if task := g.referred("Task", t.TaskRef.Name); task != nil && t.TaskRef.Resolver == "" {
				g.code(t, field(task, "spec"), func(r reference) bool { return r.of == "params" && given[r.name] != nil })
			}
		}
	}
}

// givenText are the params of t that an approver's text is given to.
func (g *dataFlow) givenText(t *task) map[string]*yaml.Node {
	all := slices.Concat(items(field(t.node, "params")), items(field(field(t.node, "matrix"), "params")))
	for _, in := range items(field(field(t.node, "matrix"), "include")) {
		all = append(all, items(field(in, "params"))...)
	}
	return tainted(all, g.freeText)
}

// tainted returns those of a list of names and values whose value contains typed text.
func tainted(all []*yaml.Node, typed func(reference) bool) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, n := range all {
		if slices.ContainsFunc(referencesBeneath(field(n, "value")), typed) {
			out[name(n)] = n
		}
	}
	return out
}

// referred is an object of the text, nil for what is elsewhere.
func (s *source) referred(kind, called string) *yaml.Node {
	for _, o := range s.others {
		o = o.Content[0]
		if text(field(o, "kind")) == kind && strings.HasPrefix(text(field(o, "apiVersion")), group) && name(field(o, "metadata")) == called {
			return o
		}
	}
	return nil
}

// byEnv has what to do instead.
const byEnv = `pass it through env (env: [{name: COMMENT, value: …}]) and have the script read "$COMMENT"`

// code looks at all that a task's containers execute.
func (g *dataFlow) code(t *task, spec *yaml.Node, typed func(reference) bool) {
	template := field(spec, "stepTemplate")
	for _, c := range slices.Concat([]*yaml.Node{template}, items(field(spec, "steps")), items(field(spec, "sidecars"))) {
		if c == nil {
			continue
		}
		for _, of := range []string{"script", "command", "args", "image"} {
			g.refusePaste(t, of, byEnv, field(c, of), typed)
		}
		env := tainted(slices.Concat(items(field(template, "env")), items(field(c, "env"))), typed)
		for _, of := range []string{"command", "args"} {
			scalars(field(c, of), func(s *yaml.Node) {
				for variable := range env {
					if strings.Contains(s.Value, "$("+variable+")") {
						g.rs.refuse(s.Line, "$(%s) in %s of task %s is a variable with an approver's text, which the kubelet inserts unchanged, so that it can be executed as code: write \"$%s\", so that the shell reads it", variable, of, t.Name, variable)
					}
				}
			})
		}
		if g.action(t, c, typed); field(c, "ref") != nil {
			g.refusePaste(t, "ref", "what runs must not be an approver's choice: write it out", field(c, "ref"), typed)
		}
	}
}

// action looks at the StepAction that a step refers to, when the text has it.
func (g *dataFlow) action(t *task, step *yaml.Node, typed func(reference) bool) {
	given := tainted(items(field(step, "params")), typed)
	if len(given) == 0 {
		return
	}
	called := name(field(step, "ref"))
	is := g.referred("StepAction", called)
	if is == nil {
		g.elsewhere = append(g.elsewhere, fmt.Sprintf("StepAction %s of task %s", called, t.Name))
		return
	}
	for _, of := range []string{"script", "command", "args", "image"} {
		g.refusePaste(t, of, byEnv, field(field(is, "spec"), of), func(r reference) bool { return r.of == "params" && given[r.name] != nil })
	}
}

func (g *dataFlow) refusePaste(t *task, where, remedy string, n *yaml.Node, typed func(reference) bool) {
	for _, r := range referencesBeneath(n) {
		if !typed(r) {
			continue
		}
		is := "is an approver's text"
		if r.of == "params" {
			is = "has an approver's text in it"
		}
		g.rs.refuse(r.line, "%s %s, and in %s of task %s it can be executed as code: %s", r.raw, is, where, t.Name, remedy)
	}
}

// noteText warns of each task and place that gets an approver's text and is not part of the input:
// nobody could look whether the text becomes code there.
func (g *dataFlow) noteText(add func(string, ...any)) {
	for _, t := range slices.Concat(g.order, g.finally) {
		if t.isApproval() || t.TaskRef == nil && t.PipelineRef == nil || t.TaskRef != nil && t.TaskRef.Resolver == "" && g.referred("Task", t.TaskRef.Name) != nil {
			continue
		}
		for _, p := range slices.Concat(items(field(t.node, "params")), items(field(field(t.node, "matrix"), "params"))) {
			if g.givenText(t)[name(p)] != nil {
				add("An approver's text goes to task %s as param %s. The command can't see what that task refers to: make sure that it reads the param through env, and not in a script, command or args.", t.Name, name(p))
			}
		}
	}
	for _, e := range g.elsewhere {
		add("An approver's text goes to %s, which the command can't see: make sure that it reads the text through env, and not in a script, command or args.", e)
	}
}
