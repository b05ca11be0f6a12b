package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestTaskLife: a task is answered once, and nothing of it is ever released.
func TestTaskLife(t *testing.T) {
	t.Parallel()
	later := ct.T0.Add(10 * time.Minute)
	pending := ct.Make("a").Task("automatiko").Obj()
	if _, did := approvals.Answer(pending, later); did != approvals.NoChange {
		t.Errorf("pending, and answered: %s", did)
	}
	approved := ct.Make("a").Task("automatiko").Voted("alice", approve, "ok").Obj()
	if !approved.ToAnswer() || approved.ToRelease() {
		t.Errorf("approved: to answer %v, to release %v", approved.ToAnswer(), approved.ToRelease())
	}
	answered, did := approvals.Answer(approved, later)
	if did != approvals.Released || !answered.AnsweredAt.Equal(later) || answered.ToAnswer() {
		t.Errorf("%s at %s, still to answer: %v", did, answered.AnsweredAt, answered.ToAnswer())
	}
	if _, did := approvals.Answer(answered, later.Add(time.Hour)); did != approvals.NoChange {
		t.Errorf("answered twice: %s", did)
	}
	if _, _, err := approvals.Cancel(approved, approvals.Cancellation{By: "alice", Reason: "no"}, later); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("a decided task was cancelled: %v", err)
	}
	forged := approved
	forged.Resolved = nil
	if forged.ToAnswer() {
		t.Error("what nobody resolved is answered")
	}
	if a := ct.Make("b").Voted("alice", approve, "ok").Obj(); a.ToAnswer() || !a.ToRelease() {
		t.Error("a Trigger's Approval is answered as a task")
	}
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	later := ct.T0.Add(10 * time.Minute)
	decided := ct.Make("a").Task("automatiko").Voted("alice", approve, "ok").Obj()
	answered, _ := approvals.Answer(decided, later)
	for name, c := range map[string]struct {
		a       approvals.Approval
		did     approvals.Change
		outcome approvals.Outcome
	}{
		"pending":      {ct.Make("a").Task("automatiko").Obj(), approvals.Ended, approvals.Cancelled},
		"decided":      {decided, approvals.Stopped, approvals.Approved},
		"answered":     {answered, approvals.NoChange, approvals.Approved},
		"of a Trigger": {ct.Make("a").Obj(), approvals.NoChange, approvals.Pending},
	} {
		a, did := approvals.Abandon(c.a, "its run was deleted", later)
		if did != c.did || a.Outcome != c.outcome {
			t.Errorf("%s: %s %s, want %s %s", name, did, a.Outcome, c.did, c.outcome)
		}
		if did == approvals.NoChange {
			continue
		}
		if a.Cancellation == nil || a.Cancellation.Reason != "its run was deleted" || !a.Cancellation.At.Equal(later) {
			t.Errorf("%s: %+v", name, a.Cancellation)
		}
		if _, again := approvals.Abandon(a, "again", later); again != approvals.NoChange {
			t.Errorf("%s, abandoned twice: %s", name, again)
		}
	}
}

func TestTaskNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, n := range []string{
		approvals.TaskName("deploy-1-approval", "u1", 0), approvals.TaskName("deploy-1-approval", "u1", 1), approvals.TaskName("deploy-1-approval", "u2", 0),
		approvals.Name("deploy-1-approval", "run:u1"), approvals.TaskName(strings.Repeat("x", 63), "u1", 0),
	} {
		if seen[n] || len(n) > 63 {
			t.Errorf("%q is there already, or longer than a name may be", n)
		}
		seen[n] = true
	}
	a := ct.Make("a").Task("automatiko").Obj()
	if a.Title() != "deploy/approval" || a.Subject() != "deploy/approval in run deploy-1" {
		t.Errorf("%q, %q", a.Title(), a.Subject())
	}
	if a := ct.Make("a").Obj(); a.Title() != "apply" || a.Subject() != "apply after plan" {
		t.Errorf("%q, %q", a.Title(), a.Subject())
	}
}

// TestTasksSupersede: only what waits for the same task of the same pipeline.
func TestTasksSupersede(t *testing.T) {
	t.Parallel()
	task := func(name, pipeline string, after time.Duration) approvals.Approval {
		return ct.Make(name).Task("automatiko").With(func(a *approvals.Approval) {
			a.Source.Task.Run.Pipeline, a.Source.Task.Run.UID, a.OpenedAt = pipeline, "run-of-"+name, ct.T0.Add(after)
			a.Resolved.Policy.Supersede = approvals.SupersedeNewest
		}).Obj()
	}
	old := task("a", "deploy", 0)
	if !approvals.Supersedes(task("b", "deploy", time.Minute), old) {
		t.Error("the newer one of the same task does not take its place")
	}
	if approvals.Supersedes(task("b", "destroy", time.Minute), old) {
		t.Error("a task of another pipeline takes its place")
	}
	beside := task("b", "deploy", time.Minute)
	beside.Source.Task.Run.UID = old.Source.Task.Run.UID
	if approvals.Supersedes(beside, old) {
		t.Error("a matrix's second task takes the place of the first")
	}
}

// TestTaskDigest: what is approved says which task of which run asks, and digests
// of what has no task are as they were before there were tasks.
func TestTaskDigest(t *testing.T) {
	t.Parallel()
	a, b := ct.Make("a").Task("automatiko").Obj(), ct.Make("a").Task("automatiko").With(func(a *approvals.Approval) { a.Source.Task.Attempt = 1 }).Obj()
	if a.Resolved.Digest == b.Resolved.Digest {
		t.Error("another attempt has the same digest")
	}
	if got, want := ct.Make("a").Obj().Resolved.Digest, "16cf891999a53268bf3429809a96337ee3baf218d5c5cd8869ac73b1bbaa5253"; got != want {
		t.Errorf("the digest of what a Trigger holds is %s and was %s: Approvals of before could not be released", got, want)
	}
}
