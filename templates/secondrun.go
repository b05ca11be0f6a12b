package templates

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// EndView shows the end of a run.
type EndView struct {
	State   string // "succeeded", "failed", "cancelled" or "gone"
	Words   string // "failed after 3 min 5 s"
	Task    string // which failed
	Message string
	When    Moment
}

func endView(e *approvals.RunEnd, r reader) *EndView {
	if e == nil {
		return nil
	}
	return &EndView{
		State: strings.ToLower(line(string(e.Outcome))), Words: line(r.ended(*e)), Task: line(e.Task), Message: text(e.Message), When: r.moment(e.EndedAt),
	}
}
