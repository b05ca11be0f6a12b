package convert

import (
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

func notifyToDomain(n *v1alpha1.Notify) approvals.Notify {
	if n == nil {
		return approvals.Notify{}
	}
	d := approvals.Notify{Channels: n.Channels, RemindEvery: notice(n.RemindEvery), SecondRun: approvals.TellRule(n.SecondRun)}
	if e := n.Escalate; e != nil {
		d.Escalate = approvals.Escalation{After: notice(e.After), Channels: e.Channels, Emails: e.Emails}
	}
	return d
}

func notifyToAPI(d approvals.Notify) *v1alpha1.Notify {
	n := &v1alpha1.Notify{Channels: d.Channels, SecondRun: string(d.SecondRun)}
	if d.RemindEvery != 0 {
		n.RemindEvery = d.RemindEvery.String()
	}
	if e := d.Escalate; e.After != 0 {
		n.Escalate = &v1alpha1.Escalation{After: e.After.String(), Channels: e.Channels, Emails: e.Emails}
	}
	if len(n.Channels) == 0 && n.RemindEvery == "" && n.Escalate == nil && n.SecondRun == "" {
		return nil
	}
	return n
}

// notice reads a duration. One that does not parse becomes one that Validate
// refuses.
func notice(s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d == 0 {
		return -1
	}
	return d
}
