package notify

import (
	"context"
	"slices"

	"github.com/countersign-dev/countersign/approvals"
)

// Kind is the occasion of a message. The ledger of an Approval has it, so its values are fixed.
type Kind string

// The kinds.
const (
	Opened    Kind = "opened"                 // it waits for a decision
	Reminder  Kind = "reminder"               // it still does; counted
	Escalated Kind = "escalated"              // it has for too long
	Commented Kind = approvals.EventCommented // somebody said something; counted
	Decided   Kind = approvals.EventDecided   // it has ended, however
	RunEnded  Kind = approvals.EventRunEnded  // the run that it started has ended
)

// Email is the e-mail channel's name: the one that reaches people and not a channel as a whole.
const Email = "email"

// Message is one thing to tell one person or room.
type Message struct {
	ID        string // the same for the same event, recipient and Approval
	Kind      Kind
	Event     string // the ledger's name of it: the kind, or "reminder-2"
	Recipient string // the ledger's; "" for a channel as a whole
	To        string // an address of the channel; "" for a channel as a whole
	Approver  string // who may vote with what is sent; "" for nobody in particular
	Approval  approvals.Approval
	// Earlier is the id that Send returned for the first message about this Approval, so that the
	// channel can edit it or answer to it; "" when there is none.
	Earlier string
}

// Channel delivers messages. A nil error means that the other side accepted the message; id is
// then stored in the ledger, and later messages have it as Earlier. An error may be a *Failure;
// any other error is tried again.
type Channel interface {
	Route() Route
	Send(ctx context.Context, m Message) (id string, err error)
}

// Route selects the messages of a channel.
type Route struct {
	Name  string
	Kinds []Kind // nil: all
	// Domains are mail domains, or addresses in them. A requester whom the Gate does not name gets
	// mail only there and at the Gate's own domains, because anybody can write the author of a push.
	Domains []string
}

func (r Route) takes(k Kind) bool { return len(r.Kinds) == 0 || slices.Contains(r.Kinds, k) }
