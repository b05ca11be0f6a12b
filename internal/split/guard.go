package split

import (
	"regexp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// decides reports whether a result of an approval task is its decision, "true" or "false", and
// nothing that anybody typed.
func decides(m tasks.Mapping, result string) bool {
	return slices.ContainsFunc(m.Results, func(e approvals.Expression) bool {
		return e.Name == result && e.Expression == "approval.outcome == 'Approved'"
	})
}

var compared = regexp.MustCompile(`^\s*(?:'\$\(([^()]*)\)'|"\$\(([^()]*)\)")\s*(==|!=)\s*(?:'(true|false)'|"(true|false)")\s*$`)

// holds reports whether a when is true once approval a was decided so; it is not known when it
// is about anything else.
func (c *cut) holds(w pipelinev1.WhenExpression, a *task, decision string) (holds, known bool) {
	about := func(s string) bool {
		r, ok := parse(s)
		return ok && r.of == "tasks" && r.name == a.Name && r.field == "results" && r.rest == "" && decides(a.kind, r.result)
	}
	if w.CEL != "" {
		m := compared.FindStringSubmatch(w.CEL)
		if m == nil || !about(m[1]+m[2]) {
			return false, false
		}
		return (m[4]+m[5] == decision) == (m[3] == "=="), true
	}
	if ref, ok := strings.CutPrefix(strings.Join(w.Values, ""), "$("); ok && len(w.Values) == 1 && (w.Input == "true" || w.Input == "false") &&
		strings.HasSuffix(ref, ")") && about(strings.TrimSuffix(ref, ")")) { // the other way round
		return (w.Input == decision) == (w.Operator == selection.In), true
	}
	ref, ok := strings.CutPrefix(w.Input, "$(")
	if !ok || !strings.HasSuffix(ref, ")") || !about(strings.TrimSuffix(ref, ")")) ||
		slices.ContainsFunc(w.Values, func(v string) bool { return strings.Contains(v, "$(") }) {
		return false, false
	}
	return slices.Contains(w.Values, decision) == (w.Operator == selection.In), true
}

// certain reports whether t's when is true whenever its part is started: it asks for no more
// than that people said yes, and without that the part is not started.
func (c *cut) certain(t *task) bool {
	return !slices.ContainsFunc(t.When, func(w pipelinev1.WhenExpression) bool {
		return !slices.ContainsFunc(c.approvals, func(a *task) bool {
			holds, known := c.holds(w, a, "true")
			return known && holds && a.part < t.part && !c.goesOn(a)
		})
	})
}

// goesOn reports whether a rejection by a starts the next part too.
func (c *cut) goesOn(a *task) bool { return rejectionGoesOn(a.kind) && c.readsRejection(a) }

// rejectionGoesOn reports whether a pipeline goes on when such a task was rejected, and reads
// the decision.
func rejectionGoesOn(m tasks.Mapping) bool { return m.Ends[approvals.Rejected].Succeeded }

// readsRejection reports whether any task at all would run behind a when it was rejected.
// Where every task wants decision to be true there is nothing to start. That a later approval
// would be asked is no reason, when nothing runs behind that one either.
func (c *cut) readsRejection(a *task) bool {
	return slices.ContainsFunc(c.order, func(t *task) bool { return t.part > a.part && !t.isApproval() && !c.skipped(t, a, nil) }) ||
		slices.ContainsFunc(c.finally, func(t *task) bool { return t.part == a.part+1 && !c.skipped(t, a, nil) })
}

// unguarded are the tasks that run when a was rejected, and ask nothing of its decision.
func (c *cut) unguarded(a *task) []string {
	var out []string
	for _, t := range c.order {
		reads := slices.ContainsFunc(t.refs, func(r reference) bool {
			return r.of == "tasks" && r.name == a.Name && decides(a.kind, r.result)
		})
		if t.part == a.part+1 && !t.isApproval() && !reads && !c.skipped(t, a, nil) {
			out = append(out, t.Name)
		}
	}
	return out
}

// skipped reports whether t does not run when a was rejected: by its own when, or for want of
// a result of such a task.
func (c *cut) skipped(t, a *task, seen []string) bool {
	if slices.Contains(seen, t.Name) {
		return false
	}
	for _, w := range t.When {
		if holds, known := c.holds(w, a, "false"); known && !holds {
			return true
		}
	}
	return slices.ContainsFunc(t.refs, func(r reference) bool {
		from := c.by[r.name]
		return r.of == "tasks" && r.field == "results" && from != nil && from != a && from.part > a.part && c.skipped(from, a, append(seen, t.Name))
	})
}

// guarded refuses an approval that is not always asked. The one condition that goes
// without saying after the cut is that those before it said yes.
func (c *cut) guarded() {
	for _, a := range c.approvals {
		if len(a.When) == 0 || c.certain(a) {
			continue
		}
		run, out := c.without(a)
		what, also := "", ""
		if len(run) > 0 {
			what = ", and the tasks after it run at once (" + strings.Join(run, ", ") + ")"
		}
		if len(out) > 0 {
			what += ", without " + strings.Join(out, ", ")
			also = ", " + strings.Join(out, ", ")
		}
		c.rs.refuse(lineOf(a.node, "when"), "approval task %s has when, and nobody is asked where that is false%s; after the split all of it would wait for people. "+
			"Make it two pipelines, and have what starts them choose: one that requests approval, with %s and without this when, and one that does not, without %s%s. "+
			"Or leave it in the pipeline, where Countersign answers it as it is", a.Name, what, a.Name, a.Name, also)
	}
}

// without are the tasks behind a that run when it is not asked, and those that are left
// out since they read what it would have given.
func (c *cut) without(a *task) (run, out []string) {
	var left func(t *task, seen []string) bool
	left = func(t *task, seen []string) bool {
		return !slices.Contains(seen, t.Name) && slices.ContainsFunc(t.refs, func(r reference) bool {
			from := c.by[r.name]
			return r.of == "tasks" && r.field == "results" && from != nil && (from == a || left(from, append(seen, t.Name)))
		})
	}
	for _, t := range c.order {
		switch {
		case !c.before(t)[a.Name]:
		case left(t, nil) || alike(t, a):
			out = append(out, t.Name)
		default:
			run = append(run, t.Name)
		}
	}
	return run, out
}

// alike reports whether t has every condition that a has, and so is left out with it.
func alike(t, a *task) bool {
	return !slices.ContainsFunc(a.When, func(w pipelinev1.WhenExpression) bool {
		return !slices.ContainsFunc(t.When, func(x pipelinev1.WhenExpression) bool {
			return x.Input == w.Input && x.Operator == w.Operator && x.CEL == w.CEL && slices.Equal(x.Values, w.Values)
		})
	})
}

// withheld is the task with when for want of whose result t, or what t waits for, may be
// left out; nil for none. What a when itself leaves out withholds nothing from what only
// runs after it.
func (c *cut) withheld(t *task, seen map[*task]bool) *task {
	if seen[t] {
		return nil
	}
	seen[t] = true
	for _, r := range t.refs {
		if from := c.by[r.name]; r.of == "tasks" && r.result != "" && from != nil && from.part == t.part && !from.isApproval() && !c.certain(from) {
			return from
		}
	}
	for _, name := range t.deps {
		if d := c.by[name]; d != nil && !d.isApproval() && d.part == t.part {
			if w := c.withheld(d, seen); w != nil {
				return w
			}
		}
	}
	return nil
}
