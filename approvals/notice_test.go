package approvals_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func TestNotifyValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		notify  approvals.Notify
		refused bool
	}{
		"nobody else":       {approvals.Notify{}, false},
		"everything":        {approvals.Notify{Channels: []string{"ops"}, RemindEvery: time.Hour, Escalate: approvals.Escalation{After: time.Minute, Channels: []string{"ops"}, Emails: []string{"boss@example.com"}}}, false},
		"too often":         {approvals.Notify{RemindEvery: time.Second}, true},
		"never":             {approvals.Notify{RemindEvery: approvals.MaxLifetime + 1}, true},
		"backwards":         {approvals.Notify{RemindEvery: -1}, true},
		"escalated at once": {approvals.Notify{Escalate: approvals.Escalation{After: time.Second, Channels: []string{"ops"}}}, true},
		"escalated never":   {approvals.Notify{Escalate: approvals.Escalation{Channels: []string{"ops"}}}, true},
		"to nobody":         {approvals.Notify{Escalate: approvals.Escalation{After: time.Hour}}, true},
		"too many channels": {approvals.Notify{Channels: slices.Repeat([]string{"x"}, approvals.MaxChannels+1)}, true},
		"too many emails":   {approvals.Notify{Escalate: approvals.Escalation{After: time.Hour, Emails: slices.Repeat([]string{"x"}, approvals.MaxEmails+1)}}, true},
		"without a name":    {approvals.Notify{Channels: []string{""}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := approvals.Policy{Gate: "g", Approvers: users("alice"), Strategy: approvals.Single, Lifetime: time.Hour, Notify: c.notify}
			err := p.Validate("")
			if (err != nil) != c.refused || err != nil && approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
		})
	}
}
