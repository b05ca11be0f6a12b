package split

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals"
)

// MaxText is the most bytes that a text to split may have; etcd takes no larger
// Pipeline.
const MaxText = 1 << 20

// Options are what the text does not say.
type Options struct {
	Pipeline string // which to split, when there are several; "" for the only one with an approval task
	// Account is the EventListener's ServiceAccount; without it no EventListener is
	// written.
	Account string
	// Workspaces says what later parts bind, by workspace: secret:NAME, configMap:NAME,
	// claim:NAME or emptyDir. Others get the volume of the part before.
	Workspaces map[string]string
}

// Result is what a pipeline was cut into.
type Result struct {
	Text  string   // all objects, as YAML
	Parts []string // the names of the Pipelines
	Notes []string // what whoever applies it has to know; the text begins with it
}

// Split cuts a Pipeline at its approval tasks. The error is Refusals for what can't be
// cut.
func Split(raw []byte, o Options) (Result, error) {
	if len(raw) > MaxText {
		return Result{}, fmt.Errorf("it has %d bytes and the most is %d: split the file", len(raw), MaxText)
	}
	s, err := read(raw, o.Pipeline)
	if err != nil {
		return Result{}, err
	}
	bindings, err := o.bindings(s)
	if err != nil {
		return Result{}, err
	}
	c, err := cutAt(s)
	if err != nil {
		return Result{}, err
	}
	g := load(c, bindings)
	var gates []gate
	for _, a := range c.approvals {
		gates = append(gates, g.gateOf(a))
	}
	if err := g.rs.err(); err != nil {
		return Result{}, err
	}
	return g.write(gates, o.Account)
}

// bindings are the workspaces that o says, as a run binds them.
func (o Options) bindings(s *source) (map[string]*yaml.Node, error) {
	out := map[string]*yaml.Node{}
	for _, w := range slices.Sorted(maps.Keys(o.Workspaces)) {
		if !slices.ContainsFunc(s.typed.Spec.Workspaces, func(d pipelinev1.PipelineWorkspaceDeclaration) bool { return d.Name == w }) {
			return nil, fmt.Errorf("--workspace %s: Pipeline %s has no such workspace", w, s.typed.Name)
		}
		kind, of, _ := strings.Cut(o.Workspaces[w], ":")
		switch {
		case kind == "emptyDir" && of == "":
			out[w] = dict("name", w, "emptyDir", flow(dict()))
		case kind == "secret" && of != "":
			out[w] = dict("name", w, "secret", dict("secretName", of))
		case kind == "configMap" && of != "":
			out[w] = dict("name", w, "configMap", dict("name", of))
		case kind == "claim" && of != "":
			out[w] = dict("name", w, "persistentVolumeClaim", dict("claimName", of))
		default:
			return nil, fmt.Errorf("--workspace %s is %q: use secret:NAME, configMap:NAME, claim:NAME or emptyDir", w, o.Workspaces[w])
		}
		flow(out[w])
	}
	return out, nil
}

// part is the name of part p. Part 1 keeps the pipeline's, so that what starts it today
// starts part 1.
func (c *cut) part(p int) string {
	if p == 1 {
		return c.typed.Name
	}
	return fmt.Sprintf("%s-%d", c.typed.Name, p)
}

// write puts the objects together, in the order in which they come into play.
func (g *cargo) write(gates []gate, account string) (Result, error) {
	out := Result{}
	for _, o := range g.others { // what a part would be written over
		n := name(field(o.Content[0], "metadata"))
		for p := 2; p <= g.parts(); p++ {
			if text(field(o.Content[0], "kind")) == "Pipeline" && n == g.part(p) {
				g.rs.refuse(o.Content[0].Line, "part %d would be named %s, and there is such a Pipeline: rename one", p, n)
			}
		}
	}
	docs := []*yaml.Node{g.pipeline(1)}
	triggers := list()
	for k, x := range gates {
		p := k + 1
		if x.policy != nil {
			docs = append(docs, g.gateDoc(x))
		}
		docs = append(docs, g.trigger(p, x), g.template(p), g.pipeline(p+1))
		triggers.Content = append(triggers.Content, dict("triggerRef", g.part(p+1)))
	}
	if account != "" {
		docs = append(docs, g.object("triggers.tekton.dev/v1beta1", "EventListener", g.typed.Name, dict("serviceAccountName", account, "triggers", flow(triggers))))
	}
	for p := 1; p <= g.parts(); p++ {
		out.Parts = append(out.Parts, g.part(p))
	}
	g.check(docs)
	if err := g.rs.err(); err != nil {
		return Result{}, err
	}
	for _, n := range g.notes(gates, account) {
		out.Notes = append(out.Notes, oneLine(n))
	}
	var b bytes.Buffer
	for _, n := range out.Notes {
		fmt.Fprintf(&b, "# %s\n", n)
	}
	for _, d := range slices.Concat(g.others, docs) {
		b.WriteString("---\n")
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := enc.Encode(d); err != nil {
			return Result{}, err
		}
	}
	out.Text = b.String()
	return out, nil
}

// oneLine keeps what a name says within the comment that it stands in.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// check holds the parts against Tekton's own rules: what this package gets wrong is
// refused here, and not by a cluster.
func (g *cargo) check(docs []*yaml.Node) {
	for _, d := range docs {
		if text(field(d, "kind")) != "Pipeline" {
			continue
		}
		var p pipelinev1.Pipeline
		if err := decode(d, &p); err != nil {
			g.rs.refuse(g.root.Line, "the part %s would be no Pipeline: %v", name(field(d, "metadata")), err)
			continue
		}
		for _, e := range invalid(&p) {
			g.rs.refuse(g.root.Line, "Tekton would refuse the part %s: %v", p.Name, e)
		}
	}
}

// notes is what the objects themselves can't say.
func (g *cargo) notes(gates []gate, account string) []string {
	all := []string{fmt.Sprintf("Pipeline %s, cut where people decide. Part 1 keeps its name: what starts it today starts part 1.", g.typed.Name)}
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf("- "+format, args...)) }
	for _, s := range g.spaces {
		if s.binding == nil {
			add("Workspace %s: bind it to a volume in runs of part 1 (persistentVolumeClaim or volumeClaimTemplate); later parts get that volume, without a subPath of the binding.", s.name)
		}
	}
	for k, x := range gates {
		a := g.approvals[k]
		on := string(approvals.Approved)
		if x.rejected {
			on += ", " + string(approvals.Rejected)
		}
		switch {
		case x.policy == nil:
			add("Gate %s is not written here: it needs releaseOn: [%s] and resultsPreset: %s, and its own expiresAfter counts.", x.name, on, a.kind.Name)
		case x.policy.RBAC:
			add("Gate %s: whoever RBAC gives the verb approve on it decides (gates.countersign.dev), since the task does not say who.", x.name)
		}
		if runs := g.unguarded(a); x.rejected && len(runs) > 0 {
			add("After a rejection by %s part %d runs %s, as it did, since no when asks for its decision.", a.Name, k+2, strings.Join(runs, ", "))
		}
	}
	for _, f := range g.finally {
		if f.part == 1 {
			add("%s of finally ends part 1, before anybody decides; when it fails nobody is asked.", f.Name)
		} else {
			add("%s of finally ends part %d: when that is never started, it does not run.", f.Name, f.part)
		}
	}
	if account == "" {
		var refs []string
		for p := 2; p <= g.parts(); p++ {
			refs = append(refs, fmt.Sprintf("{triggerRef: %s}", g.part(p)))
		}
		add("An EventListener has to run the Triggers: triggers: [%s]. With --listener ACCOUNT one is written.", strings.Join(refs, ", "))
	}
	return all
}
