package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// RequestView has the source that waits, the time of its opening, and the requester.
type RequestView struct {
	Requester string
	Display   string // what people call Requester
	Proof     string // what proves Requester, in words
	Unproved  bool   // nothing does
	Opened    Moment
	// Exactly one of the next three is set: the source that waits.
	FirstRun *RunView // has ended
	Event    *EventView
	Task     *TaskView // nothing starts: the run that is there goes on
	Origin   Origin
	// Replaces is the Approval that it asks again about, AskedAgainBy who wanted that.
	Replaces, AskedAgainBy string
}

func newRequest(a approvals.Approval, dashboard Dashboard, r reader, room *room) RequestView {
	v := RequestView{
		Opened: r.moment(a.OpenedAt), FirstRun: runView(a.Source.Run, a.Namespace, dashboard, r), Task: taskView(a, r), Origin: originOf(a),
	}
	if t := a.Resolved; t != nil && t.Requester != "" {
		v.Requester, v.Proof, v.Unproved = line(t.Requester), r.told(t.RequesterProof.Words()), t.RequesterProof == approvals.NoProof
	}
	if a.Source.Event != nil {
		v.Event = newEvent(*a.Source.Event, r, room)
	}
	if x := a.Replaces; x != nil {
		v.Replaces, v.AskedAgainBy = line(x.Name), line(x.RequestedBy)
	}
	return v
}
