package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

func TestTaskLines(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Task("automatiko").Voted("alice", approvals.Approve, "go").Obj()
	a, _ = approvals.Answer(a, a.DecidedAt.Add(time.Second))
	lines := record.Lines(a)
	last := lines[len(lines)-1]
	if last.Kind != record.Answered || last.Outcome != "Approved" || last.ID != a.UID+"/answered" {
		t.Errorf("the last line is %+v", last)
	}
	for _, l := range lines {
		if l.Trigger != "" || l.Task != "approval" || l.Pipeline != "deploy" || l.Run != "deploy-1" {
			t.Errorf("%s is of trigger %q, task %q of %s in %s", l.Kind, l.Trigger, l.Task, l.Pipeline, l.Run)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	late := func(a *approvals.Approval) { a.Resolved.ResolvedAt = ct.T0.Add(30 * time.Second) }
	told := func(a *approvals.Approval) {
		a.Deliveries = []approvals.Delivery{
			{Event: "opened", Channel: "email", Recipient: "alice", MessageID: "<1@x>", SentAt: ct.T0.Add(2 * time.Second)},
			{Event: "opened", Channel: "email", Recipient: "bob", Error: "mailbox full", Attempts: 3},
		}
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		want []string
	}{
		"just opened":      {ct.Make("a").Unresolved(nil), []string{"09:00:00 opened"}},
		"resolved at once": {ct.Make("a").Requester("dave"), []string{"09:00:00 opened", "09:00:00 resolved production dave"}},
		"resolved later":   {ct.Make("a").With(late), []string{"09:00:00 opened", "09:00:30 resolved production "}},
		"pending, told":    {ct.Make("a").With(told), []string{"09:00:00 opened", "09:00:00 resolved production ", "09:00:02 notified production alice opened email"}},
		"a quorum": {
			ct.Make("a").Users("alice", "bob").Quorum(2).Voted("bob", approvals.Approve, "ok").Voted("alice", approvals.Approve, "").With(told).With(func(a *approvals.Approval) {
				a.SecondRun = &approvals.Run{Name: "a", At: ct.T0.Add(3 * time.Minute)}
			}),
			[]string{
				"09:00:00 opened", "09:00:00 resolved production ", "09:00:02 notified production alice opened email",
				"09:01:00 voted production bob approve ok", "09:02:00 voted production alice approve",
				"09:02:00 decided production Approved [bob alice]", "09:02:00 notificationFailed production bob opened email mailbox full", "09:03:00 released production Approved a",
			},
		},
		"rejected": {
			ct.Make("a").Users("alice", "bob").Quorum(2).Voted("bob", approvals.Approve, "").Voted("alice", approvals.Reject, "no"),
			[]string{"09:00:00 opened", "09:00:00 resolved production ", "09:01:00 voted production bob approve", "09:02:00 voted production alice reject no", "09:02:00 decided production Rejected [alice]"},
		},
		"expired": {ct.Make("a").Expired(), []string{"09:00:00 opened", "09:00:00 resolved production ", "10:00:00 decided production Expired"}},
		"a delegate breaks the glass": {
			ct.Make("a").With(func(a *approvals.Approval) {
				a.Votes = []approvals.Vote{{Voter: "bob", OnBehalfOf: "alice", BreakGlass: true, Verdict: approvals.Approve, Comment: "fire", At: ct.T0, Inputs: []approvals.Param{{Name: "version", Value: "2"}}}}
				a.Outcome, a.DecidedAt = approvals.Approved, ct.T0
			}),
			[]string{"09:00:00 opened", "09:00:00 resolved production ", "09:00:00 voted production bob alice approve fire [{version 2}]", "09:00:00 decided production Approved [bob]"},
		},
		"superseded": {
			ct.Make("a").With(func(a *approvals.Approval) {
				a.Outcome, a.DecidedAt, a.SupersededBy = approvals.Superseded, ct.T0.Add(time.Minute), "b"
			}),
			[]string{"09:00:00 opened", "09:00:00 resolved production ", "09:01:00 decided production Superseded b"},
		},
		"a run that failed and was started again": {
			ct.Make("a").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
				a.Reruns = []approvals.Rerun{{
					By: "olga", Reason: "it is back", At: ct.T0.Add(4 * time.Minute), Run: approvals.Run{Name: "a-1", At: ct.T0.Add(2 * time.Minute)},
					End: approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: ct.T0.Add(3 * time.Minute), Task: "apply", Message: "exit 1"},
				}}
				a.SecondRun = &approvals.Run{Name: "a-2", At: ct.T0.Add(5 * time.Minute)}
				a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunSucceeded, EndedAt: ct.T0.Add(6 * time.Minute)}
			}),
			[]string{
				"09:00:00 opened", "09:00:00 resolved production ", "09:01:00 voted production alice approve", "09:01:00 decided production Approved [alice]",
				"09:02:00 released production Approved a-1", "09:03:00 run-ended production Approved task apply: exit 1 a-1", "09:04:00 rerun production olga it is back Approved a-1",
				"09:05:00 released production Approved a-2", "09:06:00 run-ended production Approved a-2",
			},
		},
		"an event": {ct.Make("a").Event("{}"), []string{"09:00:00 opened delivery-1", "09:00:00 resolved production "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, l := range record.Lines(c.a.Obj()) {
				s := l.At[11:19] + " " + string(l.Kind)
				if l.Kind == record.Resolved {
					s += " " + l.Gate + " " + l.Person
				} else {
					for _, f := range []string{l.Gate, l.Person, l.OnBehalfOf, l.Verdict, l.Comment, l.Outcome, l.SupersededBy, l.Event, l.Channel, l.Error, l.SecondRun} {
						if f != "" {
							s += " " + f
						}
					}
				}
				if l.BreakGlass {
					s += fmt.Sprint(" ", l.Inputs)
				}
				if len(l.People) > 0 {
					s += fmt.Sprint(" ", l.People)
				}
				got = append(got, s)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestLinesGrow: each state of an Approval yields the lines of the state before,
// unchanged, and more; no two have one id; none is too long.
func TestLinesGrow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("\"\\\x00\x01\u2028<é🙂")), 0, 600, -1))
		a := ct.Make("a").Users("alice", "bob", "carol").Quorum(3).With(func(a *approvals.Approval) {
			a.Trigger, a.Source.Run.Name = text.Draw(t, "trigger"), text.Draw(t, "run")
		}).Obj()
		states := []approvals.Approval{ct.Make("a").With(func(b *approvals.Approval) { b.Trigger, b.Source = a.Trigger, a.Source }).Unresolved(nil).Obj(), a}
		for i, voter := range []string{"alice", "bob", "carol"} {
			verdict := rapid.SampledFrom([]approvals.Verdict{approvals.Approve, approvals.Reject}).Draw(t, "verdict")
			next, did, err := approvals.Cast(a, ct.Ballot(voter, verdict, text.Draw(t, "comment")), ct.T0.Add(time.Duration(i)*time.Second))
			if err != nil {
				continue // the comment is too long
			}
			if a = next; did == approvals.Ended {
				states = append(states, a)
				a.SecondRun = &approvals.Run{Name: text.Draw(t, "next"), At: ct.T0.Add(time.Hour)}
			}
			states = append(states, a)
		}
		var before []record.Line
		for _, s := range states {
			lines := record.Lines(s)
			for _, l := range before {
				if !slices.ContainsFunc(lines, func(x record.Line) bool { return cmp.Equal(x, l) }) {
					t.Fatalf("%+v is no longer among %+v", l, lines)
				}
			}
			ids := record.IDs(lines)
			slices.Sort(ids)
			if len(slices.Compact(ids)) != len(lines) {
				t.Fatalf("two of one id: %v", ids)
			}
			var head record.Head
			for _, l := range lines {
				e, err := head.Next(l)
				if err != nil || strings.ContainsAny(string(e.Text), "\n\r\x00") {
					t.Fatalf("%q, %v", e.Text, err)
				}
				back, err := record.Parse(e.Text)
				if d := cmp.Diff(e, back); d != "" || err != nil {
					t.Fatalf("%v (-written +read)\n%s", err, d)
				}
				head = e.Head()
			}
			before = lines
		}
	})
}

// TestLongest: the limits on text keep the longest of lines within MaxLine.
func TestLongest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`"`, 10_000)
	var inputs []approvals.Param
	for range 100 {
		inputs = append(inputs, approvals.Param{Name: long, Value: long})
	}
	a := ct.Make("a").With(func(a *approvals.Approval) {
		a.Namespace, a.Name, a.UID, a.Trigger, a.Source.Run.Name, a.Source.Run.Pipeline, a.Resolved.Policy.Gate = long, long, long, long, long, long, long
		a.Outcome, a.DecidedAt, a.Resolved.Requester = approvals.Approved, ct.T0, long
		for range 128 {
			a.Votes = append(a.Votes, approvals.Vote{Voter: long, Verdict: approvals.Approve, Comment: long, CredentialID: long, OnBehalfOf: long, Inputs: inputs})
		}
		a.Deliveries = []approvals.Delivery{{Event: long, Channel: long, Recipient: long, MessageID: long, Error: long}}
		a.SecondRun = &approvals.Run{Name: long}
	}).Obj()
	for _, l := range append(record.Lines(a), record.Removal(a, ct.T0)) {
		if _, err := (record.Head{Seq: 1 << 60, Hash: strings.Repeat("f", 64)}).Next(l); err != nil {
			t.Error(l.Kind, err)
		}
	}
}

// TestRemovalComesLast: the API server gives the time of a deletion in whole seconds, so it may be
// before the decision or cancellation that the deletion caused.
func TestRemovalComesLast(t *testing.T) {
	t.Parallel()
	deleted := ct.T0
	late := deleted.Add(700 * time.Millisecond)
	for name, c := range map[string]struct {
		a    approvals.Approval
		want time.Time
	}{
		"decided before": {ct.Make("a").With(func(a *approvals.Approval) { a.Outcome, a.DecidedAt = approvals.Approved, deleted.Add(-time.Hour) }).Obj(), deleted},
		"ended for it":   {ct.Make("a").With(func(a *approvals.Approval) { a.Outcome, a.DecidedAt = approvals.Cancelled, late }).Obj(), late},
		"stopped for it": {ct.Make("a").With(func(a *approvals.Approval) {
			a.Outcome, a.DecidedAt, a.Cancellation = approvals.Approved, deleted.Add(-time.Hour), &approvals.Cancellation{At: late}
		}).Obj(), late},
	} {
		if got := record.Removal(c.a, deleted); got.At != record.Stamp(c.want) {
			t.Errorf("%s: removed at %s, want %s", name, got.At, record.Stamp(c.want))
		}
	}
}

// TestRunsAreRecordedOnce: what a run did is told by the same line while it is the last, and when
// another one was started after it.
func TestRunsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	b := ct.Make("a").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		a.Resolved.Policy.Rerun.Limit = 1
		a.SecondRun = &approvals.Run{Name: "a-1", UID: "1", At: ct.T0.Add(2 * time.Minute)}
		a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: ct.T0.Add(3 * time.Minute)}
	})
	before := record.Lines(b.Obj())
	a, _, err := approvals.RunAgain(b.Obj(), approvals.Identity{Name: "olga"}, "it is back", ct.T0.Add(4*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	a.SecondRun = &approvals.Run{Name: "a-2", UID: "2", At: ct.T0.Add(5 * time.Minute)}
	a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunSucceeded, EndedAt: ct.T0.Add(6 * time.Minute)}
	after := record.Lines(a)
	if d := cmp.Diff(before, after[:len(before)]); d != "" {
		t.Errorf("lines of before differ (-before +after)\n%s", d)
	}
	ids := record.IDs(after)
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != len(after) {
		t.Errorf("%d lines have %d ids", len(after), n)
	}
}
