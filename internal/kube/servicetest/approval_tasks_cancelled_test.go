package servicetest

import (
	"errors"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

func TestTaskCancelled(t *testing.T) {
	t.Parallel()
	cancel := func(cr *pipelinev1beta1.CustomRun) {
		cr.Spec.Status, cr.Spec.StatusMessage = pipelinev1beta1.CustomRunSpecStatusCancelled, pipelinev1beta1.CustomRunCancelledByPipelineMsg
	}
	const want = "False CustomRunCancelled Approval task was cancelled"
	t.Run("while it waits", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) {
			t.Errorf("got %s", got)
		}
		if a := x.only(); a.Outcome != approvals.Cancelled || a.Cancellation == nil {
			t.Errorf("%s, %+v", a.Outcome, a.Cancellation)
		}
	})
	t.Run("before it is picked up", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) || len(x.all()) != 0 {
			t.Errorf("got %s and %d approvals", got, len(x.all()))
		}
	})
	t.Run("after the vote, before the answer", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		x.vote(x.only().Name, "alice", approvals.Approve)
		x.change(cancel)
		if got := ending(x.settle()); !strings.HasPrefix(got, want) {
			t.Errorf("got %s", got)
		}
		if a := x.only(); a.Outcome != approvals.Approved || a.Cancellation == nil {
			t.Errorf("%s, %+v: what people said stands, and was not acted on", a.Outcome, a.Cancellation)
		}
	})
}

// TestTaskGone: nobody is asked for a task or a run that is not there any more.
func TestTaskGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*tasking)
		want string
	}{
		"deleted": {func(x *tasking) { x.must(x.Delete(x.t.Context(), x.run())) }, "the task was deleted"},
		"made anew": {func(x *tasking) {
			cr := x.run()
			x.must(x.Delete(x.t.Context(), cr))
			cr.UID, cr.ResourceVersion, cr.Status = "custom-2", "", pipelinev1beta1.CustomRunStatus{}
			x.must(x.Create(x.t.Context(), cr))
		}, "the task was deleted"},
		"its run deleted": {func(x *tasking) {
			pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "deploy-1"}}
			x.must(x.Delete(x.t.Context(), pr))
		}, "its run was deleted"},
		"ended by others": {func(x *tasking) {
			cr := x.run()
			cr.Status.MarkCustomRunSucceeded("Hand", "by hand")
			x.must(x.WithWatch.Status().Update(x.t.Context(), cr))
		}, "the task ended without this decision"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTasking(t, "automatiko")
			x.settle()
			was := x.only().Name
			c.do(x)
			for range 2 {
				x.step(x.abandoned, was)
			}
			a := x.get(was)
			if a.Outcome != approvals.Cancelled || a.Cancellation == nil || a.Cancellation.Reason != c.want {
				t.Errorf("%s, %+v; want Cancelled because %s", a.Outcome, a.Cancellation, c.want)
			}
		})
	}
	t.Run("its run deleted, and it is still there", func(t *testing.T) {
		t.Parallel()
		x := newTasking(t, "automatiko")
		x.settle()
		pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "deploy-1", UID: "run-2"}}
		if got := x.abandoned.WaitingIn(t.Context(), pr); len(got) != 1 || got[0].Name != x.only().Name {
			t.Errorf("its run wakes %v", got)
		}
		x.must(x.Delete(t.Context(), pr))
		if got := ending(x.settle()); !strings.HasPrefix(got, "False CustomRunCancelled") {
			t.Errorf("got %s", got)
		}
		if got := x.abandoned.WaitingIn(t.Context(), pr); len(got) != 0 {
			t.Errorf("what was answered is woken: %v", got)
		}
	})
}

// TestNamespaceIsGoing: the Approvals of a namespace that is being deleted may go before
// its tasks do. That is no mistake of anyone who wrote the task.
func TestNamespaceIsGoing(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*v1alpha1.Approval); !ok || verb != "create" {
			return nil
		}
		err := apierrors.NewForbidden(schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}, "a", errors.New("the namespace is being terminated"))
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
		return err
	})
	if got := ending(x.settle()); strings.Contains(got, "Refused") {
		t.Errorf("got %s", got)
	}
	if e := x.event(); e != "" {
		t.Errorf("event %q", e)
	}
}
