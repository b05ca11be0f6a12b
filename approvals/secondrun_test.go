package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// started has a run that was seen.
func started() *ct.Builder {
	return ct.Make("a").Users("alice", "bob").Requester("zoe").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		a.SecondRun = &approvals.Run{Name: "apply-x", UID: "run-2", Pipeline: "apply", At: ct.T0.Add(time.Minute)}
	})
}

// TestEndRun: the end of a run is noted once, of the run that the Approval names.
func TestEndRun(t *testing.T) {
	t.Parallel()
	now := ct.T0.Add(time.Hour)
	failed := &approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: ct.T0.Add(time.Minute), EndedAt: ct.T0.Add(2 * time.Minute), Task: "apply", Message: "exit 1"}
	gone := &approvals.RunEnd{Outcome: approvals.RunGone, EndedAt: now}
	for name, c := range map[string]struct {
		a    *ct.Builder
		seen approvals.ObservedRun
		want *approvals.RunEnd
		did  approvals.Change
	}{
		"no run":                   {a: ct.Make("a"), seen: approvals.ObservedRun{UID: "run-2", End: failed}, did: approvals.NoChange},
		"it goes on":               {a: started(), seen: approvals.ObservedRun{UID: "run-2"}, did: approvals.NoChange},
		"it failed":                {a: started(), seen: approvals.ObservedRun{UID: "run-2", End: failed}, want: failed, did: approvals.RunOver},
		"it is not there":          {a: started(), want: gone, did: approvals.RunOver},
		"another one of its name":  {a: started(), seen: approvals.ObservedRun{UID: "run-3", End: failed}, want: gone, did: approvals.RunOver},
		"another that goes on":     {a: started(), seen: approvals.ObservedRun{UID: "run-3"}, want: gone, did: approvals.RunOver},
		"an end is there already":  {a: started().With(func(a *approvals.Approval) { a.RunEnd = failed }), want: failed, did: approvals.NoChange},
		"it ended, and no time":    {a: started(), seen: approvals.ObservedRun{UID: "run-2", End: &approvals.RunEnd{Outcome: approvals.RunCancelled}}, want: &approvals.RunEnd{Outcome: approvals.RunCancelled, EndedAt: now}, did: approvals.RunOver},
		"began after it had ended": {a: started(), seen: approvals.ObservedRun{UID: "run-2", End: &approvals.RunEnd{Outcome: approvals.RunSucceeded, StartedAt: now, EndedAt: ct.T0}}, want: &approvals.RunEnd{Outcome: approvals.RunSucceeded, EndedAt: ct.T0}, did: approvals.RunOver},
		"hostile text": {
			a: started(), seen: approvals.ObservedRun{UID: "run-2", End: &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: now, Task: "a\nb\u202e", Message: "\x1b[31mred\u202e\r\n" + strings.Repeat("x", 4000)}},
			want: &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: now, Task: "a b", Message: approvals.Cut("[31mred\n"+strings.Repeat("x", 4000), approvals.MaxRunMessage)}, did: approvals.RunOver,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, did := approvals.EndRun(c.a.Obj(), c.seen, now)
			if did != c.did {
				t.Errorf("did %s, want %s", did, c.did)
			}
			if d := cmp.Diff(c.want, got.RunEnd); d != "" {
				t.Errorf("end (-want +got)\n%s", d)
			}
			if again, did := approvals.EndRun(got, c.seen, now.Add(time.Hour)); did != approvals.NoChange {
				t.Errorf("the same again did %s: %+v", did, again.RunEnd)
			}
		})
	}
}

func TestRunEndInWords(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]approvals.RunEnd{
		"succeeded in 42 s":                   {Outcome: approvals.RunSucceeded, StartedAt: ct.T0, EndedAt: ct.T0.Add(42 * time.Second)},
		"succeeded":                           {Outcome: approvals.RunSucceeded, StartedAt: ct.T0, EndedAt: ct.T0},
		"failed after 3 min 5 s":              {Outcome: approvals.RunFailed, StartedAt: ct.T0, EndedAt: ct.T0.Add(185 * time.Second)},
		"failed":                              {Outcome: approvals.RunFailed, EndedAt: ct.T0},
		"was cancelled after 2 h 1 min":       {Outcome: approvals.RunCancelled, StartedAt: ct.T0, EndedAt: ct.T0.Add(2*time.Hour + time.Minute + time.Second)},
		"was deleted before its end was seen": {Outcome: approvals.RunGone, StartedAt: ct.T0, EndedAt: ct.T0.Add(time.Hour)},
	} {
		if got := e.Words(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTellsRunEnd: what a Gate says, and for how long it is news.
func TestTellsRunEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule    approvals.TellRule
		outcome approvals.RunOutcome
		after   time.Duration
		want    bool
	}{
		{"", approvals.RunFailed, 0, true},
		{"", approvals.RunCancelled, 0, true},
		{"", approvals.RunGone, 0, true},
		{"", approvals.RunSucceeded, 0, false},
		{approvals.TellFailed, approvals.RunSucceeded, 0, false},
		{approvals.TellAlways, approvals.RunSucceeded, 0, true},
		{approvals.TellNever, approvals.RunFailed, 0, false},
		{approvals.TellAlways, approvals.RunFailed, approvals.TellWithin + time.Second, false},
	} {
		a := started().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Notify.SecondRun = c.rule
			a.RunEnd = &approvals.RunEnd{Outcome: c.outcome, EndedAt: ct.T0.Add(time.Hour)}
		}).Obj()
		if got := a.TellsRunEnd(ct.T0.Add(time.Hour + c.after)); got != c.want {
			t.Errorf("rule %q, %s, %s later: %t, want %t", c.rule, c.outcome, c.after, got, c.want)
		}
	}
}
