//go:build e2e

package e2e

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/refusal"
)

// Somebody who may create Approvals makes one with resolved of their own: it can't
// be decided.
func TestForgedApproval(t *testing.T) {
	e, token, _ := gated(t, "")
	a := e.Approval(e.ApprovalOf(e.Part1("part-1", "7")))
	forged := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "deploy-aaaaaaaaaaaa"}, Spec: *a.Spec.DeepCopy()}
	forged.Spec.Resolved.Params[0].Value = "evil"
	// A cluster administrator, even: the policy says who writes Approvals.
	if err := e.Create(t.Context(), forged.DeepCopy()); refusal.Policy(err) != "countersign-approvals" {
		t.Errorf("made by another: %v", err)
	}
	e.Eventually(time.Minute, "the policy's word", func() error {
		decided := e.Approval(a.Name)
		decided.Status.Outcome = "Approved"
		err := e.Status().Update(t.Context(), decided)
		if apierrors.IsConflict(err) { // the service has written to it meanwhile
			return err
		}
		if refusal.Policy(err) != "countersign-approvals" {
			t.Fatalf("decided by another: %v", err)
		}
		return nil
	})
	// Anyone who got around it still has no signature.
	service := e.As("system:serviceaccount:countersign:countersign")
	if err := service.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	e.Condition(forged.Name, v1alpha1.ConditionReady, "SignatureInvalid", "signature")
	if v := e.Vote(forged.Name, token, "approve", ""); v.Status != 403 {
		t.Errorf("vote: %d %s", v.Status, v.Body)
	}

	// Not resolved, so that the service should resolve and sign it.
	bare := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "deploy-bbbbbbbbbbbb"}}
	bare.Spec.Trigger, bare.Spec.Source = a.Spec.Trigger, *a.Spec.Source.DeepCopy()
	bare.Spec.Source.PipelineRun.Params[0].Value = "evil"
	if err := service.Create(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	e.Condition(bare.Name, v1alpha1.ConditionReady, "SignatureInvalid", "signature")
	if v := e.Vote(bare.Name, token, "approve", ""); v.Status != 403 {
		t.Errorf("vote: %d %s", v.Status, v.Body)
	}
	if s := e.Approval(bare.Name).Spec; s.Resolved != nil || s.Signature != "" {
		t.Errorf("the forged source was given resolved: %+v", s.Resolved)
	}
}
