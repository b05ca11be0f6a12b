package approvals

import (
	"slices"
	"time"
)

// Notify lists who is notified of an Approval, besides the mail to each approver.
type Notify struct {
	Channels    []string      // names of channels in the service's configuration, which get every message
	RemindEvery time.Duration // while it is pending, those who have not voted; 0: never
	Escalate    Escalation
	SecondRun   TellRule // when people are told how the run ended that the outcome started; "" is TellFailed
}

// TellRule says when people are told of something that ended.
type TellRule string

// The rules.
const (
	TellFailed TellRule = "Failed" // when it did not end well
	TellAlways TellRule = "Always"
	TellNever  TellRule = "Never"
)

// Escalation lists who is notified when an Approval has been pending for long.
type Escalation struct {
	After    time.Duration // 0: never
	Channels []string
	Emails   []string
}

// Limits on notifications; the CRD schema has the same numbers. They keep the
// ledger within what the schema takes.
const (
	MaxChannels = 8
	MaxEmails   = 16
	MinNotice   = time.Minute
)

// Validate says what of n could never work, CodeInvalid.
func (n Notify) Validate(gate string) error {
	e := n.Escalate
	switch {
	case n.RemindEvery != 0 && (n.RemindEvery < MinNotice || n.RemindEvery > MaxLifetime):
		return Errorf(CodeInvalid, "%s has notify.remindEvery %s: use %s to %s, or remove it", gate, n.RemindEvery, MinNotice, MaxLifetime)
	case e.After != 0 && (e.After < MinNotice || e.After > MaxLifetime):
		return Errorf(CodeInvalid, "%s has notify.escalate.after %s: use %s to %s, or remove escalate", gate, e.After, MinNotice, MaxLifetime)
	case e.After == 0 && len(e.Channels)+len(e.Emails) > 0:
		return Errorf(CodeInvalid, "%s has notify.escalate without after: set how long to wait first, for example 24h", gate)
	case e.After != 0 && len(e.Channels)+len(e.Emails) == 0:
		return Errorf(CodeInvalid, "%s has notify.escalate.after but nobody to escalate to: list channels or emails", gate)
	case len(n.Channels) > MaxChannels || len(e.Channels) > MaxChannels || len(e.Emails) > MaxEmails:
		return Errorf(CodeInvalid, "%s has too many recipients under notify: the limit is %d channels and %d emails", gate, MaxChannels, MaxEmails)
	case !slices.Contains([]TellRule{"", TellFailed, TellAlways, TellNever}, n.SecondRun):
		return Errorf(CodeInvalid, "%s has notify.secondRun %q: use %s, %s or %s", gate, Cut(string(n.SecondRun), MaxQuoted), TellFailed, TellAlways, TellNever)
	case slices.Contains(slices.Concat(n.Channels, e.Channels, e.Emails), ""):
		return Errorf(CodeInvalid, "%s lists a channel or email without a name under notify: name it or remove it", gate)
	}
	return nil
}
