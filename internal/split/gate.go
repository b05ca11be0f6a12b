package split

import (
	"fmt"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// gate is what an approval task becomes.
type gate struct {
	name    string
	comment string            // what stands above the task
	policy  *approvals.Policy // nil: the task names a Gate that is there already
	// rejected: a rejection starts the next part too.
	rejected bool
	// shown is what the task tells whoever decides, by the names of its params.
	shown []forward
}

// forward is one param on its way, and its expression.
type forward struct{ key, expr string }

// rejectionGoesOn says whether a pipeline goes on when such a task was rejected, and
// reads the decision.
func rejectionGoesOn(m tasks.Mapping) bool { return m.Ends[approvals.Rejected].Succeeded }

// gateOf works out who decides a, as the task itself would.
func (g *cargo) gateOf(a *task) gate {
	x := gate{name: g.typed.Name + "-" + a.Name, comment: a.node.HeadComment, rejected: rejectionGoesOn(a.kind) && g.readsRejection(a)}
	var ps []approvals.Param
	for _, p := range a.Params {
		ps = append(ps, approvals.Param{Name: p.Name, Value: tekton.Text(p.Value)})
	}
	shown, known := a.kind.Shown(ps), true
	for i, n := range items(field(a.node, "params")) {
		if slices.Contains(shown, ps[i]) {
			if expr := g.say(a.Params[i].Value, field(n, "value"), a); expr != "" {
				x.shown = append(x.shown, forward{plainName(ps[i].Name), expr})
			}
			continue
		}
		if refs := referencesBeneath(n); len(refs) > 0 {
			known = false
			g.rs.refuse(refs[0].line, "param %s of approval task %s is %s, and a Gate says who decides before any run: write it out, or name a Gate in param %s",
				ps[i].Name, a.Name, refs[0].raw, tasks.GateParam)
		}
	}
	if there, must := a.kind.GateOf(ps); must {
		x.name = there
		return x
	}
	if !known {
		return x
	}
	r := tasks.Request{Params: ps}
	if a.Timeout != nil {
		r.Timeout = &a.Timeout.Duration
	}
	policy, err := a.kind.Policy(r)
	if err == nil {
		policy.Gate = x.name
		err = policy.Validate("")
	}
	if err != nil {
		g.rs.refuse(a.node.Line, "approval task %s: %s", a.Name, approvals.Message(err))
	}
	x.policy = &policy
	return x
}

// readsRejection says whether anything at all would run behind a when it was rejected.
// Where every task wants decision to be true there is nothing to start.
func (g *cargo) readsRejection(a *task) bool {
	return slices.ContainsFunc(slices.Concat(g.order, g.finally), func(t *task) bool {
		return (t.part > a.part || t.isApproval() && t.part == a.part+1) && !g.skipped(t, a, nil)
	})
}

// unguarded are the tasks that run when a was rejected, and ask nothing of its decision.
func (g *cargo) unguarded(a *task) []string {
	var out []string
	for _, t := range g.order {
		reads := slices.ContainsFunc(t.refs, func(r reference) bool {
			return r.of == "tasks" && r.name == a.Name && r.result == approvals.ResultDecision
		})
		if t.part == a.part+1 && !t.isApproval() && !reads && !g.skipped(t, a, nil) {
			out = append(out, t.Name)
		}
	}
	return out
}

// skipped says whether t does not run when a was rejected: by its own when, or for want
// of a result of such a task.
func (g *cargo) skipped(t, a *task, seen []string) bool {
	if slices.Contains(seen, t.Name) {
		return false
	}
	decision := fmt.Sprintf("$(tasks.%s.results.%s)", a.Name, approvals.ResultDecision)
	for _, w := range t.When {
		named := slices.Contains(w.Values, "false")
		certain := !slices.ContainsFunc(w.Values, func(v string) bool { return strings.Contains(v, "$(") })
		if w.Input == decision && certain && (w.Operator == "in" && !named || w.Operator == "notin" && named) {
			return true
		}
	}
	return slices.ContainsFunc(t.refs, func(r reference) bool {
		from := g.by[r.name]
		return r.of == "tasks" && r.field == "results" && from != nil && !from.isApproval() && from.part > a.part && g.skipped(from, a, append(seen, t.Name))
	})
}

// say is the expression for what a param of a says to people, as one text; a list is a
// list of texts.
func (g *cargo) say(v pipelinev1.ParamValue, n *yaml.Node, a *task) string {
	if v.Type != pipelinev1.ParamTypeArray {
		if v.Type == pipelinev1.ParamTypeObject {
			n = str(tekton.Text(v)) // its references are found, at no line of their own
			n.Line = a.node.Line
		}
		return g.sentence(n, a)
	}
	var all []string
	for _, x := range items(n) {
		all = append(all, g.sentence(x, a))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (g *cargo) sentence(n *yaml.Node, a *task) string {
	if n == nil { // a param without a value
		return quote("")
	}
	var words []string
	rest := n.Value
	for _, r := range referencesIn(n) {
		before, after, _ := strings.Cut(rest, r.raw)
		expr, known := "", len(g.rs)
		if r.of == "context" && r.name == "pipeline.name" {
			expr = quote(g.typed.Name)
		} else if v := g.need(r, a.part, true); v != nil {
			if expr = v.at(a.part); strings.Contains(expr, " ? ") {
				expr = "(" + expr + ")"
			}
		} else if len(g.rs) == known {
			g.rs.refuse(r.line, "%s is shown to whoever decides, and is not known when part %d ends: remove it from approval task %s", r.raw, a.part, a.Name)
		}
		if before != "" {
			words = append(words, quote(before))
		}
		words, rest = append(words, expr), after
	}
	if rest != "" || len(words) == 0 {
		words = append(words, quote(rest))
	}
	return strings.Join(words, " + ")
}

// gateDoc is the Gate as an object.
func (g *cargo) gateDoc(x gate) *yaml.Node {
	p := x.policy
	var users *yaml.Node
	for _, a := range p.Approvers {
		if users == nil {
			users = list()
		}
		users.Content = append(users.Content, flow(dict("name", a.Name)))
	}
	who := dict("users", users, "groups", strs(p.Groups...))
	if p.RBAC {
		put(who, "rbac", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	spec := dict("approvers", who)
	if p.Strategy != approvals.Single {
		put(spec, "strategy", str(string(p.Strategy)))
	}
	if p.Strategy == approvals.Quorum {
		put(spec, "required", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(p.Required)})
	}
	put(spec, "expiresAfter", str(brief(p.Lifetime)))
	if x.rejected {
		put(spec, "releaseOn", strs(string(approvals.Approved), string(approvals.Rejected)))
	}
	put(spec, "resultsPreset", str(p.Preset))
	if len(p.Notify.Channels) > 0 {
		put(spec, "notify", flow(dict("channels", strs(p.Notify.Channels...))))
	}
	if x.rejected {
		above(spec, "releaseOn", "A rejection goes on too, as it did: the next part reads the decision.")
	}
	gate := g.object("countersign.dev/v1alpha1", "Gate", x.name, spec)
	gate.Content[0].HeadComment = x.comment
	return gate
}

// brief is a duration without what is 0.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
