package approvals_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func TestQuotaUnderPolicies(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	configured := approvals.Quota{OpenApprovals: 100, HeldBytes: 1000, EventsPerMinute: 10, WaitingVotes: 20, Delegations: 30, MailsPerHour: 40, MailsPerHourTo: 5}
	policy := func(name string, q approvals.Quota) approvals.GatePolicy {
		return approvals.GatePolicy{Name: name, Quota: q}
	}
	q := configured.Under([]approvals.GatePolicy{
		policy("large", approvals.Quota{OpenApprovals: 5000, HeldBytes: 9000, MailsPerHour: 400}),
		policy("small", approvals.Quota{HeldBytes: 8000, WaitingVotes: 2, MailsPerHourTo: 1}),
		policy("none", approvals.Quota{}),
	})
	if q.OpenApprovals != 5000 || q.HeldBytes != 8000 || q.EventsPerMinute != 10 || q.WaitingVotes != 2 || q.Delegations != 30 || q.MailsPerHour != 400 || q.MailsPerHourTo != 1 {
		t.Errorf("%+v", q)
	}
	for name, err := range map[string]error{
		"open, by a policy":          q.MayOpen("shop", approvals.Usage{Open: 5000}, 0, true),
		"bytes":                      q.MayOpen("shop", approvals.Usage{Bytes: 7000}, 1001, true),
		"events":                     q.TooManyEvents("shop"),
		"votes":                      q.MayWait("shop", 2),
		"delegations":                q.TooManyDelegations("shop"),
		"mails":                      q.TooManyMails("shop", false),
		"mails to one address":       q.TooManyMails("shop", true),
		"open, by the configuration": configured.MayOpen("shop", approvals.Usage{Open: 100}, 0, true),
	} {
		if approvals.CodeOf(err) != approvals.CodeLimited {
			t.Errorf("%s: %v", name, err)
		}
		said.Check(t, name, approvals.Message(err))
	}
}

// TestMayOpen: up to the bound and no further, and a part is left to what somebody vouches for.
func TestMayOpen(t *testing.T) {
	t.Parallel()
	q := approvals.Quota{OpenApprovals: 8, HeldBytes: 1000}
	for name, c := range map[string]struct {
		quota    approvals.Quota
		open     int
		bytes    int64
		size     int64
		verified bool
		ok       bool
	}{
		"the last":                  {q, 7, 0, 0, true, true},
		"one too many":              {q, 8, 0, 0, true, false},
		"an event, the last":        {q, 5, 0, 10, false, true},
		"an event too many":         {q, 6, 0, 10, false, false},
		"a verified event":          {q, 6, 0, 10, true, true},
		"the last byte":             {q, 0, 900, 100, true, true},
		"a byte too many":           {q, 0, 900, 101, true, false},
		"a run when bytes are over": {q, 0, 2000, 0, true, true},
		"no bound":                  {approvals.Quota{}, 1 << 30, 1 << 40, 1 << 30, false, true},
		"one alone":                 {approvals.Quota{OpenApprovals: 1}, 0, 0, 10, false, true},
	} {
		if err := c.quota.MayOpen("shop", approvals.Usage{Open: c.open, Bytes: c.bytes}, c.size, c.verified); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
