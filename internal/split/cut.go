package split

import (
	"slices"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals/tasks"
)

// cut is how a pipeline falls into parts, which are counted from 1. Approval k stands
// between part k and part k+1.
type cut struct {
	*source
	rs        Refusals
	by        map[string]*task
	order     []*task // as they are written
	approvals []*task // as they are asked
	finally   []*task
	results   []result
}

// task is a task of the pipeline.
type task struct {
	*pipelinev1.PipelineTask
	node *yaml.Node
	refs []reference
	part int // of an approval the part that it comes after
	// kind is what an approval task is, "" of any other.
	kind tasks.Mapping
	deps []string
	// above are the approvals that it waits for; nil before that is known.
	above map[string]bool
}

func (t *task) isApproval() bool { return t.kind.Name != "" }

// from is the first part that can know what t gives.
func (t *task) from() int {
	if t.isApproval() {
		return t.part + 1
	}
	return t.part
}

// result is a result of the pipeline, in the part that gives it.
type result struct {
	node *yaml.Node
	part int
}

func (c *cut) parts() int { return len(c.approvals) + 1 }

// cutAt finds the parts. Without an error there are parts; what else stands against
// them is in rs.
func cutAt(s *source) (*cut, error) {
	c := &cut{source: s, by: map[string]*task{}}
	for i := range s.typed.Spec.Tasks {
		t := c.task(&s.typed.Spec.Tasks[i], s.tasks[i])
		c.by[t.Name], c.order = t, append(c.order, t)
		if t.PipelineSpec != nil {
			c.rs.refuse(lineOf(t.node, "pipelineSpec"), "task %s is a pipeline in the pipeline, which is not looked into: make it a Pipeline of its own and refer to it (pipelineRef)", t.Name)
		}
		if t.isApproval() {
			c.approvals = append(c.approvals, t)
			c.wait(t)
		}
	}
	for _, t := range c.order {
		c.depend(t)
	}
	c.sequence()
	for _, t := range c.order {
		if !t.isApproval() {
			t.part = len(c.before(t)) + 1
		}
	}
	for k, a := range c.approvals {
		a.part = k + 1
	}
	if len(c.rs) > 0 {
		return nil, c.rs.err() // of wrong parts nothing more can be said
	}
	c.filled()
	c.ordered()
	c.end()
	c.give()
	return c, nil
}

func (c *cut) task(t *pipelinev1.PipelineTask, n *yaml.Node) *task {
	x := &task{PipelineTask: t, node: n}
	x.kind, _ = kindOf(n)
	texts(n, func(s *yaml.Node, own map[string]bool) {
		x.refs = append(x.refs, foreign(referencesIn(s), own)...)
	})
	return x
}

// texts calls visit for every text of a task. Beneath a taskSpec own has the params and
// workspaces that mean the task's: those that it is given. Of others, which a taskSpec may
// declare and have a default for, Tekton gives it the pipeline's of that name.
func texts(t *yaml.Node, visit func(n *yaml.Node, own map[string]bool)) {
	own := map[string]bool{}
	for _, of := range []string{"params", "workspaces"} {
		for _, n := range items(field(t, of)) {
			own[of+"."+name(n)] = true
		}
	}
	for i := 0; i+1 < len(t.Content); i += 2 {
		scalars(t.Content[i+1], func(s *yaml.Node) {
			if t.Content[i].Value == "taskSpec" {
				visit(s, own)
			} else {
				visit(s, nil)
			}
		})
	}
}

func foreign(refs []reference, own map[string]bool) []reference {
	return slices.DeleteFunc(refs, func(r reference) bool { return own[r.of+"."+r.name] })
}

// wait refuses what a wait in the middle of a run can do and a Gate between two runs
// can't.
func (c *cut) wait(t *task) {
	for key, why := range map[string]string{
		"when":       "after the cut it is always asked: put the condition on the tasks behind it",
		"retries":    "a Gate asks once; whoever wants to be asked again starts part 1 again: remove it",
		"onError":    "after the cut nothing goes on when nobody approved: remove it",
		"matrix":     "a Gate asks once for all: write one approval task, or one with param gate whose Gate has rules",
		"workspaces": "a Gate reads no volume: remove them",
	} {
		if field(t.node, key) != nil {
			c.rs.refuse(lineOf(t.node, key), "approval task %s has %s: %s", t.Name, key, why)
		}
	}
}

// depend finds what t waits for: by order, and by what it reads.
func (c *cut) depend(t *task) {
	t.deps = slices.Clone(t.RunAfter)
	for _, r := range t.refs {
		if r.of != "tasks" || c.by[r.name] == nil {
			continue
		}
		if r.field != "results" && c.by[r.name].isApproval() {
			c.refuseFate(r)
		}
		t.deps = append(t.deps, r.name)
	}
}

// refuseFate refuses r, which is about an approval task and none of its results.
func (c *cut) refuseFate(r reference) {
	c.rs.refuse(r.line, "%s is what becomes of approval task %s, which is no task after the cut: read its results", r.raw, r.name)
}

// before are the approvals that t waits for, through others too.
func (c *cut) before(t *task) map[string]bool {
	if t.above != nil {
		return t.above
	}
	t.above = map[string]bool{} // a cycle ends here
	for _, d := range t.deps {
		dep := c.by[d]
		if dep == nil {
			continue
		}
		if dep.isApproval() {
			t.above[d] = true
		}
		for a := range c.before(dep) {
			t.above[a] = true
		}
	}
	return t.above
}

// sequence orders the approvals as they are asked, and refuses two of which neither
// waits for the other.
func (c *cut) sequence() {
	slices.SortStableFunc(c.approvals, func(a, b *task) int { return len(c.before(a)) - len(c.before(b)) })
	for i := 1; i < len(c.approvals); i++ {
		a, b := c.approvals[i-1], c.approvals[i]
		if !c.before(b)[a.Name] {
			c.rs.refuse(b.node.Line, "approval tasks %s (line %d) and %s wait side by side, and parts come one after the other: "+
				"let one run after the other, or make them one whose Gate has rules that must all be met", a.Name, a.node.Line, b.Name)
		}
	}
}

// filled refuses a part without tasks.
func (c *cut) filled() {
	for p := 1; p <= c.parts(); p++ {
		if slices.ContainsFunc(c.order, func(t *task) bool { return !t.isApproval() && t.part == p }) {
			continue
		}
		switch {
		case p == 1:
			c.rs.refuse(c.approvals[0].node.Line, "nothing comes before approval task %s, so there is no part 1: "+
				"hold the event that starts the pipeline, with a Trigger without after (docs/reference.md)", c.approvals[0].Name)
		case p == c.parts():
			c.rs.refuse(c.approvals[p-2].node.Line, "nothing waits for approval task %s, so there is no part %d: "+
				"give the task that it guards runAfter: [%s]", c.approvals[p-2].Name, p, c.approvals[p-2].Name)
		default:
			c.rs.refuse(c.approvals[p-1].node.Line, "approval task %s follows %s (line %d) with nothing between: make them one whose Gate has rules that must all be met",
				c.approvals[p-1].Name, c.approvals[p-2].Name, c.approvals[p-2].node.Line)
		}
	}
}

// ordered refuses an order that does more than order: what runs after a task that was left
// out for want of a result is left out too, and no later part knows of that.
func (c *cut) ordered() {
	for _, t := range c.order {
		for _, n := range items(field(t.node, "runAfter")) {
			d := c.by[n.Value]
			if d == nil || d.isApproval() || d.part == t.part && !t.isApproval() {
				continue
			}
			if w := c.withheld(d, map[*task]bool{}); w != nil {
				c.rs.refuse(n.Line, "%s runs after %s, which is left out when %s is (when, line %d), and then so is %s; after the cut it is not: have what it runs after read no result of a task with when",
					t.Name, d.Name, w.Name, lineOf(w.node, "when"), t.Name)
			}
		}
	}
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
		if from := c.by[r.name]; r.of == "tasks" && r.result != "" && from != nil && from.part == t.part && len(from.When) > 0 {
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

// end gives each task of finally to the part whose tasks it reads. One that reads none
// ends the last part.
func (c *cut) end() {
	for i, n := range items(field(c.spec, "finally")) {
		t := c.task(&c.typed.Spec.Finally[i], n)
		if t.isApproval() {
			c.rs.refuse(n.Line, "approval task %s is in finally, where nothing waits for it: move it into tasks", t.Name)
			continue
		}
		for _, r := range t.refs {
			of := c.by[r.name]
			switch {
			case r.of != "tasks":
			case r.name == "":
				c.rs.refuse(r.line, "%s is of all tasks, and after the cut no run has all: name the tasks that %s is about", r.raw, t.Name)
			case of == nil:
			case of.isApproval() && r.field != "results":
				c.refuseFate(r)
			case of.isApproval() && !rejectionGoesOn(of.kind):
				c.rs.refuse(r.line, "%s is read when the run ends, and after the cut a rejection starts nothing: "+
					"have the Gate tell people (notify), or move %s to tasks", r.raw, t.Name)
			case t.part == 0:
				t.part = of.from()
			case t.part != of.from():
				c.rs.refuse(r.line, "%s of finally reads %s, which is known in part %d, and also what is known in part %d: make it two tasks, one for each part",
					t.Name, r.raw, of.from(), t.part)
			}
		}
		if t.part == 0 {
			t.part = c.parts()
		}
		c.finally = append(c.finally, t)
	}
}

// give gives each result of the pipeline to the part whose tasks it is made of.
func (c *cut) give() {
	for _, n := range items(field(c.spec, "results")) {
		x := result{node: n}
		for _, r := range referencesBeneath(field(n, "value")) {
			part := 0
			switch t := c.by[r.name]; {
			case r.of == "finally":
				for _, f := range c.finally {
					if f.Name == r.name {
						part = f.part
					}
				}
			case r.of != "tasks" || t == nil:
			case t.isApproval():
				c.rs.refuse(r.line, "result %s is %s, and no run has the decision after the cut: the Approval has it; remove the result", name(n), r.raw)
			default:
				part = t.part
			}
			if part != 0 && x.part != 0 && x.part != part {
				c.rs.refuse(r.line, "result %s is made of tasks of part %d and of part %d: make it two results", name(n), x.part, part)
			}
			x.part = max(x.part, part)
		}
		if x.part == 0 {
			x.part = c.parts()
		}
		c.results = append(c.results, x)
	}
}
