package servicetest

import (
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// polled is a world without a template, whose outcomes are written to a ConfigMap that
// part 1 names.
var polled = strings.NewReplacer(
	"expiresAfter: 1h", "expiresAfter: 1h\n  release: {configMap: {name: \"run.name + '-cm'\", key: status}}",
).Replace(kubetest.Without(kubetest.World, "TriggerTemplate")) + "\n---\nkind: ConfigMap\nmetadata: {name: plan-1-cm}\ndata: {status: init}"

func (w *world) status() string {
	w.t.Helper()
	var cm corev1.ConfigMap
	if err := w.Get(w.t.Context(), request("plan-1-cm").NamespacedName, &cm); err != nil {
		w.t.Fatal(err)
	}
	return cm.Data["status"]
}

func TestConfigMapIsTold(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[approvals.Verdict]string{approvals.Approve: "success", approvals.Reject: "refused", "": "refused"} {
		t.Run(want+string(verdict), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, polled)
			name := w.opened()
			w.step(w.approvals, name)
			if w.status() != "init" {
				t.Fatal("it was written before anybody decided")
			}
			if verdict != "" {
				w.vote(name, "alice", verdict)
				if res := w.step(w.approvals, name); res.RequeueAfter != outcome.LeaderTakeoverDelay {
					t.Errorf("the leader writes before the process that took the vote: %s", res.RequeueAfter)
				}
				w.wait(outcome.LeaderTakeoverDelay)
			} else {
				w.wait(time.Hour)
				w.step(w.approvals, name)
			}
			w.step(w.approvals, name)
			a := w.get(name)
			if w.status() != want || a.Effect == nil || a.Effect.What != "ConfigMap plan-1-cm: status="+want || a.SecondRun != nil || w.confirmed != 1 {
				t.Errorf("status %s, effect %+v, next %+v, confirmed %d", w.status(), a.Effect, a.SecondRun, w.confirmed)
			}
			if got := w.condition(name, v1alpha1.ConditionReleased); got != "True Written ConfigMap plan-1-cm: status="+want {
				t.Error(got)
			}
			before := w.Writes()
			if w.step(w.approvals, name); w.Writes() != before {
				t.Error("a written one is written again")
			}
			if posts, _ := w.listener.Requests(); len(posts) != 0 {
				t.Errorf("%d events were posted", len(posts))
			}
		})
	}
}

// TestTargetIsTriedAgain: what is in the way is on the Approval, and goes away by itself.
func TestTargetIsTriedAgain(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, polled)
	name := w.opened()
	var cm corev1.ConfigMap
	if err := w.Get(t.Context(), request("plan-1-cm").NamespacedName, &cm); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), &cm); err != nil {
		t.Fatal(err)
	}
	w.vote(name, "alice", approvals.Approve)
	w.wait(outcome.LeaderTakeoverDelay)
	res := w.step(w.approvals, name)
	got := w.condition(name, v1alpha1.ConditionReleased)
	if !strings.HasPrefix(got, "False TargetMissing ") || res.RequeueAfter == 0 {
		t.Fatal(got, res)
	}
	said.Check(t, "no ConfigMap", strings.ReplaceAll(got, name, "APPROVAL"))
	before := w.Writes()
	if w.step(w.approvals, name); w.Writes() != before {
		t.Error("the same words are written again")
	}
	cm.ResourceVersion = ""
	if err := w.Create(t.Context(), &cm); err != nil {
		t.Fatal(err)
	}
	w.wait(res.RequeueAfter)
	w.step(w.approvals, name)
	if got := w.condition(name, v1alpha1.ConditionReleased); w.status() != "success" || !strings.HasPrefix(got, "True Written") {
		t.Error(w.status(), got)
	}
}

// TestTargetIsTriedAgainNow: a wish is acted on at once, and once.
func TestTargetIsTriedAgainNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(polled, "data: {status: init}", "data: {other: key}", 1))
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	for range 6 {
		w.wait(2 * time.Minute)
		w.step(w.approvals, name)
	}
	var cm corev1.ConfigMap
	if err := w.Get(t.Context(), request("plan-1-cm").NamespacedName, &cm); err != nil {
		t.Fatal(err)
	}
	w.retry(name)
	if res := w.step(w.approvals, name); res.RequeueAfter != 2*time.Second || w.get(name).Unreleased == nil {
		t.Errorf("not tried at once: the next one comes in %s", res.RequeueAfter)
	}
	cm.Data["status"] = "init"
	if err := w.Update(t.Context(), &cm); err != nil {
		t.Fatal(err)
	}
	if w.step(w.approvals, name); w.status() != "init" {
		t.Error("one wish was acted on twice")
	}
	w.wait(10 * time.Second)
	w.retry(name)
	if w.step(w.approvals, name); w.status() != "success" {
		t.Error("not tried again")
	}
}

// TestReportComesTooLate: what was found out of an attempt does not write over that it
// was cancelled meanwhile.
func TestReportComesTooLate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, strings.Replace(polled, "data: {status: init}", "data: {other: key}", 1))
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	a := w.get(name)
	if _, err := w.store.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{By: "olga", Reason: "no"}, w.now())
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.approvals.Unreleased(t.Context(), a.Key, approvals.Problem{Reason: "TargetMissing", Message: "late"}); err != nil {
		t.Fatal(err)
	}
	got := w.condition(name, v1alpha1.ConditionReleased)
	if !strings.HasPrefix(got, "False Cancelled ") {
		t.Error(got)
	}
	said.Check(t, "cancelled", strings.ReplaceAll(got, name, "APPROVAL"))
}

// TestTargetGivesUp: after a day nobody is surprised any more.
func TestTargetGivesUp(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, strings.Replace(polled, "data: {status: init}", "data: {other: key}", 1))
	name := w.opened()
	w.vote(name, "alice", approvals.Reject)
	w.wait(approvals.ReleaseWithin + time.Second)
	w.step(w.approvals, name)
	got := w.condition(name, v1alpha1.ConditionReleased)
	if !strings.HasPrefix(got, "False ") {
		t.Error(got)
	}
	said.Check(t, "given up", strings.ReplaceAll(got, name, "APPROVAL"))
	if res := w.step(w.approvals, name); res.RequeueAfter != 0 {
		t.Errorf("and goes on: %+v", res)
	}
}

// TestCancelledAfterItWasWritten: a run that was let go just before somebody cancelled is
// on the record all the same.
func TestCancelledAfterItWasWritten(t *testing.T) {
	t.Parallel()
	docs := strings.Replace(polled, "configMap: {name: \"run.name + '-cm'\", key: status}", "pendingRun: {name: held}", 1)
	w := newWorld(t, docs+"\n---\nkind: PipelineRun\nmetadata: {name: held, uid: u1}\nspec: {status: PipelineRunPending, pipelineRef: {name: deploy}}")
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	a := w.get(name)
	if err := w.approvals.Releaser.Release(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{By: "olga", Reason: "no"}, w.now())
	}); err != nil {
		t.Fatal(err)
	}
	w.step(w.approvals, name)
	a = w.get(name)
	if a.SecondRun == nil || a.SecondRun.Name != "held" || a.SecondRun.UID != "u1" || a.Effect == nil {
		t.Errorf("next %+v, effect %+v", a.SecondRun, a.Effect)
	}
	var pr pipelinev1.PipelineRun
	if err := w.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: "held"}, &pr); err != nil || pr.Spec.Status != "" {
		t.Errorf("%v, status %q", err, pr.Spec.Status)
	}
}

// TestPendingRunComesLater: an event may be ahead of its run.
func TestPendingRunComesLater(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, strings.Replace(polled, "configMap: {name: \"run.name + '-cm'\", key: status}", "pendingRun: {name: held}", 1))
	name := w.opened()
	res := w.step(w.approvals, name)
	got := w.condition(name, v1alpha1.ConditionReady)
	if !strings.HasPrefix(got, "False NotResolved ") || res.RequeueAfter != lifecycle.Again {
		t.Fatal(got, res)
	}
	said.Check(t, "no PipelineRun", strings.ReplaceAll(got, name, "APPROVAL"))
	w.wait(time.Minute)
	if res = w.step(w.approvals, name); res.RequeueAfter != 30*time.Second {
		t.Errorf("looks again after %s", res.RequeueAfter)
	}
	for _, o := range kubetest.Objects(t, "kind: PipelineRun\nmetadata: {name: held, uid: u1}\nspec: {status: PipelineRunPending, pipelineRef: {name: deploy}}") {
		if err := w.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	w.step(w.approvals, name)
	if a := w.get(name); a.Resolved == nil || a.Resolved.Target.UID != "u1" {
		t.Errorf("%+v", a.Resolved)
	}
}

// TestResolvedThatTheSchemaRefuses: a condition of the Approval reports what can't be kept.
func TestResolvedThatTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, strings.Replace(polled, "configMap: {name: \"run.name + '-cm'\", key: status}", "pendingRun: {name: held}", 1))
	name := w.opened()
	w.step(w.approvals, name)
	for _, o := range kubetest.Objects(t, "kind: PipelineRun\nmetadata: {name: held, uid: u1}\nspec: {status: PipelineRunPending, pipelineRef: {name: deploy}}") {
		if err := w.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	w.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*v1alpha1.Approval); ok && verb == "update" {
			return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("Approval").GroupKind(), name, nil)
		}
		return nil
	})
	w.step(w.approvals, name)
	got := w.condition(name, v1alpha1.ConditionReady)
	if !strings.HasPrefix(got, "False NotResolved ") {
		t.Error(got)
	}
	said.Check(t, "refused by the API server", strings.ReplaceAll(got, name, "APPROVAL"))
}
