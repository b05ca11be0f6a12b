package templates

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// OperationsPreview is a canned case of the page of what went wrong.
type OperationsPreview struct {
	Name       string // a slug
	Operations Operations
}

// OperationsPreviews is every state that this page has to show.
func OperationsPreviews() []OperationsPreview {
	failed := approvals.Delivery{Event: "opened", Channel: "email", Recipient: "dave@example.com", Attempts: 4, Error: "550 5.1.1 no such mailbox"}
	const attack = "\"><script>alert(1)</script>\u202e"
	bad := with(quorum(), approved, stuck).Approval
	bad.Namespace, bad.Name, bad.Trigger, bad.Unreleased = attack, attack, attack, &approvals.Problem{Reason: attack, Message: strings.Repeat(attack+"\n", 50)}
	many := make([]Undelivered, maxItems+3)
	for i := range many {
		many[i] = Undelivered{pending().Approval, approvals.Delivery{Event: attack, Channel: attack, Recipient: attack, Attempts: 1, Error: strings.Repeat(attack, 50)}}
	}
	return []OperationsPreview{
		{"operations", Operations{
			Person: "olga@example.com", Trouble: "The cluster did not say what you may see in 2 namespaces. Load the page again in a moment.", Now: previewNow,
			Undelivered: []Undelivered{{pending().Approval, failed}},
			Unreleased:  []approvals.Approval{with(quorum(), approved, stuck).Approval, with(quorum(), approved).Approval},
		}},
		{"operations-empty", Operations{Person: "olga@example.com", Namespace: "shop", Base: "/countersign", Now: previewNow}},
		{"operations-hostile", Operations{Person: attack, Namespace: attack, Trouble: attack, Undelivered: many, Unreleased: []approvals.Approval{bad}, Now: previewNow}},
	}
}
