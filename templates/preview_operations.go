package templates

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// OperationsPreview is a prepared case of the page of what went wrong.
type OperationsPreview struct {
	Name       string // a slug
	Operations Operations
}

// failed is a mail that did not get there.
var failed = approvals.Delivery{Event: "opened", Channel: "email", Recipient: "dave@example.com", Attempts: 4, Error: "550 5.1.1 no such mailbox"}

func untold(d *Data) { d.Approval.Deliveries = []approvals.Delivery{failed} }

// operator looks after the service; somebody has asked for another attempt before.
func operator(d *Data) {
	untold(d)
	d.Operator, d.Approval.RetryRequestedAt = true, previewNow.Add(-3*time.Minute)
}

// stopped was cancelled.
func stopped(d *Data) {
	d.Approval.Cancellation = &approvals.Cancellation{By: "olga@example.com", Reason: "The subnet is needed until Friday.\nAsk again then.", At: previewNow.Add(-90 * time.Second)}
}

// linked leads to the dashboard, the repository and the commit.
func linked(d *Data) {
	d.Dashboard = "https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}"
}

// gateTimes are of Gates where people take longer, where they take their time, and where nobody
// has decided yet.
func gateTimes() []GateTimes {
	return []GateTimes{
		{
			Namespace: "shop", Gate: "production", Waiting: Spread{5, 3 * time.Hour, 50 * time.Hour}, Deciding: Spread{48, 26 * time.Minute, 190 * time.Minute}, Missed: 3,
			Weeks: []Spread{{12, 18 * time.Minute, 60 * time.Minute}, {9, 20 * time.Minute, 95 * time.Minute}, {15, 22 * time.Minute, 130 * time.Minute}, {12, 41 * time.Minute, 200 * time.Minute}},
			Trend: "slower", Before: 20 * time.Minute,
		},
		{Namespace: "shop", Waiting: Spread{2, 4 * time.Minute, 9 * time.Minute}, Weeks: make([]Spread, 4)},
		{
			Namespace: "shop", Gate: "staging", Deciding: Spread{7, 20 * time.Second, 3 * time.Minute},
			Weeks: []Spread{{}, {}, {1, 40 * time.Second, 40 * time.Second}, {6, 20 * time.Second, 3 * time.Minute}},
		},
	}
}

// OperationsPreviews is every state that this page has to show.
func OperationsPreviews() []OperationsPreview {
	const attack = "\"><script>alert(1)</script>\u202e"
	bad := with(quorum(), approved, stuck).Approval
	bad.Namespace, bad.Name, bad.Trigger, bad.Unreleased = attack, attack, attack, &approvals.Problem{Reason: attack, Message: strings.Repeat(attack+"\n", 50)}
	many := make([]Undelivered, maxItems+3)
	for i := range many {
		many[i] = Undelivered{pending().Approval, approvals.Delivery{Event: attack, Channel: attack, Recipient: attack, Attempts: 1, Error: strings.Repeat(attack, 50)}}
	}
	return []OperationsPreview{
		{"operations", Operations{
			Person: "olga@example.com", Trouble: "We couldn't check your access in 2 namespaces. Reload in a moment.", Now: previewNow,
			Glance:      &Glance{Pending: 7, Oldest: previewNow.Add(-50 * time.Hour), Today: 12, Unreleased: 2, Undelivered: 1},
			Undelivered: []Undelivered{{with(pending(), untold).Approval, failed}},
			Unreleased:  []approvals.Approval{with(quorum(), approved, stuck).Approval, with(quorum(), approved).Approval},
			Gates:       gateTimes(),
		}},
		{"operations-empty", Operations{Person: "olga@example.com", Namespace: "shop", Base: "/countersign", Glance: &Glance{}, Now: previewNow}},
		{"operations-hostile", Operations{Person: attack, Namespace: attack, Trouble: attack, Undelivered: many, Unreleased: []approvals.Approval{bad}, Gates: slices.Repeat([]GateTimes{{Namespace: attack, Gate: attack, Trend: attack, Weeks: make([]Spread, 4)}}, maxGates+1), Now: previewNow}},
	}
}
