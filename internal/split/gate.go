package split

import (
	"encoding/json"
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

// gate is the Gate that an approval task becomes.
type gate struct {
	name    string
	comment string            // what stands above the task
	policy  *approvals.Policy // nil: the task names a Gate that is there already
	// rejected: a rejection starts the next part too.
	rejected bool
	// shown has the texts that the task shows to those who decide, by the names of its params.
	shown []forward
}

const gateVersion = "countersign.dev/v1alpha1"

// forward is one param on its way, and its expression.
type forward struct{ key, expr string }

// gateOf works out who decides a, as the task itself would.
func (g *dataFlow) gateOf(a *task) gate {
	x := gate{name: g.typed.Name + "-" + a.Name, comment: a.node.HeadComment, rejected: g.goesOn(a)}
	if a.Matrix != nil {
		return x // refused where it stands
	}
	var ps []approvals.Param
	for _, p := range a.Params {
		ps = append(ps, approvals.Param{Name: p.Name, Value: tekton.Text(p.Value)})
	}
	there, _ := a.kind.GateOf(ps)
	shown, known := a.kind.Shown(ps), true
	for i, n := range items(field(a.node, "params")) {
		if slices.Contains(shown, ps[i]) {
			if expr := g.say(a.Params[i].Value, field(n, "value"), a); expr != "" {
				x.shown = append(x.shown, forward{plainName(ps[i].Name), expr})
			}
			continue
		}
		if refs := referencesBeneath(n); len(refs) > 0 && (there == "" || strings.EqualFold(strings.TrimSpace(ps[i].Name), tasks.GateParam)) {
			known = false
			g.rs.refuse(refs[0].line, "param %s of approval task %s is %s, but a Gate says who decides before there is a run: write it out, or name a Gate in param %s",
				ps[i].Name, a.Name, refs[0].raw, tasks.GateParam)
		}
	}
	for _, f := range g.embedded(a) { // Tekton replaces nothing in them
		if slices.ContainsFunc(ps, func(p approvals.Param) bool { return strings.EqualFold(strings.TrimSpace(p.Name), f.Name) }) {
			continue
		}
		if ps = append(ps, f); slices.Contains(a.kind.Shown(ps), f) {
			x.shown = append(x.shown, forward{plainName(f.Name), quote(f.Value)})
		}
	}
	there, _ = a.kind.GateOf(ps)
	// A kind may have a Gate of its own, as it has when a run asks. That there is one is not
	// for this text to say: another one would have other people decide.
	if there != "" {
		x.name = there
		if needs := g.needs(a, x); g.gateHere(there) != nil && len(needs) > 0 {
			g.rs.refuse(g.gateHere(there).Line, "Gate %s decides for approval task %s, and the tasks after it need this of the Gate: %s", there, a.Name, strings.Join(needs, " and "))
		}
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

// embedded are the fields of a task that is written as a spec of its own, as params. What
// they say became of it decides nothing.
func (g *dataFlow) embedded(a *task) []approvals.Param {
	spec := field(a.node, "taskSpec")
	if spec == nil {
		return nil
	}
	if !a.kind.Embedded {
		g.rs.refuse(lineOf(a.node, "taskSpec"), "approval task %s has a taskSpec, which its kind does not take: use taskRef with apiVersion and kind, and params", a.Name)
		return nil
	}
	fields := field(spec, "spec")
	var out []approvals.Param
	for i := 0; fields != nil && i+1 < len(fields.Content); i += 2 {
		key, n := fields.Content[i].Value, fields.Content[i+1]
		if plain, err := asJSON(n); err == nil && key != "action" && key != "approve" {
			text, ok := plain.(string)
			if raw, err := json.Marshal(plain); !ok && err == nil && string(raw) != "null" {
				text, ok = string(raw), true
			}
			if ok {
				out = append(out, approvals.Param{Name: key, Value: text})
			}
		}
	}
	return out
}

// say is the expression for what a param of a says to people, as one text; a list is a
// list of texts.
func (g *dataFlow) say(v pipelinev1.ParamValue, n *yaml.Node, a *task) string {
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

func (g *dataFlow) sentence(n *yaml.Node, a *task) string {
	if n == nil { // a param without a value
		return quote("")
	}
	refs := referencesIn(n)
	at := 0
	expr, _ := g.phrase(n.Value, func(r reference) (string, error) {
		r.line = refs[at].line
		at++
		return g.shown(r, a), nil
	})
	return expr
}

// shown is the expression for what is put before anyone who decides a.
func (g *dataFlow) shown(r reference, a *task) string {
	switch {
	case r.of == "context" && r.name == "pipeline.name":
		return quote(g.typed.Name)
	case r.of == "context" && a.part < g.begins(): // no run is there that has a name
		return quote("a run of " + g.part(g.begins()))
	}
	known := len(g.rs)
	v := g.need(r, a.part, true)
	if v == nil {
		if len(g.rs) == known {
			g.rs.refuse(r.line, "%s is shown to approvers, but is not known when part %d ends: remove it from approval task %s", r.raw, a.part, a.Name)
		}
		return quote("")
	}
	expr := v.at(a.part)
	if strings.Contains(expr, " ? ") {
		expr = "(" + expr + ")"
	}
	return expr
}

// gateDoc is the Gate as an object.
func (g *dataFlow) gateDoc(x gate) *yaml.Node {
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
		above(spec, "releaseOn", "A rejection starts the next part, too, as before, and that part reads the decision.")
	}
	gate := g.object(gateVersion, "Gate", x.name, spec)
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
