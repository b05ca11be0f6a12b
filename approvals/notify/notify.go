// Package notify tells people. What to send is a pure function of the Approval
// and what the ledger says was sent (Plan); how, is a Channel. Nothing here
// decides, and nothing here can hold up a decision.
package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Opened is the event that an Approval waits for a decision.
const Opened = "opened"

// Email is the e-mail channel's name.
const Email = "email"

// Message is one thing to tell one person.
type Message struct {
	ID       string // the same for the same event, recipient and Approval
	To       string // an address of the channel
	Approval approvals.Approval
	Approver string
}

// Channel delivers messages. A nil error says that the other side has taken the
// message.
type Channel interface {
	Name() string
	Send(ctx context.Context, m Message) error
}

// Due is a delivery that is to be made, and the message for it.
type Due struct {
	Message Message
	Attempt int // 1 for the first
}

// Plan is what is to be sent over channel now, and when to look again (zero:
// nothing is left to do). Each (event, channel, recipient) is sent once: that is
// the ledger's key.
func Plan(a approvals.Approval, channel string, now time.Time, attempts map[string]Try) (due []Due, again time.Duration) {
	if a.Terms == nil || a.Decided() {
		return nil, 0
	}
	for _, p := range a.Terms.Policy.Approvers {
		if p.Email == "" || recorded(a, channel, p.Name) {
			continue
		}
		if approvals.MayVote(a, approvals.Identity{Name: p.Name}) != nil {
			continue // the requester, who could not decide
		}
		try := attempts[p.Name]
		if left := try.Next().Sub(now); try.Count > 0 && left > 0 {
			if again == 0 || left < again {
				again = left
			}
			continue
		}
		due = append(due, Due{
			Message: Message{ID: messageID(a, channel, p.Name), To: p.Email, Approval: a, Approver: p.Name},
			Attempt: try.Count + 1,
		})
	}
	return due, again
}

// Try is how often a delivery failed and when last.
type Try struct {
	Count int
	Last  time.Time
}

// Backoff of a failing delivery.
const (
	firstWait = 5 * time.Second
	maxWait   = 10 * time.Minute
)

// Next is when to try again.
func (t Try) Next() time.Time {
	d := firstWait
	for range t.Count - 1 {
		if d *= 2; d >= maxWait {
			d = maxWait
			break
		}
	}
	return t.Last.Add(d)
}

// Record puts a delivery into a's ledger, in place of an earlier try.
func Record(a approvals.Approval, d approvals.Delivery) approvals.Approval {
	a.Deliveries = slices.Clone(a.Deliveries)
	i := slices.IndexFunc(a.Deliveries, func(x approvals.Delivery) bool {
		return x.Event == d.Event && x.Channel == d.Channel && x.Recipient == d.Recipient
	})
	switch {
	case i < 0:
		a.Deliveries = append(a.Deliveries, d)
	case a.Deliveries[i].SentAt.IsZero():
		a.Deliveries[i] = d
	}
	return a
}

func recorded(a approvals.Approval, channel, recipient string) bool {
	return slices.ContainsFunc(a.Deliveries, func(d approvals.Delivery) bool {
		return d.Event == Opened && d.Channel == channel && d.Recipient == recipient && !d.SentAt.IsZero()
	})
}

func messageID(a approvals.Approval, channel, recipient string) string {
	sum := sha256.Sum256([]byte(a.UID + "\n" + Opened + "\n" + channel + "\n" + recipient))
	return hex.EncodeToString(sum[:16])
}
