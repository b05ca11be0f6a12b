// Package openshift serves the ApprovalTask of
// openshift-pipelines/manual-approval-gate: an object by which that project's
// clients see an Approval and answer it.
//
// The object decides nothing. What stands in it as somebody's answer was written by
// that person (the admission policy in deploy/components/manual-approval-gate sees to
// it), is taken to the VoteService as a ballot like any other, and what the Approval then
// says is written back as the object's status.
package openshift
