package split

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
)

// MaxText is the most bytes that a text to split may have; etcd takes no larger
// Pipeline.
const MaxText = 1 << 20

// Options has the choices that the text does not contain.
type Options struct {
	Pipeline string // which to split, when there are several; "" for the only one with an approval task
	// Account is the EventListener's ServiceAccount; without it no EventListener is
	// written.
	Account string
	// Workspaces has the bindings of later parts, by workspace: secret:NAME, configMap:NAME,
	// claim:NAME, volume:SIZE or emptyDir. Others get the volume of the part before.
	Workspaces map[string]string
	// Finally has the part that a task of finally ends, by task, where the text does not show it.
	Finally map[string]int
	// Namespace is set on all that is written; "" for the pipeline's own.
	Namespace string
}

// Result has the objects and notes of a pipeline that was cut.
type Result struct {
	Text  string   // all objects, as YAML
	Parts []string // the names of the Pipelines
	Notes []string // what anyone who applies it has to know; the text begins with it
}

// Split cuts a Pipeline at its approval tasks. The error is Refusals for what can't be
// cut.
func Split(raw []byte, o Options) (Result, error) {
	if len(raw) > MaxText {
		return Result{}, fmt.Errorf("it has %d bytes and the limit is %d: split the file", len(raw), MaxText)
	}
	s, err := read(raw, o)
	if err != nil {
		return Result{}, err
	}
	bindings, err := o.bindings(s)
	if err != nil {
		return Result{}, err
	}
	c, err := cutAt(s, o)
	if err != nil {
		return Result{}, err
	}
	g := newDataFlow(c, bindings)
	var gates []gate
	for _, a := range c.approvals {
		gates = append(gates, g.gateOf(a))
	}
	if err := g.rs.err(); err != nil {
		return Result{}, err
	}
	return g.write(gates, o)
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
func (g *dataFlow) write(gates []gate, o Options) (Result, error) {
	out := Result{}
	var docs []*yaml.Node
	if !g.first {
		docs = append(docs, g.pipeline(1))
	}
	triggers := list()
	for k, x := range gates {
		p := k + 1
		if x.policy != nil {
			docs = append(docs, g.gateDoc(x))
		}
		docs = append(docs, g.trigger(p, x), g.template(p), g.pipeline(p+1))
		triggers.Content = append(triggers.Content, dict("triggerRef", g.part(p+1)))
	}
	if o.Account != "" {
		docs = append(docs, g.object("triggers.tekton.dev/v1beta1", "EventListener", g.typed.Name, dict("serviceAccountName", o.Account, "triggers", flow(triggers))))
	}
	if g.run != nil && !g.first {
		docs = append(docs, g.run.doc(g.part(1)))
	}
	for p := g.begins(); p <= g.parts(); p++ {
		out.Parts = append(out.Parts, g.part(p))
	}
	if g.named(docs, o); len(g.rs) == 0 {
		g.check(docs)
	}
	g.pasted()
	if err := g.rs.err(); err != nil {
		return Result{}, err
	}
	for _, n := range g.notes(gates, o) {
		out.Notes = append(out.Notes, oneLine(n))
	}
	var b bytes.Buffer
	for _, n := range out.Notes {
		fmt.Fprintf(&b, "# %s\n", n)
	}
	for _, d := range slices.Concat(g.others, docs) {
		text, err := encode(d)
		if err != nil {
			return Result{}, err
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	out.Text = b.String()
	return out, nil
}

// encode writes one document, and holds it to what kubectl will read.
func encode(d *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(d); err != nil {
		return nil, err
	}
	if !sameText(b.Bytes(), d) {
		of := d
		if d.Kind == yaml.DocumentNode {
			of = d.Content[0]
		}
		return nil, fmt.Errorf("%s %s can't be written so that kubectl reads it as it is (line %d): write its texts in quotes", text(field(of, "kind")), nameOf(of), max(of.Line, 1))
	}
	return b.Bytes(), nil
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
func (g *dataFlow) check(docs []*yaml.Node) {
	for _, d := range docs {
		if text(field(d, "kind")) != "Pipeline" {
			continue
		}
		var p pipelinev1.Pipeline
		if err := decode(d, &p); err != nil {
			g.rs.refuse(g.root.Line, "the part %s would not be a valid Pipeline: %v", name(field(d, "metadata")), err)
			continue
		}
		for _, e := range invalid(&p) {
			g.rs.refuse(g.root.Line, "Tekton would refuse the part %s: %v", p.Name, e)
		}
	}
}
