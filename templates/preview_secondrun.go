package templates

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// runEnded has the run that the outcome started end.
func runEnded(o approvals.RunOutcome) func(*Data) {
	return func(d *Data) {
		began := d.Approval.DecidedAt.Add(-3 * time.Minute)
		d.Approval.DecidedAt, d.Approval.SecondRun.At = began, began.Add(time.Second)
		for i := range d.Approval.Votes {
			d.Approval.Votes[i].At = began.Add(-time.Duration(len(d.Approval.Votes)-1-i) * time.Minute)
		}
		e := &approvals.RunEnd{Outcome: o, StartedAt: began.Add(time.Second), EndedAt: began.Add(43 * time.Second)}
		if o == approvals.RunFailed {
			e.Task, e.Message = "apply", "\"step-apply\" exited with code 1: Error: error creating Subnet: InvalidSubnet.Conflict: The CIDR '10.20.0.0/22' conflicts with another subnet"
		}
		d.Approval.RunEnd, d.Approval.EventID = e, "0d3c2c0e-8f0c-4d6f-9a56-0f6b8e1c2a11"
	}
}

// notified has told people, and could not tell one.
func notified(d *Data) {
	sent := previewNow.Add(-11 * time.Minute)
	d.Approval.Deliveries = []approvals.Delivery{
		{Event: "opened", Channel: "email", Recipient: "bob@example.com", SentAt: sent, Attempts: 1},
		{Event: "opened", Channel: "email", Recipient: "carol@example.com", SentAt: sent, Attempts: 1},
		{Event: "opened", Channel: "ops", SentAt: sent, Attempts: 1},
		{Event: "decided", Channel: "email", Recipient: "alice@example.com", Attempts: 3, Error: "mail server smtp.example.com:587: 550 no such user"},
	}
}

// hostileRun failed in a task whose author wants the page to lie or to break.
func hostileRun(d *Data) {
	const attack = `"><script>alert(1)</script>{{.Link}} $(id)` + "\u202e\x1b[31m\r\nBcc: everyone@example.com"
	d.Approval.RunEnd.Task, d.Approval.RunEnd.Message, d.Approval.EventID, d.Approval.SecondRun.Name = attack, attack, attack, attack
	d.Approval.Cancellation = nil
}

// rerunnable may be started again on the same decision.
func rerunnable(d *Data) { d.Approval.Resolved.Policy.Rerun.Limit = 2 }

// runAgain is being started again.
func runAgain(d *Data) {
	a, _, err := approvals.RunAgain(d.Approval, approvals.Identity{Name: "olga@example.com"}, "the subnet is free now", previewNow.Add(-20*time.Second))
	if err == nil {
		d.Approval = a
	}
}
