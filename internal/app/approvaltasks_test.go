package app

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestPolicyToCome: without their policy ApprovalTasks are ours only if their definition
// is. Applied in one go, the service may be there before the policy.
func TestPolicyToCome(t *testing.T) {
	t.Parallel()
	missing := approvals.Errorf(approvals.CodeNotFound, "no policy")
	kind, _ := tasks.Find(tasks.ManualApprovalGate)
	for manager, want := range map[string]error{approvaltask.Manager: nil, "olm": missing, "": missing} {
		cluster := kubetest.New(t)
		if manager != "" {
			crd := kubetest.Untyped("apiextensions.k8s.io/v1", "CustomResourceDefinition")
			crd.SetName(kind.CRD)
			crd.SetLabels(map[string]string{approvaltask.ManagedBy: manager})
			if err := cluster.Create(t.Context(), crd); err != nil {
				t.Fatal(err)
			}
		}
		c := &core{direct: cluster}
		c.Now = time.Now
		if got := c.ours(t.Context(), missing); got != want { //nolint:errorlint // the very same
			t.Errorf("managed by %q: %v, want %v", manager, got, want)
		}
	}
}
