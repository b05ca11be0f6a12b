package split

import (
	"cmp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
)

// run is a PipelineRun with the pipeline in it. Part 1 becomes a Pipeline that such a run
// refers to; what else the run says is said of the runs of later parts too.
type run struct {
	root  *yaml.Node
	typed pipelinev1.PipelineRun
}

func (r *run) spec() *yaml.Node { return field(r.root, "spec") }

// nameOf names a run's pipeline: as the run, without the dash before the API server's suffix.
func nameOf(root *yaml.Node) string {
	meta := field(root, "metadata")
	return cmp.Or(name(meta), strings.TrimRight(text(field(meta, "generateName")), "-."))
}

// embedded has s be the pipeline in a PipelineRun.
func (s *source) embedded(root *yaml.Node, rs *Refusals) {
	put(root, "status", nil) // what was, when it comes out of a cluster
	s.run = &run{root: root}
	if err := decode(root, &s.run.typed); err != nil {
		s.noObject("PipelineRun", root, err, rs)
		return
	}
	if nameOf(root) == "" {
		rs.refuse(root.Line, "the PipelineRun has no metadata.name and no generateName, after which its parts are named")
		return
	}
	spec := field(s.run.spec(), "pipelineSpec")
	s.declare(spec)
	meta := dict("name", nameOf(root), "namespace", field(field(root, "metadata"), "namespace"))
	s.root = dict("apiVersion", v1, "kind", "Pipeline", "metadata", flow(meta), "spec", spec)
	s.root.Line = root.Line
	block(spec)
}

// declare has the pipeline say what its run hands it without being asked: a Pipeline of its
// own is given only what it declares.
func (s *source) declare(spec *yaml.Node) {
	params, spaces := items(field(spec, "params")), items(field(spec, "workspaces"))
	has := func(all []*yaml.Node, n string) bool {
		return slices.ContainsFunc(all, func(x *yaml.Node) bool { return name(x) == n })
	}
	for i, p := range s.run.typed.Spec.Params {
		if has(params, p.Name) {
			continue
		}
		decl := dict("name", p.Name)
		switch p.Value.Type {
		case pipelinev1.ParamTypeString: // needs no type
		case pipelinev1.ParamTypeArray:
			put(decl, "type", str("array"))
		case pipelinev1.ParamTypeObject:
			keys := dict()
			for j := 0; j+1 < len(runParam(s.run, i).Content); j += 2 {
				put(keys, runParam(s.run, i).Content[j].Value, flow(dict("type", "string")))
			}
			put(decl, "type", str("object"))
			put(decl, "properties", keys)
		}
		decl.Line = items(field(s.run.spec(), "params"))[i].Line
		params = append(params, flow(decl))
	}
	for i, w := range s.run.typed.Spec.Workspaces {
		if !has(spaces, w.Name) {
			decl := flow(dict("name", w.Name))
			decl.Line = items(field(s.run.spec(), "workspaces"))[i].Line
			spaces = append(spaces, decl)
		}
	}
	declared := list(params...)
	put(spec, "params", declared)
	put(spec, "workspaces", list(spaces...))
}

func runParam(r *run, i int) *yaml.Node {
	return field(items(field(r.spec(), "params"))[i], "value")
}

// given returns the run's value for a param, nil without one.
func (r *run) given(param string) *pipelinev1.ParamValue {
	if r == nil {
		return nil
	}
	for i, p := range r.typed.Spec.Params {
		if p.Name == param {
			return &r.typed.Spec.Params[i].Value
		}
	}
	return nil
}

// doc is the run of part 1, which refers to its Pipeline now.
func (r *run) doc(part string) *yaml.Node {
	root := clone(r.root)
	keep(root, "apiVersion", "kind", "metadata", "spec")
	meta := field(root, "metadata")
	keep(meta, "name", "generateName", "namespace", "labels", "annotations")
	put(field(meta, "annotations"), lastApplied, nil)
	spec := field(root, "spec")
	for i := 0; i+1 < len(spec.Content); i += 2 {
		if spec.Content[i].Value == "pipelineSpec" {
			spec.Content[i], spec.Content[i+1] = str("pipelineRef"), flow(dict("name", part))
		}
	}
	return root
}

// rest returns the fields of the run's spec besides its pipeline, params, workspaces and status,
// and of taskRunSpecs those of tasks: the runs of later parts have them too, of their own tasks.
func (r *run) rest(tasks []string) []*yaml.Node {
	spec := clone(r.spec())
	for _, key := range []string{"pipelineSpec", "pipelineRef", "params", "workspaces", "status"} {
		put(spec, key, nil)
	}
	if of := field(spec, "taskRunSpecs"); of != nil {
		of.Content = slices.DeleteFunc(of.Content, func(n *yaml.Node) bool { return !slices.Contains(tasks, text(field(n, "pipelineTaskName"))) })
		put(spec, "taskRunSpecs", of)
	}
	return spec.Content
}

// binding returns the run's binding of a workspace, when any other run may use that too. A volume
// that is made for the one run comes as made, with its template, and binding is nil.
func (r *run) binding(workspace string) (binding, made *yaml.Node) {
	if r == nil {
		return nil, nil
	}
	for _, w := range items(field(r.spec(), "workspaces")) {
		switch {
		case name(w) != workspace:
		case field(w, "volumeClaimTemplate") != nil:
			return nil, clone(w)
		default:
			return clone(w), nil
		}
	}
	return nil, nil
}
