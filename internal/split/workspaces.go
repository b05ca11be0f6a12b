package split

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// space is a workspace that a later part reads.
type space struct {
	name, key string
	// binding is its binding in the runs that this cut starts; nil: the volume of the run before.
	binding *yaml.Node
	// made is its binding in the first run, which makes the volume, where that run is one of
	// ours; nil otherwise.
	made *yaml.Node
	// absent: no run binds it.
	absent bool
	used   map[int]bool
	last   int
}

// isOf reports whether part p has it. A volume goes through the parts between.
func (s space) isOf(p int) bool {
	return p == 1 || s.used[p] || s.binding == nil && !s.absent && p <= s.last
}

const sayBinding = "secret:NAME, configMap:NAME, claim:NAME, volume:SIZE or emptyDir"

// bindings are the workspaces that o says, as a run binds them.
func (o Options) bindings(s *source) (map[string]*yaml.Node, error) {
	out := map[string]*yaml.Node{}
	for _, w := range slices.Sorted(maps.Keys(o.Workspaces)) {
		if !slices.ContainsFunc(s.typed.Spec.Workspaces, func(d pipelinev1.PipelineWorkspaceDeclaration) bool { return d.Name == w }) {
			return nil, fmt.Errorf("--workspace %s: Pipeline %s has no such workspace", w, s.typed.Name)
		}
		kind, of, _ := strings.Cut(o.Workspaces[w], ":")
		if (kind == "secret" || kind == "configMap" || kind == "claim") && len(validation.IsDNS1123Subdomain(of)) > 0 {
			kind = ""
		}
		switch {
		case kind == "emptyDir" && of == "":
			out[w] = dict("name", w, "emptyDir", flow(dict()))
		case kind == "secret":
			out[w] = dict("name", w, "secret", dict("secretName", of))
		case kind == "configMap":
			out[w] = dict("name", w, "configMap", dict("name", of))
		case kind == "claim":
			out[w] = dict("name", w, "persistentVolumeClaim", dict("claimName", of))
		case kind == "volume":
			if _, err := resource.ParseQuantity(of); err != nil {
				return nil, fmt.Errorf("--workspace %s is %q: a volume has a size, such as volume:1Gi", w, o.Workspaces[w])
			}
			out[w] = dict("name", w, "volumeClaimTemplate", dict("spec", dict("accessModes", strs("ReadWriteOnce"), "resources", dict("requests", dict("storage", of)))))
		default:
			return nil, fmt.Errorf("--workspace %s is %q: use %s", w, o.Workspaces[w], sayBinding)
		}
		flow(out[w])
	}
	return out, nil
}

// bind finds the workspaces that go from part to part.
func (g *dataFlow) bind(bindings map[string]*yaml.Node) {
	for i, w := range g.typed.Spec.Workspaces {
		s, line := space{name: w.Name, used: map[int]bool{}}, 0
		for _, t := range slices.Concat(g.order, g.finally) {
			if slices.Contains(g.spacesOf(t), w.Name) {
				s.used[t.part], s.last = true, max(s.last, t.part)
				if t.part > 1 && line == 0 {
					line = g.readAt(t, w.Name)
				}
			}
		}
		if s.last < 2 {
			continue
		}
		g.bound(&s, bindings[w.Name])
		declared := items(field(g.spec, "workspaces"))[i].Line
		switch unbound := s.binding == nil && s.made == nil; {
		case !unbound:
		case g.first && w.Optional && s.last == 2:
			s.absent = true
		case g.first:
			g.rs.refuse(line, "workspace %s is read in part 2, but no run before it has a volume to pass on: say what it is with --workspace %s=%s", w.Name, w.Name, sayBinding)
		case w.Optional && (g.run == nil || !g.run.binds(w.Name)):
			g.rs.refuse(line, "workspace %s is optional (line %d) and read in part %d: a run of part 1 without it has no volume to pass on; make it required, or say what it is with --workspace %s=…",
				w.Name, declared, s.last, w.Name)
		}
		s.key = g.pick(g.keys, "claim-"+plainName(w.Name))
		g.spaces = append(g.spaces, s)
	}
	g.unbound()
}

// bound works out the binding of a workspace: by said, of the command line, or by the run that has
// the pipeline in it. A volume that is made for one run goes on to the next.
func (g *dataFlow) bound(s *space, said *yaml.Node) {
	s.binding, s.made = g.run.binding(s.name)
	if said != nil {
		s.binding, s.made = said, nil
		if field(said, "volumeClaimTemplate") != nil && g.first {
			s.binding, s.made = nil, said
		}
	}
	if !g.first {
		s.made = nil // part 1's run makes it
	}
	_, made := g.run.binding(s.name)
	for _, n := range []*yaml.Node{s.binding, field(made, "subPath")} {
		for _, r := range referencesBeneath(n) {
			if !g.first && r.of == "context" { // which run is meant?
				g.rs.refuse(max(r.line, 1), "workspace %s is bound through %s, which differs in every run: say what later parts bind, with --workspace %s=%s", s.name, r.raw, s.name, sayBinding)
			}
		}
	}
	scalars(s.binding, func(n *yaml.Node) {
		if strings.Contains(n.Value, "{{") {
			g.rs.refuse(n.Line, "workspace %s is bound to %s, which Pipelines-as-Code fills in, in the run of part 1 alone: say what later parts bind, with --workspace %s=%s", s.name, n.Value, s.name, sayBinding)
		}
	})
}

// binds reports whether the run binds a workspace.
func (r *run) binds(workspace string) bool {
	return slices.ContainsFunc(items(field(r.spec(), "workspaces")), func(w *yaml.Node) bool { return name(w) == workspace })
}

// readAt is the line by which t has a workspace.
func (g *dataFlow) readAt(t *task, workspace string) int {
	for j, b := range t.Workspaces {
		if b.Workspace == workspace || b.Workspace == "" && b.Name == workspace {
			return items(field(t.node, "workspaces"))[j].Line
		}
	}
	for _, r := range t.refs {
		if r.of == "workspaces" && r.name == workspace {
			return r.line
		}
	}
	return t.node.Line
}

// unbound refuses workspaces of the run that a later part's taskSpec gets by their name
// alone: no Trigger can know of them.
func (g *dataFlow) unbound() {
	for _, t := range slices.Concat(g.order, g.finally) {
		for _, r := range t.refs {
			if r.of != "workspaces" || t.part < 2 || t.isApproval() ||
				slices.ContainsFunc(g.typed.Spec.Workspaces, func(w pipelinev1.PipelineWorkspaceDeclaration) bool { return w.Name == r.name }) ||
				slices.ContainsFunc(items(field(field(t.node, "taskSpec"), "workspaces")), func(w *yaml.Node) bool { return name(w) == r.name && text(field(w, "optional")) == "true" }) {
				continue
			}
			g.rs.refuse(r.line, "%s is read in part %d, and the pipeline declares no workspace %s: add it to spec.workspaces, so that it is passed on", r.raw, t.part, r.name)
		}
	}
}
