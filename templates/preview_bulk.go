package templates

import "github.com/countersign-dev/countersign/approvals"

// BulkPreview is a prepared case of the page that decides several approvals.
type BulkPreview struct {
	Name string // a slug
	Bulk Bulk
}

// BulkPreviews is every state that this page has to show.
func BulkPreviews() []BulkPreview {
	const attack = "\"><script>alert(1)</script>\u202e"
	plain, two, gone := pending().Approval, with(quorum(), asksFor).Approval, with(pending(), rejected).Approval
	two.Name, gone.Name = "terraform-apply-3k2px4mzq3ta", "terraform-apply-9k2px4mzq3ta"
	bad := hostile().Approval
	bad.Namespace, bad.Trigger = attack, attack
	review := []BulkItem{
		{Approval: plain, Key: "demo/a/1", May: true},
		{Approval: two, Key: "demo/b/2", May: true, NoApproval: "it has fields to fill in: open it to approve it"},
		{Approval: gone, Key: "demo/c/3", WhyNot: "it is decided already: rejected"},
	}
	approvedNow := with(pending(), func(d *Data) {
		d.Approval.Outcome, d.Approval.DecidedAt = approvals.Approved, previewNow
	}).Approval
	return []BulkPreview{
		{"bulk", Bulk{Person: "bob@example.com", Items: review, Now: previewNow}},
		{"bulk-trouble", Bulk{Person: "bob@example.com", Items: review[:1], Comment: "As we said on Tuesday.", Trouble: "Press Approve or Reject.", Now: previewNow}},
		{"bulk-done", Bulk{Person: "bob@example.com", Done: true, Now: previewNow, Items: []BulkItem{
			{Approval: approvedNow, Key: "demo/a/1", May: true, Result: "Thanks. Your approval is in."}, review[2],
		}}},
		{"bulk-hostile", Bulk{Person: attack, Comment: attack, Trouble: attack, Now: previewNow, Items: []BulkItem{
			{Approval: bad, Key: attack, May: true, NoApproval: attack}, {Approval: bad, Key: attack, WhyNot: attack, Result: attack},
		}}},
	}
}
