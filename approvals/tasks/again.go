package tasks

import "github.com/countersign-dev/countersign/approvals"

// AsksAgain reports whether a retry of the task asks again after an attempt ended with o.
// Only an attempt that nobody decided is repeated. A rejection is a decision, also when a
// Gate rejects what nobody answered, and a cancellation is a wish: `retries` says how often
// a machine may fail, and no other approvers are asked because the first ones said no.
func AsksAgain(o approvals.Outcome) bool { return o == approvals.Expired }

// Final reports whether the outcome of a, an attempt of a task, stands for every later
// attempt of that task in the same run, however it comes about.
func Final(a approvals.Approval) bool {
	switch a.Outcome {
	case approvals.Rejected, approvals.Superseded:
		return true
	case approvals.Cancelled:
		// Without a person it follows from the task's own end, which is no decision.
		return a.Cancellation != nil && a.Cancellation.By != ""
	default:
		return false
	}
}
