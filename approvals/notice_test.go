package approvals_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

func TestNotifyValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		notify approvals.Notify
		want   string // "": valid
	}{
		"nobody else":       {approvals.Notify{}, ""},
		"everything":        {approvals.Notify{Channels: []string{"ops"}, RemindEvery: time.Hour, Escalate: approvals.Escalation{After: time.Minute, Channels: []string{"ops"}, Emails: []string{"boss@example.com"}}}, ""},
		"too often":         {approvals.Notify{RemindEvery: time.Second}, "notify.remindEvery 1s: use 1m0s to 2160h0m0s"},
		"never":             {approvals.Notify{RemindEvery: approvals.MaxLifetime + 1}, "notify.remindEvery"},
		"backwards":         {approvals.Notify{RemindEvery: -1}, "notify.remindEvery"},
		"escalated at once": {approvals.Notify{Escalate: approvals.Escalation{After: time.Second, Channels: []string{"ops"}}}, "notify.escalate.after 1s"},
		"escalated never":   {approvals.Notify{Escalate: approvals.Escalation{Channels: []string{"ops"}}}, "without after"},
		"to nobody":         {approvals.Notify{Escalate: approvals.Escalation{After: time.Hour}}, "nobody to escalate to"},
		"too many channels": {approvals.Notify{Channels: slices.Repeat([]string{"x"}, approvals.MaxChannels+1)}, "too many recipients"},
		"too many emails":   {approvals.Notify{Escalate: approvals.Escalation{After: time.Hour, Emails: slices.Repeat([]string{"x"}, approvals.MaxEmails+1)}}, "too many recipients"},
		"without a name":    {approvals.Notify{Channels: []string{""}}, "without a name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := approvals.Policy{Gate: "g", Approvers: users("alice"), Strategy: approvals.Single, Lifetime: time.Hour, Notify: c.notify}
			err := p.Validate("")
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || approvals.CodeOf(err) != approvals.CodeInvalid) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
