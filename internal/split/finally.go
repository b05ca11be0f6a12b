package split

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// end gives each task of finally to the part whose tasks it reads. One that reads none
// ends the last part.
func (c *cut) end() {
	for i, n := range items(field(c.spec, "finally")) {
		t := c.task(&c.typed.Spec.Finally[i], n)
		if t.isApproval() {
			c.rs.refuse(n.Line, "approval task %s is in finally, where nothing waits for it: move it into tasks", t.Name)
			continue
		}
		c.finally = append(c.finally, t)
		if part, ok := c.asked[t.Name]; ok {
			t.part = part
			c.asSaid(t)
			continue
		}
		if c.asRead(t); t.part == 0 {
			t.part = c.parts()
		}
		c.tooSoon(t)
	}
	for _, name := range slices.Sorted(maps.Keys(c.asked)) {
		if !slices.ContainsFunc(c.finally, func(t *task) bool { return t.Name == name }) {
			c.rs.refuse(lineOf(c.spec, "finally"), "--finally %s: the pipeline has no such task in finally", name)
		}
	}
}

// asRead finds the part that t ends by what it reads.
func (c *cut) asRead(t *task) {
	for _, r := range t.refs {
		of := c.by[r.name]
		switch {
		case r.of != "tasks":
		case r.name == "":
			c.rs.refuse(r.line, "%s is about all tasks, but after the split no run has all of them: name the tasks that %s is about, or say which part it belongs to, with --finally %s=%d", r.raw, t.Name, t.Name, c.parts())
		case of == nil:
		case c.unreadable(t, r, of):
		case t.part == 0:
			t.part = of.from()
		case t.part != of.from():
			say := ""
			if c.knownAt(t, max(t.part, of.from())) {
				say = fmt.Sprintf(", or say which part it ends, with --finally %s=%d", t.Name, max(t.part, of.from()))
			}
			c.rs.refuse(r.line, "%s of finally reads %s, which is known in part %d, and also a value that is known in part %d: make it two tasks, one for each part%s",
				t.Name, r.raw, of.from(), t.part, say)
		}
	}
}

// knownAt reports whether the end of a part has all that t reads: a status does not travel.
func (c *cut) knownAt(t *task, part int) bool {
	return !slices.ContainsFunc(t.refs, func(r reference) bool {
		of := c.by[r.name]
		return r.of == "tasks" && of != nil && (r.field == "results" && of.from() > part || r.field != "results" && of.part != part)
	})
}

// unreadable refuses what is read of an approval task and can't be known at the end of a
// part.
func (c *cut) unreadable(t *task, r reference, of *task) bool {
	switch {
	case !of.isApproval():
		return false
	case r.field != "results":
		c.refuseFate(r)
	case !rejectionGoesOn(of.kind):
		c.rs.refuse(r.line, "%s is read when the run ends, but after the split a rejection starts nothing: "+
			"have the Gate notify people (notify), or move %s to tasks", r.raw, t.Name)
	default:
		return false
	}
	return true
}

// asSaid refuses a part whose end does not have what t reads.
func (c *cut) asSaid(t *task) {
	if t.part < c.begins() || t.part > c.parts() {
		c.rs.refuse(t.node.Line, "--finally %s=%d: the parts are %d to %d", t.Name, t.part, c.begins(), c.parts())
		return
	}
	for _, r := range t.refs {
		of := c.by[r.name]
		switch {
		case r.of != "tasks" || of == nil:
		case c.unreadable(t, r, of):
		case r.field == "results" && of.from() > t.part:
			c.rs.refuse(r.line, "--finally %s=%d: it reads %s, which is known in part %d", t.Name, t.part, r.raw, of.from())
		case r.field != "results" && of.part != t.part:
			c.rs.refuse(r.line, "--finally %s=%d: it reads %s, which only the end of part %d knows", t.Name, t.part, r.raw, of.part)
			t.part = of.part
			return
		}
	}
}

// removes matches the names of tasks that delete something.
var removes = regexp.MustCompile(`(?i)clean|delet|destroy|deprovision|unprovision|undeploy|teardown|tear-down|remov|uninstall|purge|prune|wipe|revoke|rollback|roll-back|stop|shutdown|terminat|unlock|logout`)

// removing matches the commands of a script that delete something.
var removing = regexp.MustCompile(`(?i)\b(rm|rmdir|delete|destroy|uninstall|purge|truncate|drop|down|revoke|logout|terminate)\b`)

// tooSoon refuses a task of finally that would end an early part and may take away what a
// later one needs. Before the cut it came last. What it does can't be seen; that it only
// tells people how a task ended is believed when it reads no more than that.
func (c *cut) tooSoon(t *task) {
	if t.part >= c.parts() {
		return
	}
	why, movable := "", true
	for _, r := range t.refs {
		if of := c.by[r.name]; r.of == "tasks" && of != nil {
			if r.field == "results" {
				why = cmp.Or(why, "reads "+r.raw)
			} else {
				movable = false
			}
		}
	}
	for _, w := range c.spacesOf(t) {
		if slices.ContainsFunc(slices.Concat(c.order, c.finally), func(o *task) bool { return o.part > t.part && slices.Contains(c.spacesOf(o), w) }) {
			why = fmt.Sprintf("has workspace %s, which a later part reads too", w)
		}
	}
	ref, spec := "", field(t.node, "taskSpec")
	if t.TaskRef != nil {
		ref, spec = t.TaskRef.Name, field(c.referred("Task", t.TaskRef.Name), "spec")
	}
	if why == "" && removes.MatchString(t.Name+" "+ref) {
		why = "has a name of something that removes things"
	}
	for _, step := range items(field(spec, "steps")) {
		for _, of := range []string{"script", "command", "args"} {
			scalars(field(step, of), func(n *yaml.Node) {
				if word := removing.FindString(n.Value); word != "" {
					why = cmp.Or(why, fmt.Sprintf("has %s in its %s (line %d)", word, of, n.Line))
				}
			})
		}
	}
	if why == "" {
		return
	}
	last := fmt.Sprintf("--finally %s=%d (it then does not run when part %d is never started), or ", t.Name, c.parts(), c.parts())
	if !movable {
		last = ""
	}
	c.rs.refuse(t.node.Line, "%s of finally %s. It would run at the end of part %d, before anybody decides, and may remove what the next part needs: say where it belongs, with %s--finally %s=%d",
		t.Name, why, t.part, last, t.Name, t.part)
}

// spacesOf are the pipeline's workspaces that a task has.
func (c *cut) spacesOf(t *task) []string {
	var out []string
	for _, b := range t.Workspaces {
		out = append(out, cmp.Or(b.Workspace, b.Name))
	}
	for _, r := range t.refs {
		if r.of == "workspaces" {
			out = append(out, r.name)
		}
	}
	return out
}
