package servicetest

import (
	"context"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// lagging is a cache that has heard of CustomRuns what there is, and of one Approval
// nothing new.
type lagging struct {
	client.Client
	old v1alpha1.Approval
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if a, ok := o.(*v1alpha1.Approval); ok && key.Name == l.old.Name {
		l.old.DeepCopyInto(a)
		return nil
	}
	return l.Client.Get(ctx, key, o, opts...)
}

// TestEndSeenFirst: the leader hears that a task has ended before it hears of the decision
// that another replica has ended it by.
func TestEndSeenFirst(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	slow := lagging{Client: x}
	x.must(x.Get(t.Context(), request(x.only().Name).NamespacedName, &slow.old))
	x.vote(x.only().Name, "alice", approvals.Approve)
	x.must(x.tasks.Runs.Answer(t.Context(), x.only()))
	x.tasks.Store = &store.Store{Client: slow, Live: x, Ring: x.store.Ring, Now: x.now}
	x.step(x.abandoned, x.only().Name)
	if a := x.only(); a.Outcome != approvals.Approved || a.Cancellation != nil || a.AnsweredAt.IsZero() {
		t.Errorf("%s, cancelled %+v, answered at %s", a.Outcome, a.Cancellation, a.AnsweredAt)
	}
}

// TestFailedAttemptIsNoted: what is tried again has its decision noted as answered, and by
// an event: nothing else looks at an attempt that is over.
func TestFailedAttemptIsNoted(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "manual-approval-gate")
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Retries = 1 })
	was := x.settle()
	x.wait(2 * time.Hour) // a rejection would be final
	x.step(x.approvals, x.only().Name)
	first := x.only()
	x.must(x.tasks.Runs.Answer(t.Context(), first))
	is := x.run()
	if !approvaltask.AttemptEnded(event.UpdateEvent{ObjectOld: was, ObjectNew: is}) || approvaltask.AttemptEnded(event.UpdateEvent{ObjectOld: is, ObjectNew: is}) {
		t.Fatalf("no event for %d attempts", approvaltask.Tried(is))
	}
	for _, req := range x.abandoned.WaitingFor(t.Context(), is) {
		if left := x.step(x.abandoned, req.Name).RequeueAfter; left > 0 {
			x.wait(left)
			x.step(x.abandoned, req.Name)
		}
	}
	if a := x.get(first.Name); a.AnsweredAt.IsZero() || a.Cancellation != nil {
		t.Errorf("answered at %s, cancelled %+v", a.AnsweredAt, a.Cancellation)
	}
}

// TestDeletedOnceEnded: what is being removed after it has had its answer was not left
// without one.
func TestDeletedOnceEnded(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko", "uid: custom-1", "uid: custom-1\n  finalizers: [example.com/keep]")
	x.settle()
	x.vote(x.only().Name, "alice", approvals.Approve)
	x.must(x.tasks.Runs.Answer(t.Context(), x.only()))
	x.must(x.Delete(t.Context(), x.run()))
	x.wait(outcome.LeaderTakeoverDelay)
	x.step(x.abandoned, x.only().Name)
	if a := x.only(); a.AnsweredAt.IsZero() || a.Cancellation != nil {
		t.Errorf("answered at %s, cancelled %+v", a.AnsweredAt, a.Cancellation)
	}
}

// TestCalledOffSince: the cache has yet to hear that a task was cancelled, which is told
// to anyone who cancelled it, and not a success.
func TestCalledOffSince(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	x.vote(x.only().Name, "alice", approvals.Approve)
	stale := x.run()
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.Spec.Status = pipelinev1beta1.CustomRunSpecStatusCancelled })
	x.must(x.tasks.Runs.End(t.Context(), stale, kindOf(t, "automatiko"), x.only()))
	if cr := x.run(); cr.IsDone() {
		t.Errorf("answered: %s", ending(cr))
	}
	if got := ending(x.settle()); !strings.HasPrefix(got, "False CustomRunCancelled") {
		t.Errorf("got %s", got)
	}
}

// endless never answers: anyone who waits for it has to have an end of their own.
type endless struct {
	client.Client
	t *testing.T
}

func (e endless) Get(ctx context.Context, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	if _, ok := ctx.Deadline(); !ok {
		e.t.Error("asked without a deadline")
	}
	return context.DeadlineExceeded
}

// TestAnswerEnds: who took a vote does not try for ever, and leaves it to the leader.
func TestAnswerEnds(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	x.vote(x.only().Name, "alice", approvals.Approve)
	runs := &approvaltask.CustomRuns{Client: endless{x, t}, Live: x, Now: x.now}
	if err := runs.Answer(t.Context(), x.only()); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

// TestLeftToVoter: only what a vote decided is left to who took it, and not for longer
// than that, whatever that one's clock says.
func TestLeftToVoter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		voted, decided time.Time
		want           time.Duration
	}{
		"just now":               {at, at, outcome.LeaderTakeoverDelay},
		"a second ago":           {at.Add(-time.Second), at.Add(-time.Second), outcome.LeaderTakeoverDelay - time.Second},
		"long ago":               {at.Add(-time.Hour), at.Add(-time.Hour), 0},
		"by its deadline":        {at.Add(-time.Hour), at, 0},
		"by a clock ahead":       {at.Add(time.Second), at.Add(time.Second), outcome.LeaderTakeoverDelay},
		"by a clock that is off": {at.Add(time.Hour), at.Add(time.Hour), 0},
	} {
		a := approvals.Approval{DecidedAt: c.decided, Votes: []approvals.Vote{{Voter: "alice", At: c.voted}}}
		if got := outcome.LeftToVoter(a, at); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestTektonIsSlow: a run that lists its task late is seen to soon after it does, however
// late, and is asked seldom meanwhile.
func TestTektonIsSlow(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	listed := func(list []pipelinev1.ChildStatusReference) (before []pipelinev1.ChildStatusReference) {
		t.Helper()
		var pr pipelinev1.PipelineRun
		x.must(x.Get(t.Context(), request("deploy-1").NamespacedName, &pr))
		before, pr.Status.ChildReferences = pr.Status.ChildReferences, list
		x.must(x.WithWatch.Update(t.Context(), &pr))
		return before
	}
	list := listed(nil)
	x.change(func(cr *pipelinev1beta1.CustomRun) { cr.CreationTimestamp.Time = x.now() })
	var age time.Duration
	for looks := 0; age < 2*time.Minute; looks++ {
		d := x.step(x.tasks, x.customRun).RequeueAfter
		if d < approvaltask.Soon || d > max(approvaltask.Soon, age/4) {
			t.Errorf("after %s the next look is in %s", age, d)
		}
		if looks > 60 {
			t.Fatalf("looked %d times in %s", looks, age)
		}
		x.wait(d)
		age += d
	}
	if n := len(x.all()); n != 0 {
		t.Fatalf("%d opened before the run lists the task", n)
	}
	listed(list)
	x.step(x.tasks, x.customRun)
	x.only()
}
