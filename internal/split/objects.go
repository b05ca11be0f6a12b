package split

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// object is one of ours, in the pipeline's namespace.
func (g *dataFlow) object(apiVersion, kind, name string, spec *yaml.Node) *yaml.Node {
	meta := dict("name", name)
	if g.typed.Namespace != "" {
		put(meta, "namespace", str(g.typed.Namespace))
	}
	return dict("apiVersion", apiVersion, "kind", kind, "metadata", flow(meta), "spec", spec)
}

// pipeline is part p, in the words of the whole.
func (g *dataFlow) pipeline(p int) *yaml.Node {
	root := clone(g.root)
	keep(root, "apiVersion", "kind", "metadata", "spec")
	meta := field(root, "metadata")
	keep(meta, "name", "namespace", "labels", "annotations") // the rest is one object's own
	put(meta, "name", str(g.part(p)))
	if as := field(meta, "annotations"); as != nil {
		put(as, lastApplied, nil)
	}
	if p > 1 { // what is said of the whole is said once
		root.HeadComment, root.Content[0].HeadComment = "", ""
	}
	spec := field(root, "spec")
	if p > 1 {
		params, spaces := list(), list()
		if whole := field(g.spec, "workspaces"); whole != nil {
			spaces.Style = whole.Style
		}
		for _, v := range g.values {
			if v.isParamOf(p) {
				params.Content = append(params.Content, clone(v.decl))
			}
		}
		for i, n := range items(field(g.spec, "workspaces")) {
			if slices.ContainsFunc(g.spaces, func(s space) bool { return s.name == g.typed.Spec.Workspaces[i].Name && s.isOf(p) }) {
				if n = clone(n); !g.isAbsent(name(n)) {
					put(n, "optional", nil) // it is bound, always
				}
				spaces.Content = append(spaces.Content, n)
			}
		}
		put(spec, "params", params)
		put(spec, "workspaces", spaces)
	}
	results := list()
	for _, r := range g.results {
		if r.part == p {
			results.Content = append(results.Content, clone(r.node))
		}
	}
	results.Content = append(results.Content, g.exports[p]...)
	put(spec, "results", results)
	put(spec, "tasks", list(g.tasksOf(g.order, p)...))
	put(spec, "finally", list(g.tasksOf(g.finally, p)...))
	return arrange(root, spec)
}

// arrange has tasks follow what they read.
func arrange(root, spec *yaml.Node) *yaml.Node {
	order := []string{"params", "workspaces", "results", "tasks", "finally"}
	var first, then []*yaml.Node
	for i := 0; i+1 < len(spec.Content); i += 2 {
		if !slices.Contains(order, spec.Content[i].Value) {
			first = append(first, spec.Content[i:i+2]...)
		}
	}
	for _, key := range order {
		for i := 0; i+1 < len(spec.Content); i += 2 {
			if spec.Content[i].Value == key {
				then = append(then, spec.Content[i:i+2]...)
			}
		}
	}
	spec.Content = append(first, then...)
	return root
}

func (g *dataFlow) tasksOf(all []*task, p int) []*yaml.Node {
	var out []*yaml.Node
	for _, t := range all {
		if t.part != p || t.isApproval() {
			continue
		}
		n := clone(t.node)
		if after := field(n, "runAfter"); after != nil {
			after.Content = slices.DeleteFunc(after.Content, func(d *yaml.Node) bool {
				of := g.by[d.Value]
				return of == nil || of.isApproval() || of.part != p
			})
			put(n, "runAfter", after)
		}
		if p > 1 {
			g.texts(n, func(s *yaml.Node, own owned) { g.rewrite(s, own, p) })
		}
		out = append(out, n)
	}
	return out
}

// rewrite has a text read params in the place of what is in other parts.
func (g *dataFlow) rewrite(n *yaml.Node, own owned, p int) {
	for _, r := range foreign(referencesIn(n), own) {
		to := ""
		if r.of == "context" && r.name == "pipeline.name" {
			to = g.typed.Name // as it was when there was one
		} else if v := g.known[r.id()]; v != nil && v.isParamOf(p) && (r.of != "params" || v.param != r.name) {
			to = "$(params." + v.param + ")"
		}
		if to != "" {
			n.Value = strings.ReplaceAll(n.Value, r.raw, to)
		}
	}
}

// trigger holds what part p has made, by x, and starts the next part.
func (g *dataFlow) trigger(p int, x gate) *yaml.Node {
	var forwards []forward
	taken, bindings := maps.Clone(g.keys), list(binding("run", "run"))
	for _, f := range x.shown { // by now it is known what else goes by that name
		forwards = append(forwards, forward{g.pick(taken, f.key), f.expr})
	}
	for _, v := range g.values {
		switch {
		case !v.isParamOf(p + 1):
			continue
		case v.result != "" && v.from == p+1:
			bindings.Content = append(bindings.Content, binding(v.key, "results."+v.result))
		default:
			forwards = append(forwards, forward{v.key, v.at(p)})
			bindings.Content = append(bindings.Content, binding(v.key, "params."+v.key))
		}
	}
	for _, s := range g.claims(p + 1) {
		forwards = append(forwards, forward{s.key, member("run.claims", s.name)})
		bindings.Content = append(bindings.Content, binding(s.key, "params."+s.key))
	}
	if p+1 < g.parts() { // the next Gate's business is who asked for all of it
		bindings.Content = append(bindings.Content, binding("requester", "approval.requester"))
	}
	params := list(flow(dict("name", "gate", "value", x.name)))
	if p >= g.begins() { // else any event that gets here is held
		params.Content = append(params.Content, flow(dict("name", "after", "value", dict("pipeline", g.part(p)))))
	}
	if len(forwards) > approvals.MaxForward {
		g.rs.refuse(g.root.Line, "part %d would need %d values of the part before and the limit is %d", p+1, len(forwards), approvals.MaxForward)
	}
	if len(forwards) > 0 {
		value := dict()
		for _, f := range forwards {
			if len(f.expr) > approvals.MaxExpression {
				g.rs.refuse(g.approvals[p-1].node.Line, "the value forwarded as %s needs an expression of %d bytes and the limit is %d: shorten the text, or the default of the param", f.key, len(f.expr), approvals.MaxExpression)
			}
			expr := str(f.expr)
			if strings.HasPrefix(f.expr, "'") {
				expr.Style = yaml.DoubleQuotedStyle
			}
			put(value, f.key, expr)
		}
		params.Content = append(params.Content, dict("name", "forward", "value", value))
	}
	return g.object("triggers.tekton.dev/v1beta1", "Trigger", g.part(p+1), dict(
		"interceptors", list(dict("ref", flow(dict("kind", "ClusterInterceptor", "name", "countersign")), "params", params)),
		"bindings", bindings,
		"template", flow(dict("ref", g.part(p+1))),
	))
}

func binding(key, of string) *yaml.Node {
	return flow(dict("name", key, "value", "$(extensions.countersign."+of+")"))
}

// claims are the workspaces that part p gets the volume of.
func (g *dataFlow) claims(p int) []space {
	return slices.DeleteFunc(slices.Clone(g.spaces), func(s space) bool {
		return s.binding != nil || s.absent || !s.isOf(p) || s.made != nil && p == g.begins()
	})
}

// isAbsent reports whether no run binds a workspace.
func (g *dataFlow) isAbsent(workspace string) bool {
	return slices.ContainsFunc(g.spaces, func(s space) bool { return s.name == workspace && s.absent })
}

// template makes the run of part p+1.
func (g *dataFlow) template(p int) *yaml.Node {
	names, params, spaces := []string{"run"}, list(), list()
	for _, v := range g.values {
		if v.isParamOf(p + 1) {
			names = append(names, v.key)
			params.Content = append(params.Content, flow(dict("name", v.param, "value", given(v.key))))
		}
	}
	for _, s := range g.spaces {
		switch {
		case !s.isOf(p+1) || s.absent:
		case s.binding != nil:
			spaces.Content = append(spaces.Content, clone(s.binding))
		case s.made != nil && p+1 == g.begins():
			spaces.Content = append(spaces.Content, clone(s.made))
		default:
			names = append(names, s.key)
			w := dict("name", s.name, "persistentVolumeClaim", dict("claimName", given(s.key)))
			if _, made := g.run.binding(s.name); made != nil {
				put(w, "subPath", field(made, "subPath")) // of the volume, as the run had it
			}
			spaces.Content = append(spaces.Content, flow(w))
		}
	}
	meta := dict("name", given("run"))
	if p+1 < g.parts() {
		names = append(names, "requester")
		put(meta, "annotations", dict(tekton.RequesterAnnotation, given("requester")))
	}
	declared := list()
	for _, n := range names {
		declared.Content = append(declared.Content, dict("name", n))
	}
	spec := dict("pipelineRef", flow(dict("name", g.part(p+1))), "params", params, "workspaces", spaces)
	if g.run != nil {
		var tasks []string
		for _, t := range slices.Concat(g.order, g.finally) {
			if t.part == p+1 && !t.isApproval() {
				tasks = append(tasks, t.Name)
			}
		}
		spec.Content = append(spec.Content, g.run.rest(tasks)...)
	}
	run := dict("apiVersion", v1, "kind", "PipelineRun", "metadata", flow(meta), "spec", spec)
	above(run, "metadata", "This name is the key to exactly one run.")
	if g.run == nil {
		above(run, "spec", "What else the pipeline's runs have today, such as taskRunTemplate, belongs here too.")
	}
	return g.object("triggers.tekton.dev/v1beta1", "TriggerTemplate", g.part(p+1), dict("params", flow(declared), "resourcetemplates", list(run)))
}

func given(key string) string { return fmt.Sprintf("$(tt.params.%s)", key) }
