package templates

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// linksToEnd has the mailed links that an operator can end.
func linksToEnd(d *Data) { d.Links = []string{"bob@example.com", "carol@example.com"} }

// linkShows is behind a link to an address that only the Gate connects with the approver, so the
// link shows the page and can't decide.
func linkShows(d *Data) {
	d.Recipient, d.Address, d.Decidable = "bob", "desk@example.com", false
	d.Shows = true
	d.WhyNot = "this link was mailed to desk@example.com, and only gate \"production\" says that this is the address of bob, so it can't be used to decide: sign in as bob"
}

// rejectsOnly is for a requester who is not verified.
func rejectsOnly(d *Data) {
	d.Approval.Resolved.Requester, d.Approval.Resolved.RequesterProof = "bob@example.com", approvals.NoProof
	d.NoApproval = "you requested this (not verified: only the run or the event says so), so you can reject it but not approve it"
}

// agreed is for the second approver: the inputs of the first one are fixed.
func agreed(d *Data) {
	d.Agreed, d.AgreedBy, d.Filled = []approvals.Param{{Name: "ticket", Value: "OPS-123"}, {Name: "size", Value: "small"}}, "carol@example.com", nil
}

// oneMailbox has two votes that anyone who reads one address may have cast.
func oneMailbox(d *Data) {
	d.Approval.Resolved.Policy.Required = 3
	d.Approval.Votes = []approvals.Vote{
		vote("carol@example.com", approvals.Approve, 7*time.Minute, ""), vote("dave@example.com", approvals.Approve, 4*time.Minute, ""),
	}
	d.Approval.Votes[1].Address = "Carol+dave@example.com"
}
