package split

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals"
)

// value is something that a later part reads and an earlier one has: there it becomes
// a param.
type value struct {
	param string // its name as a param
	key   string // its name on the way, in forward, bindings and template
	decl  *yaml.Node
	// from is the first part that has it: as what expr says, or, when it is a result of
	// the approval before that part, as the param itself.
	from   int
	expr   string
	result string // of an approval
	last   int    // the last part that reads it
}

// at is the expression for it over a run of part p.
func (v *value) at(p int) string {
	if p == v.from && v.result == "" {
		return v.expr
	}
	return member("params", v.param)
}

// isParamOf reports whether part p gets it as a param.
func (v *value) isParamOf(p int) bool {
	return p <= v.last && (p > v.from || p == v.from && v.result != "")
}

// dataFlow has the values that go from part to part, with their names.
type dataFlow struct {
	*cut
	values []*value
	known  map[string]*value // by what is referred to
	names  map[string]bool   // of params, all parts together
	keys   map[string]bool
	// exports are the results that a part gets for what a later one reads.
	exports map[int][]*yaml.Node
	spaces  []space
	// elsewhere names StepActions that get an approver's text and are not part of the input.
	elsewhere []string
}

func newDataFlow(c *cut, bindings map[string]*yaml.Node) *dataFlow {
	g := &dataFlow{cut: c, known: map[string]*value{}, names: map[string]bool{}, keys: map[string]bool{"run": true, "requester": true}, exports: map[int][]*yaml.Node{}}
	for _, p := range c.typed.Spec.Params {
		g.names[p.Name] = true
	}
	// A param of ours must not be taken for a task's own.
	for _, t := range slices.Concat(c.tasks, items(field(c.spec, "finally"))) {
		for _, n := range slices.Concat(items(field(t, "params")), items(field(field(t, "taskSpec"), "params"))) {
			g.names[name(n)] = true
		}
	}
	for _, t := range slices.Concat(c.order, c.finally) {
		if t.isApproval() {
			continue // what it shows is the Gate's business
		}
		for _, r := range t.refs {
			g.need(r, t.part, false)
		}
	}
	g.bind(bindings)
	return g
}

// need has part p read r, or the Gate after it, for people: nil when a task of that part
// has r itself, and when it can't travel, which is refused.
func (g *dataFlow) need(r reference, p int, gate bool) *value {
	v := g.known[r.id()]
	if v == nil {
		if v = g.find(r, p, gate); v == nil {
			return nil
		}
		g.known[r.id()] = v
		g.values = append(g.values, v)
	}
	v.last = max(v.last, p)
	return v
}

func (g *dataFlow) find(r reference, p int, gate bool) *value {
	switch t := g.by[r.name]; {
	case r.of == "params" && (p > 1 || gate):
		return g.findParam(r, p)
	case r.of == "context" && (p > g.begins() || gate):
		return g.findContext(r, p)
	case r.of != "tasks" || t == nil:
	case t.isApproval():
		return g.findDecision(r, t)
	case t.part < p || gate:
		return g.findResult(r, t, p)
	}
	return nil
}

func (g *dataFlow) findResult(r reference, t *task, p int) *value {
	if r.result == "" {
		g.rs.refuse(r.line, "%s is read in part %d, and %s is in part %d: only its results are forwarded", r.raw, p, t.Name, t.part)
		return nil
	}
	if r.whole() {
		g.rs.refuse(r.line, "%s is a whole array or object, but only strings can be forwarded to part %d: read its values one by one, or have %s write one string", r.raw, p, t.Name)
		return nil
	}
	if why := g.uncertain(t, nil); why != "" {
		g.rs.refuse(r.line, "%s may be missing when part %d ends: %s. The Approval could then not be decided; have a task that always runs write it", r.raw, t.part, why)
		return nil
	}
	v := &value{from: t.part, last: t.part}
	g.call(v, t.Name+"-"+r.result+r.rest, fmt.Sprintf("result %s of task %s", r.result+r.rest, t.Name))
	v.expr = member("results", g.export(r, t, v.param))
	return v
}

// export is the name of the result by which t's part gives r: one that is there
// already, or a new one.
func (g *dataFlow) export(r reference, t *task, as string) string {
	taken := map[string]bool{}
	for _, x := range g.results {
		if v := field(x.node, "value"); x.part == t.part && v != nil && v.Value == r.raw {
			return name(x.node)
		}
		taken[name(x.node)] = true
	}
	as = g.pick(taken, as)
	value := str(r.raw)
	g.exports[t.part] = append(g.exports[t.part], flow(dict("name", as, "value", value)))
	return as
}

// uncertain returns why a result of t may be absent although the run succeeded, and "" when it is
// sure to be there. seen has the tasks that led here.
func (g *dataFlow) uncertain(t *task, seen []string) string {
	switch {
	case slices.Contains(seen, t.Name):
		return ""
	case !g.certain(t):
		return fmt.Sprintf("%s has when (line %d)", t.Name, lineOf(t.node, "when"))
	case t.OnError != "" && t.OnError != pipelinev1.PipelineTaskStopAndFail: // a reference may be anything
		return fmt.Sprintf("%s has onError: %s (line %d)", t.Name, t.OnError, lineOf(t.node, "onError"))
	}
	for _, r := range t.refs {
		if from := g.by[r.name]; r.of == "tasks" && from != nil && from.part == t.part && !from.isApproval() {
			if why := g.uncertain(from, append(seen, t.Name)); why != "" {
				return why
			}
		}
	}
	return ""
}

func (g *dataFlow) findDecision(r reference, t *task) *value {
	if r.field != "results" {
		return nil // refused where it stands
	}
	if r.rest != "" || !slices.ContainsFunc(t.kind.Results, func(e approvals.Expression) bool { return e.Name == r.result }) {
		var has []string
		for _, e := range t.kind.Results {
			has = append(has, e.Name)
		}
		g.rs.refuse(r.line, "%s: approval task %s has no such result; a task of its kind has %s", r.raw, t.Name, strings.Join(has, ", "))
		return nil
	}
	v := &value{from: t.part + 1, result: r.result, last: t.part + 1}
	g.call(v, t.Name+"-"+r.result, "")
	return v
}

// findContext has later parts read the name of the first part's run, as they did when
// there was one run.
func (g *dataFlow) findContext(r reference, p int) *value {
	_, what, ok := strings.Cut(r.name, "pipelineRun.")
	if !ok {
		return nil
	}
	if what != "name" && what != "uid" && what != "namespace" {
		g.rs.refuse(r.line, "%s can't be forwarded to part %d", r.raw, p)
		return nil
	}
	from := g.begins()
	v := &value{from: from, expr: member("run", what), last: from}
	g.call(v, "run-"+what, fmt.Sprintf("%s of the run of %s", what, g.part(from)))
	return v
}

// call gives a value a name that no param has.
func (g *dataFlow) call(v *value, like, description string) {
	v.param = g.pick(g.names, plainName(like))
	v.key = g.pick(g.keys, v.param)
	v.decl = dict("name", v.param)
	if description != "" {
		put(v.decl, "description", str(description))
	}
	flow(v.decl)
}

// pick is like, or the first like-N that is free.
func (g *dataFlow) pick(taken map[string]bool, like string) string {
	is := like
	for n := 2; taken[is]; n++ {
		is = fmt.Sprintf("%s-%d", like, n)
	}
	taken[is] = true
	return is
}

var (
	odd        = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// plainName is a name that params, templates and bindings all take.
func plainName(s string) string {
	s = strings.Trim(odd.ReplaceAllString(s, "-"), "-")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "p" + s
	}
	return s
}

// reserved words can't follow a dot in CEL.
var reserved = []string{
	"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
	"namespace", "return", "var", "void", "while",
}

func member(of, name string) string { return of + memberOf(name) }

func memberOf(name string) string {
	name = strings.Trim(name, `["']`)
	if identifier.MatchString(name) && !slices.Contains(reserved, name) {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// quote is a string in CEL, which reads the escapes that JSON writes.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
	return "'" + strings.NewReplacer(`\\`, `\\`, `\"`, `"`, `'`, `\'`).Replace(inner) + "'"
}
