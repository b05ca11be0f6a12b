package templates

import "github.com/countersign-dev/countersign/approvals"

// Chain has the Approvals before and after an Approval in one delivery.
type Chain struct {
	Before []approvals.Approval // started part 1's run
	After  []approvals.Approval // wait after part 2's
}

// StageView is one stage of a delivery: a run, a held event, or an Approval.
type StageView struct {
	Kind  string // "run", "event" or "approval"
	Name  string
	State string // of an Approval as in Heading; of part 2's run "running", "starting", "waiting", "none" or an EndView's
	Path  string // of an Approval that is not this one; of a run, where it is shown
	Here  bool
}

// newChain is the stages, in their order.
func newChain(d Data, v *View) []StageView {
	if d.Chain == nil || v.Request.Task != nil {
		return nil
	}
	var chain []StageView
	neighbour := func(a approvals.Approval) StageView {
		return StageView{Kind: "approval", Name: line(a.Title()), State: state(a), Path: v.Base + "/approvals/" + drop(a.Namespace) + "/" + drop(a.Name)}
	}
	for _, a := range d.Chain.Before {
		chain = append(chain, neighbour(a))
	}
	switch {
	case v.Request.FirstRun != nil:
		chain = append(chain, StageView{Kind: "run", Name: v.Request.FirstRun.Name, State: "ended", Path: v.Request.FirstRun.Link})
	case v.Request.Event != nil:
		chain = append(chain, StageView{Kind: "event"})
	}
	chain = append(chain, StageView{Kind: "approval", Name: v.Trigger, State: v.State, Here: true})
	part2 := StageView{Kind: "run", State: "none"}
	switch {
	case v.Release.Run != nil:
		part2.Name, part2.State, part2.Path = v.Release.Run.Name, "running", v.Release.Run.Link
		if v.Release.Ended != nil {
			part2.State = v.Release.Ended.State
		}
	case v.Release.Starting:
		part2.State = "starting"
	case v.Outcome.Decided.ISO == "" && (v.Consequences.OnApprove || v.Consequences.OnReject || v.Consequences.OnExpiry || d.Approval.Resolved == nil):
		part2.State = "waiting"
	}
	if v.Consequences.Grants == "" || v.Release.Run != nil { // a target is no part that follows
		chain = append(chain, part2)
	}
	for _, a := range d.Chain.After {
		chain = append(chain, neighbour(a))
	}
	return chain
}
