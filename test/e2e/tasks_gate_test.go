//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/refusal"
)

// answers patches the ApprovalTask of manual-approval-gate, as who: the user's own
// entry, or their place among a group's members.
func (r run) answers(who, group string, input openshiftv1.Input, message string) error {
	r.t.Helper()
	as := r.As(who, groupsOf[who]...)
	var o openshiftv1.ApprovalTask
	if err := as.Get(r.t.Context(), r.child(), &o); err != nil {
		return err
	}
	before := o.DeepCopy()
	for i := range o.Spec.Approvers {
		switch x := &o.Spec.Approvers[i]; {
		case group == "" && x.Name == who:
			x.Input, x.Message = input, message
		case group != "" && x.Name == group:
			x.Input = input
			x.Users = append(x.Users, openshiftv1.Member{Name: who, Input: input, Message: message})
		}
	}
	return as.Patch(r.t.Context(), &o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// answer is one that is taken, when RBAC has heard of who.
func (r run) answer(who, group string, input openshiftv1.Input, message string) {
	r.t.Helper()
	r.Eventually(time.Minute, who+"'s answer", func() error { return r.answers(who, group, input, message) })
}

// refused holds who to an answer that is not taken, and to the word of why. A conflict is
// no such word: the service has written to the ApprovalTask meanwhile.
func (r run) refused(who, group string) {
	r.t.Helper()
	r.Eventually(time.Minute, "why "+who+"'s answer is refused", func() error {
		err := r.answers(who, group, openshiftv1.InputApprove, "")
		if apierrors.IsConflict(err) {
			return err
		}
		if refusal.Policy(err) != "countersign-approvaltasks" {
			r.t.Fatalf("%s answers: %v, want a refusal by the policy", who, err)
		}
		return nil
	})
}

func (r run) state(want openshiftv1.State) *openshiftv1.ApprovalTask {
	r.t.Helper()
	var o openshiftv1.ApprovalTask
	r.Eventually(time.Minute, "state "+string(want), func() error {
		if err := r.Get(r.t.Context(), r.child(), &o); err != nil {
			return err
		}
		if o.Status.State != want {
			return fmt.Errorf("%+v", o.Status)
		}
		return nil
	})
	return &o
}

// The pipeline of examples/approvaltask/manual-approval-gate.yaml, answered by patches
// of its ApprovalTask: it takes a user and a member of a group, and a rejection fails
// the run.
func TestGateExample(t *testing.T) {
	t.Parallel()
	e := example(t, "manual-approval-gate.yaml")
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		r := start(t, e, "approve-gate", "approved", "wait")
		r.asked(0)
		r.answer("alice", "", openshiftv1.InputApprove, "mine")
		r.Eventually(time.Minute, "alice's answer to count", func() error {
			if o := r.state(openshiftv1.StatePending); o.Status.ApprovalsReceived != 1 || o.Status.ApprovalsRequired != 2 {
				return fmt.Errorf("%+v", o.Status)
			}
			return nil
		})
		// Who is nobody's approver changes nothing, whatever RBAC lets them patch.
		r.refused("dave", "operations")
		r.answer("bob", "operations", openshiftv1.InputApprove, "ours")
		r.ends(corev1.ConditionTrue, "Succeeded")
		r.state(openshiftv1.StateApproved)
		r.results(map[string]string{"decision": "true", "comment": "mine|ours", "approvedBy": "alice|bob", "rejectedBy": ""})
		if got := r.log("deploy"); got != "deploying, approved by alice|bob" {
			t.Errorf("printed %q", got)
		}
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		r := start(t, e, "approve-gate", "rejected", "wait")
		r.asked(0)
		r.answer("bob", "operations", openshiftv1.InputReject, "no")
		r.ends(corev1.ConditionFalse, "Failed")
		r.state(openshiftv1.StateRejected)
		r.answered(corev1.ConditionFalse, "Failed")
		r.results(map[string]string{"decision": "false", "comment": "no", "approvedBy": "", "rejectedBy": "bob"})
		if ran := r.ran(); len(ran) != 0 {
			t.Errorf("%v ran", ran)
		}
		r.refused("alice", "")
	})
}

func TestGateExampleTimesOut(t *testing.T) {
	t.Parallel()
	e := example(t, "manual-approval-gate.yaml", "timeout: 2h", "timeout: 45s") // long enough for her on a busy machine
	r := start(t, e, "approve-gate", "late", "wait")
	a := r.asked(0)
	r.answer("alice", "", openshiftv1.InputApprove, "one of two")
	r.ends(corev1.ConditionFalse, "Failed")
	r.answered(corev1.ConditionFalse, "CustomRunTimedOut")
	if o := r.state(openshiftv1.StateRejected); o.Status.Outcome != "Expired" {
		t.Errorf("outcome %q", o.Status.Outcome)
	}
	r.outcome(a.Name, "Expired")
	if ran := r.ran(); len(ran) != 0 {
		t.Errorf("%v ran", ran)
	}
}

// The pipeline of examples/approvaltask/kuberocketci.yaml: the Gate of that name
// decides, and a rejection fails the run.
func TestKubeRocketCIExample(t *testing.T) {
	t.Parallel()
	e := example(t, "kuberocketci.yaml")
	action := func(r run, want string) {
		r.t.Helper()
		r.Eventually(time.Minute, "action "+want, func() error {
			if spec, _ := r.object(tasks.KubeRocketCI).Object["spec"].(map[string]any); spec["action"] != want {
				return fmt.Errorf("%v", spec)
			}
			return nil
		})
	}
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		r := start(t, e, "approve-kuberocketci", "approved", "approve")
		a := r.asked(0)
		action(r, "Pending")
		if v := r.vote(a.Name, "carol", "approve", ""); v.State != "Refused" {
			t.Errorf("somebody of another group: %+v", v)
		}
		r.says(a.Name, "bob", "approve", "go")
		r.ends(corev1.ConditionTrue, "Succeeded")
		action(r, "Approved")
		r.results(map[string]string{"approved": "true", "approvedBy": "bob", "comment": "go"})
		if got := r.log("deploy"); got != "deploying, approved by bob" {
			t.Errorf("printed %q", got)
		}
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		r := start(t, e, "approve-kuberocketci", "rejected", "approve")
		r.says(r.asked(0).Name, "alice", "reject", "no")
		r.ends(corev1.ConditionFalse, "Failed")
		r.answered(corev1.ConditionFalse, "Rejected")
		action(r, "Rejected")
		r.results(map[string]string{"approved": "false", "approvedBy": "alice", "comment": "no"})
		if ran := r.ran(); len(ran) != 0 {
			t.Errorf("%v ran", ran)
		}
	})
}
