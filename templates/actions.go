package templates

import (
	"net/url"

	"github.com/countersign-dev/countersign/approvals"
)

// ActionsView has the reader's actions on an Approval besides a vote, on its own page or in a list.
// Each is false where it is not allowed or not possible. It hides buttons only: the rights are
// checked again when the form arrives.
type ActionsView struct {
	Action        string // the path that all of them are posted to
	Retry, Cancel bool
	Asked         Moment // when somebody last did the first
	Rerun         bool   // it may be started again on the same decision
	Ask           bool   // it may be asked again
	Reason        string // what was typed for a cancellation
	MaxComment    int
	Links         []string // whose mailed links the reader may end
}

func newActions(d Data, r reader) ActionsView {
	a := d.Approval
	v := ActionsView{
		Action: drop(d.Action), Retry: d.Operator && a.ToRetry(d.Now), Cancel: d.Operator && a.ToCancel(), Asked: r.moment(a.RetryRequestedAt),
		Rerun: (d.Operator || d.Session && approvals.MayRerun(a, approvals.Identity{Name: d.Recipient, AuthMethod: approvals.AuthLogin})) && a.ToRunAgain(d.Now),
		Ask:   (d.Operator || d.Session && asked(a, d.Recipient)) && a.ToAskAgain(), Reason: drop(first(d.Reason, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment,
	}
	for _, who := range d.Links {
		v.Links = append(v.Links, drop(who))
	}
	return v
}

// operatorActions returns the actions on one Approval of a list, for an operator. path is that of the
// Approval's page.
func operatorActions(a approvals.Approval, path string, r reader) ActionsView {
	return ActionsView{
		Action: path + "?" + url.Values{"uid": {a.UID}}.Encode(), Retry: a.ToRetry(r.now), Cancel: a.ToCancel(), Asked: r.moment(a.RetryRequestedAt), MaxComment: approvals.MaxComment,
	}
}

// asked reports whether reader is a's verified requester.
func asked(a approvals.Approval, reader string) bool {
	t := a.Resolved
	return t != nil && t.RequesterProof != approvals.NoProof && approvals.SamePerson(t.Requester, reader)
}
