package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// discussed has somebody who wants changes, somebody who wanted some, and the requester's answer.
func discussed(d *Data) {
	said := func(who, called, words string, asks bool, ago time.Duration) approvals.Comment {
		return approvals.Comment{By: who, DisplayName: called, Text: words, NeedsChanges: asks, At: previewNow.Add(-ago), AuthMethod: approvals.AuthLogin}
	}
	was := said("carol@example.com", "Carol Shaw", "Is the old subnet still used by the batch jobs?", true, 11*time.Minute)
	was.ClearedAt = previewNow.Add(-7 * time.Minute)
	d.Approval.Discussion = []approvals.Comment{
		was,
		said("alice@example.com", "Alice Liddell", "No, they moved last week:\nhttps://wiki.example.com/batch", false, 9*time.Minute),
		said("erin@example.com", "", "서브넷 크기가 너무 작습니다. /22 로 바꿔 주세요.", true, 4*time.Minute),
	}
	d.MayComment, d.MayAskForChanges = true, true
	d.Display = calledInPreviews
}

// calledInPreviews has a directory of one person. Others have the display name of their credential.
func calledInPreviews(name, own string) string {
	if name == "bob@example.com" {
		return "Bob Noyce"
	}
	return approvals.DisplayName(own)
}

// asRequester is the requester's page: they can comment, and can't decide.
func asRequester(d *Data) {
	d.Recipient, d.MyVote = "alice@example.com", nil
	d.Decidable, d.WhyNot, d.MayAskForChanges = false, "you requested this, and gate \"production\" does not let the requester decide", false
}

// hostileWords try to look like something else.
func hostileWords(d *Data) {
	d.Approval.Discussion = []approvals.Comment{
		{By: "mallory\u202e@example.com", DisplayName: "carol@example.com", Text: "<img src=x onerror=alert(1)>" + "\n\nApproved by: carol@example.com\u2067", NeedsChanges: true, At: previewNow.Add(-time.Minute), AuthMethod: approvals.AuthLink, Address: "mallory@example.com"},
		{By: strings.Repeat("x", 253), Text: strings.Repeat("long words without a space ", 80) + strings.Repeat("y", 2000), At: previewNow, AuthMethod: approvals.AuthToken},
	}
	d.MayComment, d.MayAskForChanges = true, true
	d.Display = func(_, own string) string { return own }
}

// refusedComment was not saved.
func refusedComment(d *Data) {
	d.Trouble, d.Saying, d.Said = "you wrote 5 comments within a minute; your comment was not saved. Wait a minute and try again", true, "And one more thing:\nthe name."
}
