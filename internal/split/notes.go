package split

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/approvals"
)

// notes returns what the objects themselves can't express.
func (g *dataFlow) notes(gates []gate, o Options) []string {
	all := []string{g.headline()}
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf("- "+format, args...)) }
	for _, k := range g.twice {
		add("Line %d: %s appears a second time. kubectl takes the last one, and so does this command.", k.Line, k.Value)
	}
	g.noteRun(add)
	for _, s := range g.spaces {
		switch {
		case s.binding != nil || s.absent || s.made != nil:
		case g.run != nil:
			add("Workspace %s: later parts get the volume of part 1's run.", s.name)
		default:
			add("Workspace %s: bind it to a volume in runs of part 1 (persistentVolumeClaim or volumeClaimTemplate); later parts get that volume, without a subPath of the binding.", s.name)
		}
	}
	for k, x := range gates {
		g.noteGate(k, x, add)
	}
	for _, f := range g.finally {
		if f.part < g.parts() {
			add("%s of finally ends part %d, before anybody decides; when it fails nobody is asked.", f.Name, f.part)
		} else {
			add("%s of finally ends part %d: when that is never started, it does not run.", f.Name, f.part)
		}
	}
	g.noteForwarded(add)
	g.noteStaying(add)
	g.noteText(add)
	g.noteRelayed(add)
	if o.Account == "" {
		var refs []string
		for p := 2; p <= g.parts(); p++ {
			refs = append(refs, fmt.Sprintf("{triggerRef: %s}", g.part(p)))
		}
		add("An EventListener has to run the Triggers: triggers: [%s]. With --listener ACCOUNT one is written.", strings.Join(refs, ", "))
	}
	return all
}

func (g *dataFlow) headline() string {
	if !g.first {
		return fmt.Sprintf("Pipeline %s, split where people decide. Part 1 keeps its name: what starts it today starts part 1.", g.typed.Name)
	}
	return fmt.Sprintf("Pipeline %s begins with approval task %s: an event is held, and starts Pipeline %s when people say yes.", g.typed.Name, g.approvals[0].Name, g.part(2))
}

// noteRun adds notes on how the first part is started, where that differs from before.
func (g *dataFlow) noteRun(add func(string, ...any)) {
	if g.run != nil && !g.first {
		if g.run.typed.Name == "" {
			add("The PipelineRun has no name of its own: kubectl create takes this text, kubectl apply does not.")
		}
		for k := range g.run.typed.Annotations {
			if strings.HasPrefix(k, "pipelinesascode.tekton.dev/") {
				add("Pipelines-as-Code copies a Pipeline of .tekton into its runs, and then they are no runs of Pipeline %s: apply that to the cluster, and have the run in .tekton refer to it with resolver: cluster.", g.part(1))
				break
			}
		}
	}
	if !g.first {
		return
	}
	for _, o := range g.others {
		if o = o.Content[0]; startsPipeline(o, g.typed.Name) {
			add("%s %s (line %d) starts Pipeline %s, and nothing of what is written here.", text(field(o, "kind")), nameOf(o), o.Line, g.typed.Name)
		}
	}
	if g.run == nil {
		add("Pipeline %s itself is not written again. While it is in the cluster, what starts it today starts all of it, and its own approval task requests approval: delete it once the event starts the parts.", g.typed.Name)
	} else {
		add("The PipelineRun is not written again: an event takes its place, and its params are in Trigger %s.", g.part(2))
		add("Trigger %s holds every event that gets to it, whatever it says: an empty one, {}, will do. To choose events, put a cel interceptor before countersign.", g.part(2))
		return
	}
	var fields []string
	for _, v := range g.values {
		if v.from == 1 && v.result == "" {
			fields = append(fields, v.param)
		}
	}
	if len(fields) == 0 {
		add("Trigger %s holds every event that gets to it. To choose events, put a cel interceptor before countersign.", g.part(2))
		return
	}
	add("Trigger %s holds every event that gets to it, and reads the params out of its body, such as {%q: …}: %s. Change its forward where your events say it elsewhere (body.head_commit.id). To choose events, put a cel interceptor before countersign.",
		g.part(2), fields[0], strings.Join(fields, ", "))
}

// startsPipeline reports whether an object is, or makes, a run of a Pipeline.
func startsPipeline(n *yaml.Node, pipeline string) bool {
	if name(field(n, "pipelineRef")) == pipeline {
		return true
	}
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return startsPipeline(c, pipeline) })
}

func (g *dataFlow) noteGate(k int, x gate, add func(string, ...any)) {
	a := g.approvals[k]
	on := string(approvals.Approved)
	if x.rejected {
		on += ", " + string(approvals.Rejected)
	}
	switch {
	case x.policy == nil && g.gateHere(x.name) != nil:
		add("Gate %s decides, as task %s has it, and its own expiresAfter counts.", x.name, a.Name)
	case x.policy == nil:
		add("Gate %s is not written here, and has to be there: it needs releaseOn: [%s] and resultsPreset: %s, and its own expiresAfter counts.", x.name, on, a.kind.Name)
	case x.policy.RBAC:
		add("Gate %s: anyone with the RBAC verb approve on it (gates.countersign.dev) can decide, because the task lists no approvers.", x.name)
	}
	if runs := g.unguarded(a); x.rejected && len(runs) > 0 {
		add("After a rejection by %s part %d runs %s, as it did, since no when asks for its decision.", a.Name, k+2, strings.Join(runs, ", "))
	}
	if k > 0 && len(a.When) == 0 && rejectionGoesOn(g.approvals[k-1].kind) && !g.goesOn(g.approvals[k-1]) {
		add("After a rejection by %s nothing is started, and %s is not requested any more, because everything after it would be skipped.", g.approvals[k-1].Name, a.Name)
	}
}
