package split

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// noteRelayed warns of results that a task gives which was given an approver's text, where
// they are put into a script: whether any of the text is in them only the task knows.
func (g *dataFlow) noteRelayed(add func(string, ...any)) {
	all := slices.Concat(g.order, g.finally)
	relays := map[string]bool{}
	relayed := func(r reference) bool { return r.of == "tasks" && r.field == "results" && relays[r.name] }
	for range all { // as far as it may go from task to task
		for _, t := range all {
			if !t.isApproval() && slices.ContainsFunc(referencesBeneath(t.node), func(r reference) bool { return g.freeText(r) || relayed(r) }) {
				relays[t.Name] = true
			}
		}
	}
	for _, t := range all {
		given := tainted(slices.Concat(items(field(t.node, "params")), items(field(field(t.node, "matrix"), "params"))), relayed)
		spec := field(t.node, "taskSpec")
		if spec == nil && t.TaskRef != nil && t.TaskRef.Resolver == "" {
			spec = field(g.referred("Task", t.TaskRef.Name), "spec")
		}
		for _, c := range slices.Concat([]*yaml.Node{field(spec, "stepTemplate")}, items(field(spec, "steps")), items(field(spec, "sidecars"))) {
			for _, of := range []string{"script", "command", "args"} {
				for _, r := range referencesBeneath(field(c, of)) {
					if relayed(r) || r.of == "params" && given[r.name] != nil {
						add("WARNING: line %d: %s in %s of task %s comes from a task that is given an approver's text. If any of that is in it, it can be executed as code: %s.", r.line, r.raw, of, t.Name, byEnv)
					}
				}
			}
		}
	}
}
