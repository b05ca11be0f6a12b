package templates

import (
	"net/url"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// ActionsView is what else the reader may do about an Approval than decide it, on its own page
// or in a list of several.
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

func newActions(d Data) ActionsView {
	a := d.Approval
	v := ActionsView{
		Action: drop(d.Action), Retry: d.Operator && a.ToRetry(d.Now), Cancel: d.Operator && a.ToCancel(), Asked: newMoment(a.RetryRequestedAt, d.Now),
		Rerun: (d.Operator || d.Session && approvals.MayRerun(a, approvals.Identity{Name: d.Recipient, AuthMethod: approvals.AuthLogin})) && a.ToRunAgain(d.Now),
		Ask:   (d.Operator || d.Session && asked(a, d.Recipient)) && a.ToAskAgain(), Reason: drop(first(d.Reason, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment,
	}
	for _, who := range d.Links {
		v.Links = append(v.Links, drop(who))
	}
	return v
}

// operatorActions are those of a list of several, for the page at path.
func operatorActions(a approvals.Approval, path string, now time.Time) ActionsView {
	return ActionsView{
		Action: path + "?" + url.Values{"uid": {a.UID}}.Encode(), Retry: a.ToRetry(now), Cancel: a.ToCancel(), Asked: newMoment(a.RetryRequestedAt, now), MaxComment: approvals.MaxComment,
	}
}

// asked says whether reader asked for it, and that is proved.
func asked(a approvals.Approval, reader string) bool {
	t := a.Resolved
	return t != nil && t.RequesterProof != approvals.NoProof && approvals.SamePerson(t.Requester, reader)
}
