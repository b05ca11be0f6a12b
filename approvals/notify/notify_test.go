package notify_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify"
)

var mail = notify.Route{Name: notify.Email}

func sent(to string) approvals.Delivery {
	return approvals.Delivery{Event: "opened", Channel: notify.Email, Recipient: to, MessageID: "m", SentAt: ct.T0, Attempts: 1}
}

func failed(to string, attempts int) approvals.Delivery {
	return approvals.Delivery{Event: "opened", Channel: notify.Email, Recipient: to, Attempts: attempts, Error: "550"}
}

func reminded(to string, number int) approvals.Delivery {
	d := sent(to)
	d.Event = "reminder-" + strconv.Itoa(number)
	return d
}

func TestPlan(t *testing.T) {
	t.Parallel()
	three := func(ds ...approvals.Delivery) *ct.Builder {
		return ct.Make("a").Users("alice", "bob", "carol").Quorum(2).With(func(a *approvals.Approval) { a.Deliveries = ds })
	}
	ago := func(d time.Duration) time.Time { return ct.T0.Add(-d) }
	for name, c := range map[string]struct {
		a     *ct.Builder
		tries map[string]notify.Try
		due   string // approver, address, attempt
		again time.Duration
	}{
		"everybody, once":   {a: three(), due: "alice alice@example.com 1; bob bob@example.com 1; carol carol@example.com 1"},
		"who was not yet":   {a: three(sent("alice"), failed("bob", 3)), due: "bob bob@example.com 1; carol carol@example.com 1"},
		"nobody is left":    {a: three(sent("alice"), sent("bob"), sent("carol"))},
		"the requester":     {a: ct.Make("a").Users("alice", "bob").Requester("ALICE"), due: "bob bob@example.com 1"},
		"requester allowed": {a: ct.Make("a").Users("alice", "bob").Requester("alice").AllowRequester(), due: "alice alice@example.com 1; bob bob@example.com 1"},
		"without a mail":    {a: ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers[0].Email = "" })},
		"groups alone":      {a: ct.Make("a").Users().Groups("sre")},
		"not resolved":      {a: ct.Make("a").Unresolved(nil)},
		"decided":           {a: ct.Make("a").Voted("alice", approvals.Approve, "")},
		"another channel":   {a: three(approvals.Delivery{Event: "opened", Channel: "chat", Recipient: "alice", SentAt: ct.T0}, sent("bob"), sent("carol")), due: "alice alice@example.com 1"},
		"another event":     {a: three(approvals.Delivery{Event: "decided", Channel: notify.Email, Recipient: "alice", SentAt: ct.T0}, sent("bob"), sent("carol")), due: "alice alice@example.com 1"},

		"just failed":        {a: three(sent("bob"), sent("carol")), tries: map[string]notify.Try{"alice": {Count: 1, Last: ct.T0}}, again: 5 * time.Second},
		"its time has come":  {a: three(sent("bob"), sent("carol")), tries: map[string]notify.Try{"alice": {Count: 1, Last: ago(5 * time.Second)}}, due: "alice alice@example.com 2"},
		"twice":              {a: three(sent("bob"), sent("carol")), tries: map[string]notify.Try{"alice": {Count: 2, Last: ago(6 * time.Second)}}, again: 4 * time.Second},
		"for good":           {a: three(sent("bob"), sent("carol")), tries: map[string]notify.Try{"alice": {Count: 1, Last: ago(time.Hour), Final: true}}},
		"asked to wait":      {a: three(sent("bob"), sent("carol")), tries: map[string]notify.Try{"alice": {Count: 1, Last: ct.T0, After: time.Minute}}, again: time.Minute},
		"the soonest counts": {a: three(sent("carol")), tries: map[string]notify.Try{"alice": {Count: 9, Last: ct.T0}, "bob": {Count: 1, Last: ago(2 * time.Second)}}, again: 3 * time.Second},
		"one due, one waits": {a: three(sent("carol")), tries: map[string]notify.Try{"alice": {Count: 3, Last: ct.T0}}, due: "bob bob@example.com 1", again: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.a.Obj()
			tries := map[notify.Slot]notify.Try{}
			for who, try := range c.tries {
				tries[notify.Slot{Kind: notify.Opened, Recipient: who}] = try
			}
			due, again := notify.Plan(a, mail, ct.T0, tries)
			var got []string
			for _, d := range due {
				got = append(got, d.Message.Approver+" "+d.Message.To+" "+string(rune('0'+d.Attempt)))
				if d.Message.Approval.UID != a.UID || len(d.Message.ID) != 32 {
					t.Errorf("message %q of %s", d.Message.ID, d.Message.Approval.UID)
				}
			}
			if d := strings.Join(got, "; "); d != c.due || again != c.again {
				t.Errorf("due %q, again in %s; want %q, %s", d, again, c.due, c.again)
			}
		})
	}
}

// TestMessageID: the same for the same message, and for no other.
func TestMessageID(t *testing.T) {
	t.Parallel()
	ids := func(uid, channel string) []string {
		a := ct.Make("a").Users("alice", "bob").With(func(a *approvals.Approval) { a.UID, a.Resolved.Policy.Notify.Channels = uid, []string{"chat"} }).Obj()
		due, _ := notify.Plan(a, notify.Route{Name: channel}, ct.T0, nil)
		return []string{due[0].Message.ID, due[len(due)-1].Message.ID}
	}
	if d := cmp.Diff(ids("u", "email"), ids("u", "email")); d != "" {
		t.Errorf("sent again it is another message: %s", d)
	}
	seen := map[string]bool{}
	for _, id := range append(append(ids("u", "email"), ids("v", "email")...), ids("u", "chat")[0]) {
		if seen[id] {
			t.Errorf("%s is of two messages", id)
		}
		seen[id] = true
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]time.Duration{
		0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 3: 20 * time.Second, 7: 320 * time.Second, 8: 10 * time.Minute, 9: 10 * time.Minute, 1e9: 10 * time.Minute,
	} {
		if got := (notify.Try{Count: count, Last: ct.T0}).Next().Sub(ct.T0); got != want {
			t.Errorf("after %d: %s, want %s", count, got, want)
		}
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, record, want []approvals.Delivery }{
		"the first":            {nil, []approvals.Delivery{sent("alice")}, []approvals.Delivery{sent("alice")}},
		"another person":       {[]approvals.Delivery{sent("alice")}, []approvals.Delivery{sent("bob")}, []approvals.Delivery{sent("alice"), sent("bob")}},
		"a try after a try":    {[]approvals.Delivery{failed("alice", 1)}, []approvals.Delivery{failed("alice", 2)}, []approvals.Delivery{failed("alice", 2)}},
		"at last":              {[]approvals.Delivery{failed("alice", 1), sent("bob")}, []approvals.Delivery{sent("alice")}, []approvals.Delivery{sent("alice"), sent("bob")}},
		"not once more":        {[]approvals.Delivery{sent("alice")}, []approvals.Delivery{failed("alice", 2)}, []approvals.Delivery{sent("alice")}},
		"twice the same":       {nil, []approvals.Delivery{sent("alice"), sent("alice")}, []approvals.Delivery{sent("alice")}},
		"the next reminder":    {[]approvals.Delivery{reminded("alice", 1)}, []approvals.Delivery{reminded("alice", 3)}, []approvals.Delivery{reminded("alice", 3)}},
		"an old reminder":      {[]approvals.Delivery{reminded("alice", 3)}, []approvals.Delivery{reminded("alice", 2)}, []approvals.Delivery{reminded("alice", 3)}},
		"of different channel": {[]approvals.Delivery{{Event: "opened", Channel: "chat", Recipient: "alice"}}, []approvals.Delivery{sent("alice")}, []approvals.Delivery{{Event: "opened", Channel: "chat", Recipient: "alice"}, sent("alice")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := ct.Make("a").With(func(a *approvals.Approval) { a.Deliveries = c.before }).Obj()
			kept := ct.Clone(before)
			a := before
			for _, d := range c.record {
				a = notify.Record(a, d)
			}
			if d := cmp.Diff(c.want, a.Deliveries); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if d := cmp.Diff(kept, before); d != "" {
				t.Errorf("the input was changed\n%s", d)
			}
		})
	}
}
