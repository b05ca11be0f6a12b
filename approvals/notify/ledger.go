package notify

import (
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Record puts a delivery into a's ledger, in place of an earlier try. A reminder
// takes the place of the reminder before, and the end that of the last reminder and of what
// was told of the discussion, so that the ledger has at most two entries of one person, and one more of the discussion or of
// the end of a run, of which the last is kept.
func Record(a approvals.Approval, d approvals.Delivery) approvals.Approval {
	a.Deliveries = slices.Clone(a.Deliveries)
	kind, number := parse(d.Event)
	if kind == Decided {
		a.Deliveries = slices.DeleteFunc(a.Deliveries, func(x approvals.Delivery) bool {
			k, _ := parse(x.Event)
			return (k == Reminder || k == Commented) && x.Channel == d.Channel && x.Recipient == d.Recipient
		})
	}
	i := slices.IndexFunc(a.Deliveries, func(x approvals.Delivery) bool {
		k, _ := parse(x.Event)
		return k == kind && x.Channel == d.Channel && x.Recipient == d.Recipient
	})
	if i < 0 {
		a.Deliveries = append(a.Deliveries, d)
		return a
	}
	if _, before := parse(a.Deliveries[i].Event); number > before || number == before && a.Deliveries[i].SentAt.IsZero() {
		a.Deliveries[i] = d
	}
	return a
}

// told reports whether the ledger has that kind of message as delivered.
func told(a approvals.Approval, k Kind, channel, recipient string) bool {
	_, ok := find(a, k, channel, recipient)
	return ok
}

// reminded is the number of the last reminder that was delivered.
func reminded(a approvals.Approval, channel, recipient string) int {
	d, _ := find(a, Reminder, channel, recipient)
	_, number := parse(d.Event)
	return number
}

// earlier is the id of the message that others refer to.
func earlier(a approvals.Approval, channel, recipient string) string {
	for _, k := range []Kind{Opened, Escalated} {
		if d, ok := find(a, k, channel, recipient); ok {
			return d.MessageID
		}
	}
	return ""
}

func find(a approvals.Approval, k Kind, channel, recipient string) (approvals.Delivery, bool) {
	for _, d := range a.Deliveries {
		if kind, _ := parse(d.Event); kind == k && d.Channel == channel && d.Recipient == recipient && !d.SentAt.IsZero() {
			return d, true
		}
	}
	return approvals.Delivery{}, false
}

func reminder(number int) string { return numbered(Reminder, number) }

// numbered is a ledger's event of which there may be several; the first of most has no number.
func numbered(k Kind, number int) string {
	if number == 0 {
		return string(k)
	}
	return string(k) + "-" + strconv.Itoa(number)
}

// parse reads a ledger's event; the number is a reminder's, of the last comment, or of the run
// that ended.
func parse(event string) (Kind, int) {
	for _, k := range []Kind{Reminder, Commented, RunEnded} {
		if n, ok := strings.CutPrefix(event, string(k)+"-"); ok {
			if number, err := strconv.Atoi(n); err == nil {
				return k, number
			}
		}
	}
	return Kind(event), 0
}

// Missing returns failed deliveries for the channels that a Gate names and the configuration
// does not have. The channel's own sender replaces them once it exists.
func Missing(a approvals.Approval, known func(name string) bool) []approvals.Delivery {
	if a.Resolved == nil || a.Decided() {
		return nil
	}
	n := a.Resolved.Policy.Notify
	var out []approvals.Delivery
	for _, name := range slices.Concat(n.Channels, n.Escalate.Channels) {
		kind := Opened
		if !slices.Contains(n.Channels, name) {
			kind = Escalated
		}
		if !known(name) && !slices.ContainsFunc(a.Deliveries, func(d approvals.Delivery) bool { return d.Channel == name }) {
			out = append(out, approvals.Delivery{
				Event: string(kind), Channel: name, Attempts: 1,
				Error: "the configuration has no channel with this name: add it under channels, or use another in the Gate",
			})
		}
	}
	return out
}

// Names reports whether a's Gate names a channel. Only then may people decide by a message
// there.
func Names(a approvals.Approval, channel string) bool {
	if a.Resolved == nil {
		return false
	}
	n := a.Resolved.Policy.Notify
	return slices.Contains(n.Channels, channel) || slices.Contains(n.Escalate.Channels, channel)
}
