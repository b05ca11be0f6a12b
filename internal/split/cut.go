package split

import (
	"slices"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals/tasks"
)

// cut divides a pipeline into parts, which are counted from 1. Approval k stands between part
// k and part k+1.
type cut struct {
	*source
	rs        Refusals
	by        map[string]*task
	order     []*task // as they are written
	approvals []*task // as they are asked
	finally   []*task
	results   []result
	// first: the first approval comes before all tasks. There is no part 1 then; what is
	// held is the event that would have started it.
	first bool
	asked map[string]int // by a task of finally, the part that it was said to end
}

// task is a task of the pipeline.
type task struct {
	*pipelinev1.PipelineTask
	node *yaml.Node
	refs []reference
	part int // of an approval the part that it comes after
	// kind is the row of an approval task in the table of kinds; its Name is "" for any other task.
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

// begins is the first part that there is.
func (c *cut) begins() int {
	if c.first {
		return 2
	}
	return 1
}

// cutAt finds the parts. Without an error there are parts; what else stands against
// them is in rs.
func cutAt(s *source, o Options) (*cut, error) {
	c := &cut{source: s, by: map[string]*task{}, asked: o.Finally}
	for i := range s.typed.Spec.Tasks {
		t := c.task(&s.typed.Spec.Tasks[i], s.tasks[i])
		c.by[t.Name], c.order = t, append(c.order, t)
		if t.PipelineSpec != nil {
			c.rs.refuse(lineOf(t.node, "pipelineSpec"), "task %s has a pipeline inside, which the command does not read: make it a Pipeline of its own and refer to it (pipelineRef)", t.Name)
		}
		if t.isApproval() {
			c.approvals = append(c.approvals, t)
			c.wait(t)
		}
	}
	for _, t := range c.order {
		c.depend(t)
	}
	found := len(c.rs)
	c.sequence()
	for _, t := range c.order {
		if !t.isApproval() {
			t.part = len(c.before(t)) + 1
		}
	}
	for k, a := range c.approvals {
		a.part = k + 1
	}
	if len(c.rs) > found {
		return nil, c.rs.err() // of wrong parts nothing more can be said
	}
	c.filled()
	c.ordered()
	c.end()
	c.guarded()
	c.give()
	return c, nil
}

func (c *cut) task(t *pipelinev1.PipelineTask, n *yaml.Node) *task {
	x := &task{PipelineTask: t, node: n}
	x.kind, _ = kindOf(n)
	if x.isApproval() { // what is in its own spec Tekton does not read
		n = clone(n)
		put(n, "taskSpec", nil)
	}
	c.texts(n, func(s *yaml.Node, own owned) {
		x.refs = append(x.refs, foreign(referencesIn(s), own)...)
	})
	return x
}

// owned are the names that mean a task's own where they are read: "params.NAME" and
// "workspaces.NAME".
type owned map[string]bool

// texts calls visit for every text of a task. Beneath a taskSpec own has the params and
// workspaces that mean the task's: those that it is given. Of others, which a taskSpec may
// declare and have a default for, Tekton gives it the pipeline's of that name. In its
// params the workspaces alone do: Tekton hands them on as text, and the task reads them.
// Whether a workspace is bound is asked of the pipeline's, where that has one of the name.
func (c *cut) texts(t *yaml.Node, visit func(n *yaml.Node, own owned)) {
	within, given := owned{}, owned{}
	all := slices.Concat(items(field(t, "params")), items(field(field(t, "matrix"), "params")))
	for _, in := range items(field(field(t, "matrix"), "include")) {
		all = append(all, items(field(in, "params"))...)
	}
	for _, n := range all {
		within["params."+name(n)] = true
	}
	for _, n := range items(field(t, "workspaces")) {
		within["workspaces."+name(n)], given["workspaces."+name(n)] = true, true
		if slices.ContainsFunc(c.typed.Spec.Workspaces, func(w pipelinev1.PipelineWorkspaceDeclaration) bool { return w.Name == name(n) }) {
			given["workspaces."+name(n)+".bound"] = true
		}
	}
	for i := 0; i+1 < len(t.Content); i += 2 {
		own := map[string]owned{"taskSpec": within, "params": given, "matrix": given}[t.Content[i].Value]
		scalars(t.Content[i+1], func(s *yaml.Node) { visit(s, own) })
	}
}

func foreign(refs []reference, own owned) []reference {
	return slices.DeleteFunc(refs, func(r reference) bool {
		return own[r.of+"."+r.name] && (r.of != "workspaces" || r.field != "bound" || !own["workspaces."+r.name+".bound"])
	})
}

// wait refuses what a wait in the middle of a run can do and a Gate between two runs
// can't.
func (c *cut) wait(t *task) {
	for key, why := range map[string]string{
		"retries":    "a Gate requests approval once, and a new run of part 1 requests it again: remove it",
		"onError":    "after the split nothing continues if nobody approved: remove it",
		"matrix":     "a Gate requests one approval for all: write one approval task, or one with param gate whose Gate has rules",
		"workspaces": "a Gate reads no volume: remove them",
	} {
		if field(t.node, key) != nil && (key != "retries" || t.Retries > 0) && (key != "onError" || t.OnError != pipelinev1.PipelineTaskStopAndFail) {
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
	c.rs.refuse(r.line, "%s is the status of approval task %s, which is not a task after the split: read its results", r.raw, r.name)
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
			c.rs.refuse(b.node.Line, "approval tasks %s (line %d) and %s run in parallel, but parts run one after the other: "+
				"let one run after the other, or combine them into one whose Gate has a rule for each", a.Name, a.node.Line, b.Name)
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
		case p == 1 && c.parts() > 1:
			c.first = true
		case p == c.parts():
			c.rs.refuse(c.approvals[p-2].node.Line, "nothing waits for approval task %s, so there is no part %d: "+
				"give the task that it guards runAfter: [%s]", c.approvals[p-2].Name, p, c.approvals[p-2].Name)
		default:
			c.rs.refuse(c.approvals[p-1].node.Line, "approval task %s follows %s (line %d) with no task between them: combine them into one whose Gate has a rule for each",
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
				c.rs.refuse(n.Line, "%s runs after %s, which is skipped when %s is (when, line %d), and then so is %s; after the split it would run: let it run after a task that reads no result of a task with when",
					t.Name, d.Name, w.Name, lineOf(w.node, "when"), t.Name)
			}
		}
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
				c.rs.refuse(r.line, "result %s is %s, but after the split no run has the decision, only the Approval has: remove the result", name(n), r.raw)
			default:
				part = t.part
			}
			if part != 0 && x.part != 0 && x.part != part {
				c.rs.refuse(r.line, "result %s uses tasks of part %d and of part %d: split it into two results", name(n), x.part, part)
			}
			x.part = max(x.part, part)
		}
		if x.part == 0 {
			x.part = c.parts()
		}
		c.results = append(c.results, x)
	}
}
