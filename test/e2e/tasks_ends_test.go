//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// ofEachKind runs test for each kind of approval task, all beside each other.
func ofEachKind(t *testing.T, test func(t *testing.T, e *cluster.Env, kind string)) {
	t.Helper()
	e := inhabited(t)
	e.Apply(alices)
	for _, m := range tasks.All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e.For(t), m.Name)
		})
	}
}

// becomes sets the run's spec.status.
func (r run) becomes(status string) {
	r.t.Helper()
	patch, err := json.Marshal(map[string]any{"spec": map[string]string{"status": status}})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.Patch(r.t.Context(), r.pipelineRun(), client.RawPatch(types.MergePatchType, patch)); err != nil {
		r.t.Fatal(err)
	}
}

// A run that is cancelled while it waits: the task knows why it ended, what was to
// come after it does not come, and finally does.
func TestWaitingRunIsCancelled(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, e *cluster.Env, kind string) {
		r := startWith(t, e, "run-"+kind, "wait", waitsOnly(kind, `
    - name: after
      runAfter: [wait]
      taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", script: "echo after"}]}
    finally:
    - name: always
      params: [{name: how, value: $(tasks.wait.status)}]
      taskSpec:
        params: [{name: how}]
        steps: [{name: s, image: "cluster.local/busybox:1", env: [{name: HOW, value: $(params.how)}], script: 'echo "it ended: $HOW"'}]`))
		a := r.asked(0)
		r.becomes("CancelledRunFinally")
		r.answered(corev1.ConditionFalse, "CustomRunCancelled")
		r.ends(corev1.ConditionFalse, "Cancelled")
		if ended := r.outcome(a.Name, "Cancelled"); ended.Status.Cancellation == nil || ended.Status.Cancellation.Reason == "" {
			t.Errorf("why: %+v", ended.Status.Cancellation)
		}
		if got := r.log("always"); got != "it ended: Failed" {
			t.Errorf("finally printed %q", got)
		}
		if ran := r.ran(); ran["after"] {
			t.Error("what comes after it ran")
		}
		if v := r.vote(a.Name, "alice", "approve", ""); v.State != "Refused" {
			t.Errorf("a vote after the end: %+v", v)
		}
	})
}

// The whole run's time is up before the task's.
func TestWaitingRunTimesOut(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, e *cluster.Env, kind string) {
		r := startWith(t, e, "run-"+kind, "wait", "  timeouts: {pipeline: 30s}\n"+waitsOnly(kind, ""))
		a := r.asked(0)
		r.ends(corev1.ConditionFalse, "PipelineRunTimeout")
		r.answered(corev1.ConditionFalse, "CustomRunCancelled")
		r.outcome(a.Name, "Cancelled")
	})
}

// A rejection is final, whatever `retries` says; what nobody answered in time asks again.
func TestTaskIsRetried(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	for how, reject := range map[string]func(r run, approval string){
		"tkn-approvaltask": func(r run, _ string) { r.answer("alice", "", openshiftv1.InputReject, "never") },
		"a Vote":           func(r run, approval string) { r.says(approval, "alice", "reject", "never") },
	} {
		t.Run("not after a rejection by "+how, func(t *testing.T) {
			t.Parallel()
			r := startWith(t, e, strings.ToLower(strings.ReplaceAll(how, " ", "-")), "wait", waitsOnly(tasks.ManualApprovalGate, "\n      retries: 2"))
			first := r.asked(0)
			reject(r, first.Name)
			r.ends(corev1.ConditionFalse, "Failed")
			if cr := r.answered(corev1.ConditionFalse, "Failed"); len(cr.Status.RetriesStatus) != 0 {
				t.Errorf("%d attempts are noted", len(cr.Status.RetriesStatus))
			}
			r.outcome(first.Name, "Rejected")
			for _, a := range r.Approvals() {
				if s := a.Spec.Source.CustomRun; s != nil && s.Name == r.child().Name && a.Name != first.Name {
					t.Errorf("it was asked again: %s", a.Name)
				}
			}
		})
	}
	t.Run("after its time was up", func(t *testing.T) {
		t.Parallel()
		r := startWith(t, e, "late", "wait", waitsOnly(tasks.Automatiko, "\n      timeout: 45s\n      retries: 1"))
		first := r.asked(0)
		second := r.asked(1)
		r.outcome(first.Name, "Expired")
		r.says(second.Name, "alice", "approve", "at last")
		r.ends(corev1.ConditionTrue, "Succeeded")
		r.results(map[string]string{"decision": "true", "comment": "at last", "approvedBy": "alice", "rejectedBy": ""})
	})
}

// A run that is deleted while it waits takes its task and the task's object with it.
// The Approval stays, and can't be decided any more.
func TestWaitingRunIsDeleted(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, e *cluster.Env, kind string) {
		r := startWith(t, e, "run-"+kind, "wait", waitsOnly(kind, ""))
		a := r.asked(0)
		object := r.object(kind)
		if err := r.Delete(t.Context(), r.pipelineRun()); err != nil {
			t.Fatal(err)
		}
		ended := r.outcome(a.Name, "Cancelled")
		if ended.Status.Cancellation == nil || !strings.Contains(ended.Status.Cancellation.Reason, "deleted") {
			t.Errorf("why: %+v", ended.Status.Cancellation)
		}
		if v := r.vote(a.Name, "alice", "approve", ""); v.State != "Refused" {
			t.Errorf("a vote after the end: %+v", v)
		}
		r.Eventually(2*time.Minute, "the end of "+object.GetName(), func() error {
			if err := r.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
				return cmp.Or(err, errors.New("it is still there"))
			}
			return nil
		})
	})
}
