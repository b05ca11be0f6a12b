package templates

import "github.com/countersign-dev/countersign/approvals"

// Chain is what comes before and after an Approval in one delivery.
type Chain struct {
	Before []approvals.Approval // started part 1's run
	After  []approvals.Approval // wait after part 2's
}

// StageView is one stage of a delivery: a run, a held event, or an Approval.
type StageView struct {
	Kind  string // "run", "event" or "approval"
	Name  string
	State string // of an Approval as in View; of part 2's run "running", "starting", "waiting", "none" or an EndView's
	Path  string // of an Approval that is not this one; of a run, where it is shown
	Here  bool
}

// chain fills in the stages, in their order.
func (v *View) chain(d Data) {
	if d.Chain == nil || v.Task != nil {
		return
	}
	neighbour := func(a approvals.Approval) StageView {
		return StageView{Kind: "approval", Name: line(a.Title()), State: state(a), Path: v.Base + "/approvals/" + drop(a.Namespace) + "/" + drop(a.Name)}
	}
	for _, a := range d.Chain.Before {
		v.Chain = append(v.Chain, neighbour(a))
	}
	switch {
	case v.Part1 != nil:
		v.Chain = append(v.Chain, StageView{Kind: "run", Name: v.Part1.Name, State: "ended", Path: v.Part1.Link})
	case v.Event != nil:
		v.Chain = append(v.Chain, StageView{Kind: "event"})
	}
	v.Chain = append(v.Chain, StageView{Kind: "approval", Name: v.Trigger, State: v.State, Here: true})
	part2 := StageView{Kind: "run", State: "none"}
	switch {
	case v.Next != nil:
		part2.Name, part2.State, part2.Path = v.Next.Name, "running", v.Next.Link
		if v.Ended != nil {
			part2.State = v.Ended.State
		}
	case v.Starting:
		part2.State = "starting"
	case v.Decided.ISO == "" && (v.OnApprove || v.OnReject || v.OnExpiry || d.Approval.Resolved == nil):
		part2.State = "waiting"
	}
	if v.Grants == "" || v.Next != nil { // a target is no part that follows
		v.Chain = append(v.Chain, part2)
	}
	for _, a := range d.Chain.After {
		v.Chain = append(v.Chain, neighbour(a))
	}
}
