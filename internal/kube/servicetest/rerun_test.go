package servicetest

import (
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/secondrun"
)

// rerunWorld allows two more starts on one decision.
var rerunWorld = strings.Replace(kubetest.World, "  expiresAfter: 1h\n", "  expiresAfter: 1h\n  rerun: {limit: 2}\n", 1)

// secondRuns is a world whose second runs are followed to their ends.
type secondRuns struct {
	*world
	second *secondrun.Runs
	name   string // of the Approval
	ends   []approvals.RunOutcome
}

// newSecondRuns has an approved Approval whose run was seen.
func newSecondRuns(t *testing.T, docs string) *secondRuns {
	t.Helper()
	w := &secondRuns{world: newWorld(t, docs)}
	w.second = &secondrun.Runs{
		Client: w.Cluster, Live: w.Cluster, Store: w.store, Now: w.now, Log: Quiet,
		Ended: func(a approvals.Approval) { w.ends = append(w.ends, a.RunEnd.Outcome) },
	}
	w.listener.Serve(t)
	w.name = w.opened()
	w.world.vote(w.name, "alice", approvals.Approve)
	w.wait(outcome.LeaderTakeoverDelay)
	w.release()
	return w
}

// release has the leader post and see the run.
func (w *secondRuns) release() {
	w.t.Helper()
	for range 3 {
		w.step(w.approvals, w.name)
		w.wait(time.Second)
	}
	if a := w.get(w.name); a.SecondRun == nil {
		w.t.Fatalf("no run was seen; refused: %v\n%s", w.listener.Refusals(), w.log.String())
	}
}

// fail has the run that was started end, and that be seen.
func (w *secondRuns) fail() {
	w.t.Helper()
	pr := w.run(w.get(w.name).SecondRun.Name)
	now := metav1.NewTime(w.now())
	pr.Status.CompletionTime = &now
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionFalse, Reason: "Failed", Message: "Tasks Completed: 1 (Failed: 1)"})
	if err := w.WithWatch.Update(w.t.Context(), pr); err != nil {
		w.t.Fatal(err)
	}
	w.step(w.second, w.name)
	if a := w.get(w.name); a.RunEnd == nil || a.RunEnd.Outcome != approvals.RunFailed {
		w.t.Fatalf("the end is %+v, want that it failed", a.RunEnd)
	}
}

func (w *secondRuns) run(name string) *pipelinev1.PipelineRun {
	w.t.Helper()
	pr := &pipelinev1.PipelineRun{}
	if err := w.WithWatch.Get(w.t.Context(), types.NamespacedName{Namespace: "prod", Name: name}, pr); err != nil {
		w.t.Fatal(err)
	}
	return pr
}

func (w *secondRuns) rerun() (approvals.Approval, error) {
	w.t.Helper()
	a, _, err := w.desk.Rerun(w.t.Context(), approvals.Key{Namespace: "prod", Name: w.name}, approvals.Identity{Name: "olga", AuthMethod: approvals.AuthToken, CredentialID: "token"}, "the registry is back")
	return a, err
}

// started are the runs of "apply" that there are.
func (w *secondRuns) started() map[string]bool {
	w.t.Helper()
	var list pipelinev1.PipelineRunList
	if err := w.List(w.t.Context(), &list, client.InNamespace("prod")); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]bool{}
	for i := range list.Items {
		if list.Items[i].Name != "plan-1" {
			out[list.Items[i].Name] = true
		}
	}
	return out
}

// TestRunsAgain: each attempt starts one run, of a name of its own, on the same decision; a
// process that lost its memory, or that is asked again and again, starts no other.
func TestRunsAgain(t *testing.T) {
	t.Parallel()
	w := newSecondRuns(t, rerunWorld)
	before := w.get(w.name)
	w.fail()
	a, err := w.rerun()
	if err != nil {
		t.Fatal(err)
	}
	if a.RunName == "" || string(a.RunName) == before.SecondRun.Name {
		t.Errorf("the second attempt's run is %s, and the first's was %s", string(a.RunName), before.SecondRun.Name)
	}
	if got := w.condition(w.name, v1alpha1.ConditionReleased); got != "" {
		t.Errorf("released: %s, while it is being started again", got)
	}
	w.release()
	if _, err := w.rerun(); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("while the second run goes on: %v, want a conflict", err)
	}
	// Another process leads, which knows nothing of what was posted and seen.
	w.approvals.Releaser.Attempts.Forget(before.UID)
	w.proofs.Forget(before.Key)
	for range 3 {
		w.step(w.approvals, w.name)
		w.wait(time.Minute)
	}
	after := w.get(w.name)
	if got := w.started(); len(got) != 2 || !got[before.SecondRun.Name] || !got[after.SecondRun.Name] {
		t.Errorf("there are runs %v, want %s and %s", got, before.SecondRun.Name, after.SecondRun.Name)
	}
	if after.SecondRun.Name != string(a.RunName) || after.Attempt() != 1 || after.Reruns[0].Run.UID != before.SecondRun.UID || after.Reruns[0].By != "olga" {
		t.Errorf("next is %s, and before it was %+v", after.SecondRun.Name, after.Reruns)
	}
	if after.Outcome != before.Outcome || !after.DecidedAt.Equal(before.DecidedAt) || after.Resolved.Digest != before.Resolved.Digest {
		t.Error("the decision is not what it was")
	}
	if posts, _ := w.listener.Requests(); len(posts) != 2 {
		t.Errorf("%d posts, want one for each attempt", len(posts))
	}
	w.fail()
	if _, err := w.rerun(); err != nil {
		t.Fatal(err)
	}
	w.release()
	w.fail()
	if _, err := w.rerun(); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("beyond the Gate's limit: %v, want a conflict", err)
	}
	if len(w.started()) != 3 || len(w.ends) != 3 {
		t.Errorf("%d runs and %d ends, want 3", len(w.started()), len(w.ends))
	}
}

// TestRunsAgainUnchanged: what was changed since the decision is not started, neither by who
// posts nor by the interceptor.
func TestRunsAgainUnchanged(t *testing.T) {
	t.Parallel()
	w := newSecondRuns(t, rerunWorld)
	w.fail()
	template := kubetest.Objects(t, kubetest.Only(kubetest.World, "TriggerTemplate"))[0]
	if err := w.WithWatch.Delete(t.Context(), template); err != nil {
		t.Fatal(err)
	}
	changed := kubetest.Objects(t, strings.Replace(kubetest.Only(kubetest.World, "TriggerTemplate"), "{pipelineRef: {name: apply}", "{pipelineRef: {name: destroy}", 1))[0]
	if err := w.WithWatch.Create(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rerun(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.step(w.approvals, w.name)
		w.wait(time.Minute)
	}
	if got := w.condition(w.name, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False ContentChanged") {
		t.Errorf("released: %s, want ContentChanged", got)
	}
	if got := w.started(); len(got) != 1 {
		t.Errorf("there are runs %v, want the first alone", got)
	}
	if err := approvals.CheckAgain(w.get(w.name)); err != nil {
		t.Errorf("people can't be asked again: %v", err)
	}
}

// TestStaleCacheStartsNothingAgain: who still sees the first attempt in the cache records no run
// of it for the second.
func TestStaleCacheStartsNothingAgain(t *testing.T) {
	t.Parallel()
	w := newSecondRuns(t, rerunWorld)
	first := w.get(w.name).SecondRun.Name
	w.fail()
	a, err := w.rerun()
	if err != nil {
		t.Fatal(err)
	}
	// The first run is there under its own name, and the second is awaited.
	w.listener.Idle(true)
	for range 2 {
		w.step(w.approvals, w.name)
		w.wait(time.Minute)
	}
	if got := w.get(w.name); got.SecondRun != nil {
		t.Errorf("the run of the second attempt is %s, and nothing was started", got.SecondRun.Name)
	}
	w.listener.Idle(false)
	w.wait(10 * time.Minute)
	w.release()
	if got := w.get(w.name).SecondRun.Name; got == first || got != string(a.RunName) {
		t.Errorf("the run is %s, want %s", got, string(a.RunName))
	}
}

// TestOperatedByVote: what operators want comes as Vote objects too, each once.
func TestOperatedByVote(t *testing.T) {
	t.Parallel()
	w := newSecondRuns(t, rerunWorld)
	w.fail()
	w.guard()
	vote := func(name, voter, verdict, comment string) string {
		t.Helper()
		w.put(name, v1alpha1.VoteSpec{Approval: w.name, Voter: voter, Verdict: verdict, Comment: comment})
		w.step(w.votes, name)
		return w.state(name)
	}
	if got := vote("stranger", "mallory", v1alpha1.VerdictRerun, "x"); !strings.HasPrefix(got, "Refused ") {
		t.Errorf("a stranger: %s", got)
	}
	if got := vote("again", "olga", v1alpha1.VerdictRerun, "the registry is back"); got != "Recorded the run is being started again, on the same decision" {
		t.Errorf("rerun: %s", got)
	}
	if got := vote("retry", "olga", v1alpha1.VerdictRetry, ""); got != "Recorded retrying now" {
		t.Errorf("retry: %s", got)
	}
	if got := vote("cancel", "olga", v1alpha1.VerdictCancel, "no more"); got != "Recorded cancelled; the decision stands, and no run will be started" {
		t.Errorf("cancel: %s", got)
	}
	if got := vote("cancel-2", "olga", v1alpha1.VerdictCancel, "no more"); got != "Recorded somebody already did that; nothing was changed" {
		t.Errorf("cancel again: %s", got)
	}
	if a := w.get(w.name); a.Attempt() != 1 || a.Reruns[0].Reason != "the registry is back" || a.Cancellation == nil || a.Cancellation.By != "olga" {
		t.Errorf("reruns %+v, cancellation %+v", a.Reruns, a.Cancellation)
	}
}
