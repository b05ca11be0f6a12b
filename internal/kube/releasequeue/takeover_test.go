package releasequeue

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/release"
)

// TestTakeover: of all Approvals, only what a voter's process decided just now and has perhaps not
// released is released for it, as the API server has it, and a task's answer is written.
func TestTakeover(t *testing.T) {
	t.Parallel()
	now := ct.T0.Add(time.Minute + time.Second) // a second after the votes
	decided := func(name string, change func(*approvals.Approval)) approvals.Approval {
		a := ct.Make(name).Users("ann").Voted("ann", approvals.Approve, "").Obj()
		if change != nil {
			change(&a)
		}
		return a
	}
	ago := func(d time.Duration) func(*approvals.Approval) {
		return func(a *approvals.Approval) {
			a.DecidedAt = a.DecidedAt.Add(-d)
			a.Votes[0].At = a.DecidedAt
		}
	}
	store := ct.NewMemStore(
		decided("left", nil),
		decided("the leader's by now", ago(outcome.LeaderTakeoverDelay)),
		decided("came", nil),
		decided("mine", nil),
		decided("seen", func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "run"} }),
		decided("seen meanwhile", nil),
		decided("gone meanwhile", nil),
		ct.Make("pending").Users("ann").Obj(),
		ct.Make("expired").Expired().Obj(),
		ct.Make("a task's").Users("ann").Task("").Voted("ann", approvals.Approve, "").Obj(),
	)
	var attempts release.Attempts
	mine := decided("mine", nil)
	attempts.Begin(mine.Key, now)
	attempts.End(mine.Key, "id", nil, now)
	var released []string
	i := &Takeover{
		Approvals: store, Attempts: &attempts, Runs: runs{"came": true}, Now: func() time.Time { return now },
		Outcomes: ct.OutcomeFunc(func(a approvals.Approval) { released = append(released, a.Name) }),
		Fresh: func(ctx context.Context, key approvals.Key) (approvals.Approval, error) {
			switch key.Name {
			case "gone meanwhile":
				return approvals.Approval{}, approvals.Errorf(approvals.CodeNotFound, "it is gone")
			case "seen meanwhile":
				return decided(key.Name, func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "run"} }), nil
			}
			return store.Get(ctx, key)
		},
	}
	if err := i.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(released)
	if want := []string{"a task's", "left"}; !slices.Equal(released, want) {
		t.Errorf("released %q, want %q", released, want)
	}
}

// TestTakeoverInTurns: one namespace's many decisions do not stand before another's.
func TestTakeoverInTurns(t *testing.T) {
	t.Parallel()
	var all []approvals.Approval
	for n := range 20 {
		all = append(all, ct.Make(fmt.Sprint("many-", n)).In("many").Users("ann").Voted("ann", approvals.Approve, "").Obj())
	}
	all = append(all, ct.Make("one").In("other").Users("ann").Voted("ann", approvals.Approve, "").Obj())
	store, at := ct.NewMemStore(all...), -1
	n := 0
	i := &Takeover{
		Approvals: store, Attempts: &release.Attempts{}, Runs: runs{}, Now: func() time.Time { return ct.T0.Add(time.Minute + time.Second) }, Fresh: store.Get,
		Outcomes: ct.OutcomeFunc(func(a approvals.Approval) {
			if a.Name == "one" {
				at = n
			}
			n++
		}),
	}
	if err := i.Take(t.Context()); err != nil || n != len(all) || at < 0 || at > 1 {
		t.Errorf("%v; %d released, the other namespace's at place %d", err, n, at)
	}
}
