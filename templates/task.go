package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// TaskView is a task in the middle of a run, which waits for the decision.
type TaskView struct {
	Name, Kind, Pipeline, Run string
	Answered                  Moment // when it was seen to have its answer
}

// taskView is nil for an Approval of a Trigger.
func taskView(a approvals.Approval, r reader) *TaskView {
	t := a.Source.Task
	if t == nil {
		return nil
	}
	v := &TaskView{Name: line(t.Task), Kind: ranBy(t.Run), Pipeline: line(t.Run.Pipeline), Run: line(t.Run.Name)}
	if !a.AnsweredAt.IsZero() {
		v.Answered = r.moment(a.AnsweredAt)
	}
	return v
}
