package notify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestPlanInTime: who is told what over which channel as time goes by. The gate
// reminds every 10 minutes, escalates after 25, and ends after an hour.
func TestPlanInTime(t *testing.T) {
	t.Parallel()
	ops := notify.Route{Name: "ops"}
	with := func(ds ...approvals.Delivery) *ct.Builder {
		return ct.Make("a").Users("alice", "bob").Quorum(2).Requester("zoe@example.com").With(func(a *approvals.Approval) {
			a.Resolved.Policy.Notify = approvals.Notify{
				Channels: []string{"ops"}, RemindEvery: 10 * time.Minute,
				Escalate: approvals.Escalation{After: 25 * time.Minute, Channels: []string{"bosses"}, Emails: []string{"boss@example.com", "BOB@example.com"}},
			}
			a.Deliveries = ds
		})
	}
	room := func(event, channel string) approvals.Delivery {
		return approvals.Delivery{Event: event, Channel: channel, MessageID: "C1/1.2", SentAt: ct.T0}
	}
	escalated := func(to string) approvals.Delivery {
		return approvals.Delivery{Event: "escalated", Channel: notify.Email, Recipient: to, SentAt: ct.T0}
	}
	runEnded := func(event, to string) approvals.Delivery {
		return approvals.Delivery{Event: event, Channel: notify.Email, Recipient: to, SentAt: ct.T0}
	}
	decided := runEnded("decided", "zoe@example.com")
	// ran was decided by bob, who told the requester long ago, and its run ended.
	ran := func(b *ct.Builder, o approvals.RunOutcome, rule approvals.TellRule) *ct.Builder {
		return b.Quorum(1).Voted("bob", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.Deliveries = append(a.Deliveries, decided)
			a.Resolved.Policy.Notify.SecondRun = rule
			a.SecondRun = &approvals.Run{Name: "a-1", At: ct.T0.Add(2 * time.Minute)}
			a.RunEnd = &approvals.RunEnd{Outcome: o, EndedAt: ct.T0.Add(3 * time.Minute)}
		})
	}
	// talked: bob wants changes after a minute, alice answers after another.
	talked := func(b *ct.Builder) *ct.Builder {
		return b.With(func(a *approvals.Approval) {
			a.Discussion = []approvals.Comment{
				{By: "bob", Text: "why?", NeedsChanges: true, At: ct.T0.Add(time.Minute)},
				{By: "zoe@example.com", Text: "because", At: ct.T0.Add(2 * time.Minute)},
			}
		})
	}
	commented := func(n int, to string) approvals.Delivery {
		return approvals.Delivery{Event: fmt.Sprintf("commented-%d", n), Channel: notify.Email, Recipient: to, SentAt: ct.T0.Add(2 * time.Minute)}
	}
	both := []approvals.Delivery{sent("alice"), sent("bob")}
	bosses := []approvals.Delivery{escalated("boss@example.com"), escalated("BOB@example.com")}
	for name, c := range map[string]struct {
		a     *ct.Builder
		route notify.Route
		after time.Duration
		due   string // event, recipient, address, approver, earlier
		again time.Duration
	}{
		"room: at the opening":               {a: with(), route: ops, due: "opened////"},
		"room: told":                         {a: with(room("opened", "ops")), route: ops, after: time.Minute, again: 9 * time.Minute},
		"room: the first reminder":           {a: with(room("opened", "ops")), route: ops, after: 10 * time.Minute, due: "reminder-1////C1/1.2"},
		"room: reminded":                     {a: with(room("opened", "ops"), room("reminder-1", "ops")), route: ops, after: 11 * time.Minute, again: 9 * time.Minute},
		"room: after an outage":              {a: with(room("opened", "ops"), room("reminder-1", "ops")), route: ops, after: 47 * time.Minute, due: "reminder-4////C1/1.2"},
		"room: the last":                     {a: with(room("opened", "ops"), room("reminder-5", "ops")), route: ops, after: 51 * time.Minute},
		"room: never told":                   {a: with(), route: ops, after: 30 * time.Minute, due: "opened////"},
		"room: not named":                    {a: with(), route: notify.Route{Name: "others"}, after: 30 * time.Minute},
		"room: over, not yet noted":          {a: with(), route: ops, after: time.Hour},
		"room: takes no reminders":           {a: with(room("opened", "ops")), route: notify.Route{Name: "ops", Kinds: []notify.Kind{notify.Opened, notify.Decided}}, after: 11 * time.Minute},
		"bosses: before":                     {a: with(), route: notify.Route{Name: "bosses"}, again: 25 * time.Minute},
		"bosses: now":                        {a: with(), route: notify.Route{Name: "bosses"}, after: 25 * time.Minute, due: "escalated////"},
		"bosses: told":                       {a: with(room("escalated", "bosses")), route: notify.Route{Name: "bosses"}, after: 25 * time.Minute},
		"bosses: the end":                    {a: with(room("escalated", "bosses")).Voted("alice", approvals.Reject, ""), route: notify.Route{Name: "bosses"}, after: 30 * time.Minute, due: "decided////C1/1.2"},
		"bosses: the end, untold":            {a: with().Voted("alice", approvals.Reject, ""), route: notify.Route{Name: "bosses"}, after: 30 * time.Minute},
		"mail: who has not voted":            {a: with(both...).Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) { a.Votes[0].Voter = "ALICE" }), route: mail, after: 20 * time.Minute, due: "reminder-2/bob/bob@example.com/bob/m", again: 5 * time.Minute},
		"mail: to escalate":                  {a: with(append(both, reminded("alice", 2), reminded("bob", 2))...), route: mail, after: 25 * time.Minute, due: "escalated/boss@example.com/boss@example.com//; escalated/BOB@example.com/BOB@example.com/bob/", again: 5 * time.Minute},
		"mail: escalated":                    {a: with(append(append(both, bosses...), reminded("alice", 2), reminded("bob", 2))...), route: mail, after: 26 * time.Minute, again: 4 * time.Minute},
		"mail: the requester hears":          {a: with(both...).Voted("alice", approvals.Reject, ""), route: mail, after: 30 * time.Minute, due: "decided/zoe@example.com/zoe@example.com//"},
		"mail: a stranger asked":             {a: with(both...).Requester("zoe@evil.example").Voted("alice", approvals.Reject, ""), route: mail, after: 30 * time.Minute},
		"mail: of a known domain":            {a: with(both...).Requester("zoe@CORP.example").Voted("alice", approvals.Reject, ""), route: notify.Route{Name: notify.Email, Domains: []string{"corp.example"}}, after: 30 * time.Minute, due: "decided/zoe@CORP.example/zoe@CORP.example//"},
		"mail: a requester by name":          {a: with().AllowRequester().Requester("ALICE").Voted("bob", approvals.Reject, ""), route: mail, after: 30 * time.Minute, due: "decided/ALICE/alice@example.com//"},
		"mail: no address":                   {a: with().Requester("zoe").Voted("bob", approvals.Reject, ""), route: mail, after: 30 * time.Minute},
		"mail: no address at all":            {a: with().Requester("zoe@example.com\r\nBcc: x@example.com").Voted("bob", approvals.Reject, ""), route: mail, after: 30 * time.Minute},
		"mail: a name without end":           {a: with().Requester(strings.Repeat("x", 300)+"@example.com").Voted("bob", approvals.Reject, ""), route: mail, after: 30 * time.Minute},
		"mail: long after":                   {a: with().Voted("bob", approvals.Reject, ""), route: mail, after: 25 * time.Hour},
		"room: expired":                      {a: with(room("opened", "ops")).Expired(), route: ops, after: 2 * time.Hour, due: "decided////C1/1.2"},
		"room: the end, untold":              {a: with().Voted("bob", approvals.Reject, ""), route: ops, after: 2 * time.Minute, due: "decided////"},
		"room: told of the end":              {a: with(room("decided", "ops")).Voted("bob", approvals.Reject, ""), route: ops, after: 2 * time.Minute},
		"run failed: who asked, who decided": {a: ran(with(), approvals.RunFailed, ""), route: mail, after: 30 * time.Minute, due: "run-ended/zoe@example.com/zoe@example.com//; run-ended/bob/bob@example.com//"},
		"run failed: told":                   {a: ran(with(decided, runEnded("run-ended", "zoe@example.com"), runEnded("run-ended", "bob")), approvals.RunFailed, ""), route: mail, after: 30 * time.Minute},
		"run failed: the room":               {a: ran(with(room("opened", "ops"), room("decided", "ops")), approvals.RunGone, ""), route: ops, after: 30 * time.Minute, due: "run-ended////C1/1.2"},
		"run failed: never":                  {a: ran(with(), approvals.RunFailed, approvals.TellNever), route: mail, after: 30 * time.Minute},
		"run failed: long ago":               {a: ran(with(), approvals.RunFailed, ""), route: mail, after: 49 * time.Hour},
		"run succeeded":                      {a: ran(with(), approvals.RunSucceeded, ""), route: mail, after: 30 * time.Minute},
		"run succeeded: always":              {a: ran(with(runEnded("run-ended", "bob")), approvals.RunSucceeded, approvals.TellAlways), route: mail, after: 30 * time.Minute, due: "run-ended/zoe@example.com/zoe@example.com//"},
		"run succeeded: after a failure":     {a: ran(with(runEnded("run-ended", "bob")), approvals.RunSucceeded, "").With(func(a *approvals.Approval) { a.Reruns = make([]approvals.Rerun, 1) }), route: mail, after: 30 * time.Minute, due: "run-ended-1/zoe@example.com/zoe@example.com//; run-ended-1/bob/bob@example.com//"},
		"discussion: who took part":          {a: talked(with(both...).Voted("alice", approvals.Approve, "")), route: mail, after: 5 * time.Minute, due: "commented-2/zoe@example.com/zoe@example.com//; commented-2/bob/bob@example.com/bob/m; commented-2/alice/alice@example.com/alice/m", again: 5 * time.Minute},
		"discussion: not of their own words": {a: talked(with(both...)).With(func(a *approvals.Approval) { a.Discussion = a.Discussion[:1] }), route: mail, after: 5 * time.Minute, due: "commented-1/zoe@example.com/zoe@example.com//", again: 5 * time.Minute},
		"discussion: told before":            {a: talked(with(append(both, commented(1, "zoe@example.com"), commented(1, "bob"))...)), route: mail, after: 3 * time.Minute, again: time.Minute},
		"discussion: told all":               {a: talked(with(append(both, commented(2, "zoe@example.com"), commented(2, "bob"))...)), route: mail, after: 4 * time.Minute, again: 6 * time.Minute},
		"discussion: the room":               {a: talked(with(room("opened", "ops"))), route: ops, after: 5 * time.Minute, due: "commented-2////C1/1.2", again: 5 * time.Minute},
		"discussion: decided meanwhile":      {a: talked(with(append(both, decided)...)).Voted("bob", approvals.Reject, ""), route: mail, after: 5 * time.Minute},
		"room: opened in the ledger":         {a: with(approvals.Delivery{Event: "opened", Channel: "ops", Error: "500"}), route: ops, after: time.Minute, due: "opened////"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			due, again := notify.Plan(c.a.Obj(), c.route, ct.T0.Add(c.after), nil)
			var got []string
			for _, d := range due {
				m := d.Message
				got = append(got, fmt.Sprintf("%s/%s/%s/%s/%s", m.Event, m.Recipient, m.To, m.Approver, m.Earlier))
			}
			if strings.Join(got, "; ") != c.due || again != c.again {
				t.Errorf("due %q, again in %s; want %q, %s", got, again, c.due, c.again)
			}
		})
	}
}

func TestTried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want notify.Try
	}{
		"anything":      {errors.New("no route to host"), notify.Try{Count: 2, Last: ct.T0}},
		"for good":      {fmt.Errorf("slack: %w", notify.Finalf("%d", 404)), notify.Try{Count: 2, Last: ct.T0, Final: true}},
		"to wait":       {&notify.Failure{Err: errors.New("429"), After: time.Minute}, notify.Try{Count: 2, Last: ct.T0, After: time.Minute}},
		"to wait weeks": {&notify.Failure{Err: errors.New("429"), After: 1e6 * time.Hour}, notify.Try{Count: 2, Last: ct.T0, After: time.Hour}},
	} {
		if d := cmp.Diff(c.want, notify.Tried(2, c.err, ct.T0)); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

// TestGlassIsTold: everybody who was passed over hears of it, once, and of another
// end only who asked.
func TestGlassIsTold(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Requester("zoe@example.com").Voted("bob", approvals.Approve, "").Obj()
	to := func(a approvals.Approval) (all []string) {
		due, _ := notify.Plan(a, notify.Route{Name: notify.Email}, a.DecidedAt, nil)
		for _, d := range due {
			if d.Message.Kind != notify.Decided || d.Message.Approver != "" {
				t.Errorf("%+v", d.Message)
			}
			all = append(all, d.Message.To)
		}
		return all
	}
	if got := to(a); !slices.Equal(got, []string{"zoe@example.com"}) {
		t.Errorf("approved: %v", got)
	}
	a.Votes[0].BreakGlass = true
	if got := to(a); !slices.Equal(got, []string{"alice@example.com", "bob@example.com", "zoe@example.com"}) {
		t.Errorf("broken: %v", got)
	}
	a = notify.Record(a, approvals.Delivery{Event: "decided", Channel: notify.Email, Recipient: "alice", SentAt: a.DecidedAt})
	if got := to(a); !slices.Equal(got, []string{"bob@example.com", "zoe@example.com"}) {
		t.Errorf("alice was told: %v", got)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := ct.Make("a").With(func(a *approvals.Approval) {
		a.Resolved.Policy.Notify = approvals.Notify{Channels: []string{"ops", "gone"}, Escalate: approvals.Escalation{After: time.Hour, Channels: []string{"gone", "bosses"}}}
	})
	known := func(name string) bool { return name == "ops" }
	var got []string
	b := a.Obj()
	for _, d := range notify.Missing(b, known) {
		got = append(got, d.Event+" "+d.Channel)
		if !d.SentAt.IsZero() {
			t.Errorf("%+v", d)
		}
		said.Check(t, "no such channel", d.Error)
		b = notify.Record(b, d)
	}
	if d := cmp.Diff([]string{"opened gone", "opened gone", "escalated bosses"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if again := notify.Missing(b, known); len(b.Deliveries) != 2 || len(again) != 0 {
		t.Errorf("ledger %+v, and %+v once more", b.Deliveries, again)
	}
	for _, b := range []*ct.Builder{ct.Make("a").Unresolved(nil), a.Voted("alice", approvals.Approve, "")} {
		if got := notify.Missing(b.Obj(), known); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	}
}

// TestLedgerFits: whatever happens for as long as an Approval may live, its ledger
// has no more entries than the schema takes.
func TestLedgerFits(t *testing.T) {
	t.Parallel()
	names := func(n int, pattern string) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(pattern, i))
		}
		return out
	}
	const most = 320 // what the schema takes
	b := ct.Make("a").Users(names(200, "u%d")...).Requester("zoe@example.com").Lifetime(approvals.MaxLifetime).With(func(a *approvals.Approval) {
		a.Resolved.Policy.Notify = approvals.Notify{
			Channels: names(approvals.MaxChannels, "c%d"), RemindEvery: 12 * time.Hour,
			Escalate: approvals.Escalation{After: time.Hour, Channels: names(approvals.MaxChannels, "e%d"), Emails: names(approvals.MaxEmails, "b%d@example.com")},
		}
	})
	a := b.Obj()
	tell := func(now time.Time) {
		for _, name := range append(append(names(approvals.MaxChannels, "c%d"), names(approvals.MaxChannels, "e%d")...), notify.Email) {
			due, _ := notify.Plan(a, notify.Route{Name: name}, now, nil)
			for _, d := range due {
				a = notify.Record(a, approvals.Delivery{Event: d.Message.Event, Channel: name, Recipient: d.Message.Recipient, SentAt: now})
			}
		}
	}
	for i := range approvals.MaxDiscussion {
		a.Discussion = append(a.Discussion, approvals.Comment{By: fmt.Sprintf("v%d@example.com", i), At: ct.T0.Add(time.Duration(i) * time.Hour)})
	}
	for now := ct.T0; now.Before(a.Deadline()); now = now.Add(6 * time.Hour) {
		tell(now)
	}
	if n := len(a.Deliveries); n > most || n != 96*2+16+16+8*3+8*2 {
		t.Errorf("%d entries while it was pending", n)
	}
	before := a
	// At its fullest: everybody is told that the glass was broken.
	a.Votes = []approvals.Vote{{Voter: "root", Verdict: approvals.Approve, BreakGlass: true}}
	a.Outcome, a.DecidedAt = approvals.Approved, a.Deadline().Add(-time.Minute)
	tell(a.DecidedAt)
	a.SecondRun, a.RunEnd = &approvals.Run{Name: "r"}, &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: a.DecidedAt}
	tell(a.DecidedAt.Add(time.Minute))
	if n := len(a.Deliveries); n > most || n != 96*2+16+15+1+8*2+8*2+1+8+8 {
		t.Errorf("%d entries when the glass was broken", n)
	}
	a, _ = approvals.Expire(before, before.Deadline())
	tell(a.Deadline())
	if n := len(a.Deliveries); n > most || n != 96*2+16+15+1+8*2+8*2 {
		t.Errorf("%d entries", n)
	}
}
