package servicetest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/release"
)

// TestLife counts the writes of one Approval's whole life: it is made, its
// approvers were told, one voted, its run was seen. Everything else costs none.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	start, others := w.Count("patch status"), w.Count("update")+w.Count("patch")
	for range 3 {
		w.step(w.runs, "plan-1")
		w.step(w.approvals, name)
		w.step(w.notify, name)
	}
	if len(w.mails.sent) != 2 {
		t.Errorf("sent %v", w.mails.sent)
	}
	w.vote(name, "alice", approvals.Approve)
	run := w.runOf(name)
	var left time.Duration // the first post is left to the process that took the vote
	for wait := w.step(w.approvals, name).RequeueAfter; wait > 0 && left < outcome.LeaderTakeoverDelay; wait = w.step(w.approvals, name).RequeueAfter {
		w.wait(wait)
		left += wait
	}
	if posts, _ := w.listener.Requests(); left != outcome.LeaderTakeoverDelay || len(posts) != 1 {
		t.Errorf("the leader posted %d times after %s, want once after %s", len(posts), left, outcome.LeaderTakeoverDelay)
	}
	w.step(w.approvals, name) // posts
	w.wait(time.Second)
	for range 3 {
		w.step(w.approvals, name) // sees the run
		w.step(w.notify, name)
	}
	a := w.get(name)
	if a.Outcome != approvals.Approved || a.SecondRun == nil || a.SecondRun.Name != run || a.RunName != "" || a.SecondRun.Pipeline != "apply" || a.EventID != "event-1" || w.confirmed != 1 {
		t.Fatalf("%s, next %+v, event %q, confirmed %d; refused: %v\n%s", a.Outcome, a.SecondRun, a.EventID, w.confirmed, w.listener.Refusals(), w.log.String())
	}
	if got := w.condition(name, v1alpha1.ConditionReleased); got != "True RunObserved " {
		t.Errorf("released: %s", got)
	}
	writes := w.Count("patch status") - start
	if creates := w.Count("create"); creates != 2 || writes != 3 || w.Count("update")+w.Count("patch") != others {
		t.Errorf("%d creates (the run is one) and %d status writes, want 2 and 3", creates, writes)
	}
	if posts, _ := w.listener.Requests(); len(posts) != 1 {
		t.Errorf("%d posts", len(posts))
	}
	// Idle for a day.
	before := w.Writes()
	for range 24 {
		w.wait(time.Hour)
		w.step(w.runs, "plan-1")
		w.step(w.approvals, name)
		w.step(w.notify, name)
		w.step(w.gates, "production")
	}
	if n := w.Writes() - before; n != 1 { // the Gate's condition, once
		t.Errorf("%d writes while idle", n)
	}
}

// TestDeletedInABurst: a run that came while the leader left the processors to the posts, and
// that somebody deleted before the leader compared it, is not started again.
func TestDeletedInABurst(t *testing.T) {
	t.Parallel()
	for whose, c := range map[string]struct {
		image string
		posts int
	}{"its own": {"", 1}, "a stranger's": {"evil", 2}} {
		t.Run(whose, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.listener.Serve(t)
			name := w.opened()
			w.step(w.approvals, name)
			w.vote(name, "alice", approvals.Approve)
			a := w.get(name)
			if err := w.approvals.Releaser.Release(t.Context(), a); err != nil { // the voter's process
				t.Fatal(err)
			}
			w.approvals.Releaser.Attempts.Forget(a.UID) // which is another one
			run := &pipelinev1.PipelineRun{}
			at := types.NamespacedName{Namespace: a.Namespace, Name: w.runOf(name)}
			if err := w.Get(t.Context(), at, run); err != nil {
				t.Fatal(err)
			}
			if c.image != "" {
				run.Spec.Params = append(run.Spec.Params, pipelinev1.Param{Name: "image", Value: *pipelinev1.NewStructuredValues(c.image)})
				if err := w.WithWatch.Update(t.Context(), run); err != nil {
					t.Fatal(err)
				}
			}
			if left := w.step(w.approvals, name).RequeueAfter; left <= 0 || left > outcome.QuietPeriod {
				t.Errorf("the leader looks again after %s, want within %s", left, outcome.QuietPeriod)
			}
			if err := w.WithWatch.Delete(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				w.wait(outcome.LeaderTakeoverDelay)
				w.step(w.approvals, name)
			}
			if posts, _ := w.listener.Requests(); len(posts) != c.posts {
				t.Errorf("%d posts, want %d", len(posts), c.posts)
			}
			if got := w.get(name); got.SecondRun == nil || got.SecondRun.Name != at.Name {
				t.Errorf("recorded run %+v, want %s", got.SecondRun, at.Name)
			}
		})
	}
}

// TestResolvedLater: a condition reports once what is missing, and the Approval is resolved when it is there.
func TestResolvedLater(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for what, kind := range map[string]string{"gate": "Gate", "template": "TriggerTemplate"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.Without(kubetest.World, kind))
			name := w.opened()
			for range 4 {
				w.step(w.approvals, name)
				w.step(w.notify, name)
				w.wait(time.Minute)
			}
			if got := w.condition(name, v1alpha1.ConditionReady); !strings.HasPrefix(got, "False NotResolved ") || w.Count("patch status") != 1 {
				t.Errorf("ready: %s after %d writes", got, w.Count("patch status"))
			} else {
				said.Check(t, what, got)
			}
			if _, _, err := w.desk.Vote(t.Context(), w.get(name).Key, approvals.Ballot{Voter: approvals.Identity{Name: "alice"}, Verdict: approvals.Approve}); approvals.CodeOf(err) != approvals.CodeNotReady {
				t.Errorf("vote: %v", err)
			}
			if len(w.mails.sent) > 0 {
				t.Errorf("sent %v", w.mails.sent)
			}
			for _, o := range kubetest.Objects(t, kubetest.Only(kubetest.World, kind)) {
				if err := w.Create(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				if got := w.approvals.BlockedIn(t.Context(), o); len(got) != 1 || got[0].Name != name {
					t.Errorf("%T wakes %v", o, got)
				}
			}
			w.step(w.approvals, name)
			w.step(w.approvals, name)
			a := w.get(name)
			if a.Resolved == nil || a.Blocked != nil || a.Resolved.Requester != "zoe" || a.Resolved.Params[0].Value != "sha256:abc" {
				t.Fatalf("resolved %+v, blocked %v", a.Resolved, a.Blocked)
			}
			if got := w.condition(name, v1alpha1.ConditionReady); got != "True Resolved " {
				t.Errorf("ready: %s", got)
			}
			w.step(w.notify, name)
			if w.vote(name, "alice", approvals.Approve); len(w.mails.sent) != 2 {
				t.Errorf("sent %v", w.mails.sent)
			}
		})
	}
}

// TestResolveFails: an API server that does not answer blocks nothing for good.
func TestResolveFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.Without(kubetest.World, "Gate"))
	name := w.opened()
	w.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*v1alpha1.Gate); ok && verb == "get" {
			return apierrors.NewServiceUnavailable("etcd")
		}
		return nil
	})
	if _, err := w.approvals.Reconcile(t.Context(), request(name)); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("%v, want an error that is tried again", err)
	}
	if got := w.condition(name, v1alpha1.ConditionReady); got != "" {
		t.Errorf("and it was written down: %s", got)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.wait(20 * time.Minute)
	if left := w.step(w.approvals, name).RequeueAfter; left != 40*time.Minute {
		t.Errorf("looked at again in %s, want at the deadline", left)
	}
	w.wait(40 * time.Minute)
	for range 3 {
		w.step(w.approvals, name)
	}
	a := w.get(name)
	if a.Outcome != approvals.Expired || len(a.Results) != 4 || !a.DecidedAt.Equal(w.now()) || len(w.ended) != 1 || w.ended[0] != approvals.Expired {
		t.Errorf("%s at %s with %d results, ended %v", a.Outcome, a.DecidedAt, len(a.Results), w.ended)
	}
	if posts, _ := w.listener.Requests(); len(posts) != 0 || w.Count("patch status") != 1 {
		t.Errorf("%d posts, %d writes", len(posts), w.Count("patch status"))
	}
}

// TestStrangersName: a run of somebody else's under the name of the Approval's run is
// said, and the right one starts when it is gone.
func TestStrangersName(t *testing.T) {
	t.Parallel()
	for name, stranger := range map[string]struct {
		change func(pr *pipelinev1.PipelineRun)
		why    string
	}{
		"of another trigger":  {func(pr *pipelinev1.PipelineRun) { pr.Labels["triggers.tekton.dev/trigger"] = "other" }, "metadata.labels triggers.tekton.dev/trigger"},
		"of nobody":           {func(pr *pipelinev1.PipelineRun) { pr.Labels = nil }, "metadata.labels triggers.tekton.dev/eventlistener"},
		"before the decision": {func(pr *pipelinev1.PipelineRun) { pr.CreationTimestamp = metav1.NewTime(ct.T0.Add(-time.Hour)) }, "it was created before this approval was opened"},
		"of another pipeline": {func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name = "wipe-db" }, "spec.pipelineRef.name"},
		"with other params": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.Params[0].Value = *pipelinev1.NewStructuredValues("sha256:evil")
		}, "spec.params[digest].value"},
		"with more": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.TaskRunTemplate.ServiceAccountName = "admin"
		}, "spec.taskRunTemplate"},
		"marked as somebody's": {func(pr *pipelinev1.PipelineRun) {
			pr.Annotations = map[string]string{"countersign.dev/requester": "alice"}
		}, "metadata.annotations countersign.dev/requester"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.listener.Serve(t)
			name := w.opened()
			w.wait(time.Minute)
			w.vote(name, "alice", approvals.Approve)
			run := kubetest.Started(w.runOf(name), "apply", "", w.now()).(*pipelinev1.PipelineRun)
			stranger.change(run)
			if err := w.Create(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			w.wait(time.Minute)
			before := w.Count("patch status")
			for range 3 {
				if res := w.step(w.approvals, name); res.RequeueAfter != lifecycle.StrangerAgain {
					t.Errorf("looked at again in %s", res.RequeueAfter)
				}
			}
			if got := w.condition(name, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False NameTaken ") || !strings.Contains(got, stranger.why) || strings.Contains(got, "evil") || w.Count("patch status") != before+1 {
				t.Errorf("released: %s after %d writes", got, w.Count("patch status")-before)
			}
			if e := w.event(); !strings.HasPrefix(e, "Warning NameTaken") || !strings.Contains(e, stranger.why) || w.event() != "" {
				t.Errorf("event %q, want one", e)
			}
			if posts, _ := w.listener.Requests(); len(posts) != 0 {
				t.Errorf("%d posts", len(posts))
			}
			if err := w.WithWatch.Delete(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			w.step(w.approvals, name)
			w.step(w.approvals, name)
			if a := w.get(name); a.SecondRun == nil || a.Unreleased != nil {
				t.Errorf("next %v, unreleased %v", a.SecondRun, a.Unreleased)
			}
		})
	}
}

// TestListenerDown: a post that fails is said, and repeated until it goes through.
func TestListenerDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down func(*world)
		up   func(*world)
		want string
	}{
		"answers 500": {
			func(w *world) { w.listener.Answer(http.StatusInternalServerError) }, func(w *world) { w.listener.Answer(0) },
			"False EventListenerDown EventListener prod/apply did not accept the event: it answered 500; check deployment el-apply",
		},
		"takes it, no run comes": {
			func(w *world) { w.listener.Idle(true) }, func(w *world) { w.listener.Idle(false) },
			"False RunNotFound EventListener prod/apply accepted the event, but the run does not exist yet",
		},
		"the account may not": {
			func(w *world) { w.listener.Idle(true); w.Deny() }, func(w *world) { w.listener.Idle(false) },
			"False Forbidden service account prod/listener may not create pipelineruns.tekton.dev in namespace prod",
		},
		"the API server refuses": {
			func(w *world) {
				w.listener.Idle(true)
				w.Fail(func(verb string, _ runtime.Object) error {
					if verb == "dry run" {
						return apierrors.NewInvalid(schema.GroupKind{Kind: "PipelineRun"}, "x", nil)
					}
					return nil
				})
			},
			func(w *world) { w.Fail(nil); w.listener.Idle(false) },
			"False Refused the API server refuses the PipelineRun that the template creates",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.listener.Serve(t)
			name := w.opened()
			w.vote(name, "alice", approvals.Approve)
			c.down(w)
			var last time.Duration
			for range 5 {
				w.wait(max(last, outcome.LeaderTakeoverDelay))
				last = w.step(w.approvals, name).RequeueAfter
				if last <= 0 {
					t.Fatal("nobody looks again")
				}
			}
			if got := w.condition(name, v1alpha1.ConditionReleased); !strings.HasPrefix(got, c.want) {
				t.Errorf("released: %s\nwant %s", got, c.want)
			}
			posts, _ := w.listener.Requests()
			if len(posts) < 3 || len(posts) > 5 {
				t.Errorf("%d posts in five looks", len(posts))
			}
			// In between nothing is posted.
			w.step(w.approvals, name)
			if again, _ := w.listener.Requests(); len(again) != len(posts) {
				t.Error("posted again before its time")
			}
			c.up(w)
			w.wait(2 * time.Minute)
			w.step(w.approvals, name)
			w.step(w.approvals, name)
			a := w.get(name)
			if a.SecondRun == nil || a.Unreleased != nil || w.condition(name, v1alpha1.ConditionReleased) != "True RunObserved " {
				t.Errorf("next %v, unreleased %v, refused %v", a.SecondRun, a.Unreleased, w.listener.Refusals())
			}
		})
	}
}

// TestSuperseded: the newest of a key waits, whichever is looked at first; the
// others end, once.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	docs := strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 1h\n  supersede: Newest\n  supersedeKey: params.env", 1)
	for _, first := range []string{"old", "new"} {
		w := newWorld(t, docs)
		old := w.opened()
		var pr pipelinev1.PipelineRun
		if err := w.Get(t.Context(), request("plan-1").NamespacedName, &pr); err != nil {
			t.Fatal(err)
		}
		again := pr.DeepCopy()
		again.Name, again.UID, again.ResourceVersion = "plan-2", "run-2", ""
		if err := w.Create(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
		w.step(w.runs, "plan-2")
		newer := approvals.Name("apply", "run:run-2")
		order := []string{old, newer, old, newer}
		if first == "new" {
			order = []string{newer, old, newer, old}
		}
		writes := w.Count("patch status")
		for _, name := range order {
			w.step(w.approvals, name)
		}
		a, b := w.get(old), w.get(newer)
		winner, loser := b, a // of the same second in the fake: the names decide
		if approvals.Supersedes(w.pending(a), w.pending(b)) {
			winner, loser = a, b
		}
		if winner.Decided() || loser.Outcome != approvals.Superseded || loser.SupersededBy != winner.Name || w.Count("patch status") != writes+1 || len(w.ended) != 1 {
			t.Errorf("%s first: %s is %s, %s is %s by %q; %d writes", first, winner.Name, winner.Outcome, loser.Name, loser.Outcome, loser.SupersededBy, w.Count("patch status")-writes)
		}
	}
}

// pending is a as it was before its end.
func (w *world) pending(a approvals.Approval) approvals.Approval {
	a.Outcome = approvals.Pending
	return a
}

// TestYield: while decisions still wait for their runs, runs that are there are not
// recorded, but not for long.
func TestYield(t *testing.T) {
	t.Parallel()
	decided := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	at, ns := decided.DecidedAt, decided.Namespace
	mine, other := types.NamespacedName{Namespace: ns, Name: "a"}, types.NamespacedName{Namespace: ns, Name: "b"}
	elsewhere := types.NamespacedName{Namespace: "elsewhere", Name: "b"}
	for name, c := range map[string]struct {
		before    func(*lifecycle.Throttle)
		now, want time.Duration
	}{
		"just decided":        {func(*lifecycle.Throttle) {}, 0, outcome.QuietPeriod},
		"a moment ago":        {func(*lifecycle.Throttle) {}, outcome.QuietPeriod - 1, 1},
		"alone, and calm":     {func(*lifecycle.Throttle) {}, outcome.QuietPeriod, 0},
		"another decision":    {func(b *lifecycle.Throttle) { b.Seen(other, at.Add(time.Second)) }, time.Second, outcome.QuietPeriod},
		"one has no run":      {func(b *lifecycle.Throttle) { b.Waits(other, at) }, time.Second, outcome.QuietPeriod},
		"until it has":        {func(b *lifecycle.Throttle) { b.Waits(other, at); b.Seen(other, at) }, time.Second, outcome.QuietPeriod - time.Second},
		"or is gone":          {func(b *lifecycle.Throttle) { b.Waits(other, at); b.Gone(other) }, time.Second, outcome.QuietPeriod - time.Second},
		"not for long":        {func(b *lifecycle.Throttle) { b.Waits(other, at.Add(time.Second)) }, lifecycle.MaxYield - 1, 1},
		"nor for one that is": {func(b *lifecycle.Throttle) { b.Waits(other, at.Add(-time.Hour)) }, time.Second, outcome.QuietPeriod - time.Second}, // stuck

		"another namespace's decision": {func(b *lifecycle.Throttle) { b.Seen(elsewhere, at.Add(time.Second)) }, time.Second, outcome.QuietPeriod - time.Second},
		"another namespace's run":      {func(b *lifecycle.Throttle) { b.Waits(elsewhere, at) }, outcome.QuietPeriod, 0},

		"by a clock that is far ahead":      {func(*lifecycle.Throttle) {}, -time.Hour, 0},
		"another by such a clock":           {func(b *lifecycle.Throttle) { b.Seen(other, at.Add(time.Hour)) }, time.Second, 0},
		"another by such a clock, no run":   {func(b *lifecycle.Throttle) { b.Waits(other, at.Add(time.Hour)) }, time.Second, 0},
		"by a clock that is a little ahead": {func(*lifecycle.Throttle) {}, -time.Second, outcome.QuietPeriod + time.Second},
	} {
		r := &lifecycle.Approvals{}
		c.before(&r.Throttle)
		r.Throttle.Seen(mine, at)
		if got := r.Yield(decided, at.Add(c.now)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestDeletedUnrecorded: a run that was seen and that somebody deletes before that is
// recorded has been there: it is recorded, and not started again.
func TestDeletedUnrecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	if err := w.approvals.Releaser.Release(t.Context(), w.get(name)); err != nil { // by another replica, at once
		t.Fatal(err)
	}
	w.approvals.Releaser.Attempts = release.Attempts{}
	if left := w.step(w.approvals, name).RequeueAfter; left != outcome.QuietPeriod {
		t.Fatalf("it is recorded in %s, want %s", left, outcome.QuietPeriod)
	}
	var pr pipelinev1.PipelineRun
	if err := w.Get(t.Context(), request(w.runOf(name)).NamespacedName, &pr); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), &pr); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.step(w.approvals, name)
		w.wait(outcome.LeaderTakeoverDelay)
	}
	if posts, _ := w.listener.Requests(); len(posts) != 1 {
		t.Errorf("%d posts, want one", len(posts))
	}
	if a := w.get(name); a.SecondRun == nil || a.SecondRun.UID != string(pr.UID) || w.confirmed != 1 {
		t.Errorf("next %+v, confirmed %d", a.SecondRun, w.confirmed)
	}
}

// TestNotReleased: outcomes that the Gate does not release start nothing, and one
// that it does starts a run with the decision.
func TestNotReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	w.vote(name, "alice", approvals.Reject)
	w.wait(time.Hour)
	if res := w.step(w.approvals, name); res.RequeueAfter != 0 {
		t.Errorf("looked at again in %s", res.RequeueAfter)
	}
	if posts, _ := w.listener.Requests(); len(posts) != 0 {
		t.Errorf("%d posts", len(posts))
	}

	w = newWorld(t, strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 1h\n  releaseOn: [Rejected, Expired]", 1))
	w.listener.Serve(t)
	name = w.opened()
	w.wait(time.Hour)
	w.step(w.approvals, name) // expires
	w.step(w.approvals, name) // posts at once: no process took a vote
	w.wait(outcome.QuietPeriod)
	w.step(w.approvals, name) // sees the run
	if a := w.get(name); a.Outcome != approvals.Expired || a.SecondRun == nil {
		t.Errorf("%s, next %v, refused %v", a.Outcome, a.SecondRun, w.listener.Refusals())
	}
	if _, bodies := w.listener.Requests(); len(bodies) != 1 || !strings.Contains(bodies[0], `"decision":"false"`) {
		t.Errorf("posted %v", bodies)
	}
}

// TestSignatureInvalid: an Approval that somebody else made and resolved is said to be
// that, once, and is never resolved.
func TestSignatureInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	var o v1alpha1.Approval
	if err := w.Get(t.Context(), request(name).NamespacedName, &o); err != nil {
		t.Fatal(err)
	}
	forged := o.DeepCopy()
	forged.ResourceVersion, forged.UID, forged.Name = "", "uid-forged", "forged"
	forged.Spec.Resolved.Policy.Approvers.Users[0].Name = "mallory"
	if err := w.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.step(w.approvals, "forged")
		w.step(w.notify, "forged")
	}
	a := w.get("forged")
	if a.Resolved != nil || a.Blocked == nil || a.Blocked.Reason != convert.SignatureInvalid || w.Count("patch status") != 1 || w.Count("update") != 0 {
		t.Errorf("resolved %v, blocked %v, %d writes", a.Resolved, a.Blocked, w.Count("patch status"))
	}
	if len(w.mails.sent) != 0 {
		t.Errorf("sent %v", w.mails.sent)
	}
	if _, _, err := w.desk.Vote(t.Context(), a.Key, approvals.Ballot{Voter: approvals.Identity{Name: "mallory"}, Verdict: approvals.Approve}); approvals.CodeOf(err) != approvals.CodeNotReady {
		t.Errorf("vote: %v", err)
	}
}

// TestForgedSource: an Approval unresolved that somebody else made is given
// none.
func TestForgedSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	var o v1alpha1.Approval
	if err := w.Get(t.Context(), request(w.opened()).NamespacedName, &o); err != nil {
		t.Fatal(err)
	}
	forged := o.DeepCopy()
	forged.ResourceVersion, forged.UID, forged.Name = "", "uid-forged", "forged"
	forged.Spec.Resolved, forged.Spec.Signature = nil, ""
	if err := w.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.step(w.approvals, "forged")
		w.step(w.notify, "forged")
	}
	a := w.get("forged")
	if a.Resolved != nil || a.Blocked == nil || a.Blocked.Reason != convert.SignatureInvalid || w.Count("patch status") != 1 || w.Count("update") != 0 {
		t.Errorf("resolved %v, blocked %v, %d status writes, %d spec writes", a.Resolved, a.Blocked, w.Count("patch status"), w.Count("update"))
	}
}

// TestOldRecord: a decided Approval whose key has gone stays as it is.
func TestOldRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.vote(name, "alice", approvals.Reject)
	before := w.Writes()
	w.store.Ring = func() keyring.Ring { return nil }
	w.step(w.approvals, name)
	if got := w.approvals.BlockedIn(t.Context(), &v1alpha1.Gate{}); w.Writes() != before || len(got) != 0 {
		t.Errorf("%d writes, woken %v", w.Writes()-before, got)
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.step(w.approvals, "nothing")
	w.step(w.notify, "nothing")
	w.step(w.runs, "nothing")
	w.step(w.gates, "nothing")
	w.step(w.triggers, "nothing")
	if w.Writes() != 0 {
		t.Errorf("%d writes", w.Writes())
	}
	w.Fail(func(string, runtime.Object) error { return errors.New("connection refused") })
	for _, r := range []reconciler{w.approvals, w.notify, w.runs, w.gates, w.triggers} {
		if _, err := r.Reconcile(t.Context(), request("plan-1")); err == nil {
			t.Errorf("%T: no error, so nobody tries again", r)
		}
	}
}
