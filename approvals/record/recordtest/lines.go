package recordtest

import (
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

// Approval is the nth of many decided ones, each a minute after the one before:
// four namespaces, ten pipelines, three Gates, fifty people; every tenth rejected.
func Approval(n int) approvals.Approval {
	person := fmt.Sprintf("person-%02d", n%50)
	b := ct.Make(fmt.Sprintf("apply-%06d", n)).In(fmt.Sprintf("team-%d", n%4)).Users(person).Requester(fmt.Sprintf("author-%d", n%7))
	verdict := approvals.Approve
	if n%10 == 9 {
		verdict = approvals.Reject
	}
	b.With(func(a *approvals.Approval) {
		a.Source.Run.Pipeline = fmt.Sprintf("plan-%d", n%10)
		a.Resolved.Policy.Gate = fmt.Sprintf("gate-%d", n%3)
	})
	b.Voted(person, verdict, "as agreed – ✓ \"quoted\" <b>")
	shift := time.Duration(n) * time.Minute
	return b.With(func(a *approvals.Approval) {
		a.OpenedAt, a.DecidedAt, a.Votes[0].At = a.OpenedAt.Add(shift), a.DecidedAt.Add(shift), a.Votes[0].At.Add(shift)
		if a.Outcome == approvals.Approved {
			a.SecondRun = &approvals.Run{Name: a.Name, UID: "run", At: a.DecidedAt.Add(time.Second)}
		}
	}).Obj()
}

// Lines returns the lines of the nth Approval.
func Lines(n int) []record.Line { return record.Lines(Approval(n)) }
