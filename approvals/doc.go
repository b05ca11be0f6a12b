// Package approvals is the domain of Countersign: what an Approval is, who may
// decide it, and when it is decided. It is pure: every rule is a function of
// (approval, input, now), it imports the standard library only, reads no clock
// and writes no log.
//
//	          Cast (not enough yet)
//	            ┌──────┐
//	            ▼      │
//	Open ──▶ Pending ──┴─ Cast ──▶ Approved | Rejected
//	            │
//	            └──────── Expire ─▶ Expired
//
// An Approval ends exactly once; the five outcomes are five different ends.
// After the end a released Approval names the run it started (Next), one of a Task
// says when that was seen to be answered, and nothing else about it changes.
//
// What does not belong here: Kubernetes, HTTP, CEL, text templates. Those are one
// hop out and know this package; it knows none of them.
package approvals
