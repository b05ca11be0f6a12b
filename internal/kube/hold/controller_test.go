package hold

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// TestAfterDelete: an Approval whose message told people to delete it leads to its run again, and no other.
func TestAfterDelete(t *testing.T) {
	t.Parallel()
	of := func(status metav1.ConditionStatus, reason string) *v1alpha1.Approval {
		a := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "deploy-x"}}
		a.Spec.Source.PipelineRun = &v1alpha1.PipelineRunSource{Name: "build-1"}
		a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason}}
		return a
	}
	for name, c := range map[string]struct {
		a    *v1alpha1.Approval
		want bool
	}{
		"the signature does not verify": {of(metav1.ConditionFalse, convert.SignatureInvalid), true},
		"it can't be resolved":          {of(metav1.ConditionFalse, "NotResolved"), false},
		"it is in order":                {of(metav1.ConditionTrue, "Resolved"), false},
	} {
		if got := toDelete(c.a); got != c.want {
			t.Errorf("%s: toDelete is %t", name, got)
		}
	}

	a := of(metav1.ConditionFalse, convert.SignatureInvalid)
	if got := runOf(t.Context(), a); len(got) != 1 || got[0] != kubeutil.RequestFor("shop", "build-1") {
		t.Errorf("it leads to %v", got)
	}
	a.Spec.Source.PipelineRun.Namespace = "shop"
	if got := runOf(t.Context(), a); len(got) != 1 || got[0] != kubeutil.RequestFor("shop", "build-1") {
		t.Errorf("with its own namespace it leads to %v", got)
	}
	a.Spec.Source.PipelineRun.Namespace = "builds" // nobody knows who wrote this
	if got := runOf(t.Context(), a); len(got) != 0 {
		t.Errorf("a run of another namespace leads to %v", got)
	}
	a.Spec.Source = v1alpha1.Source{Event: &v1alpha1.EventSource{ID: "e"}}
	if got := runOf(t.Context(), a); len(got) != 0 {
		t.Errorf("a held event leads to %v", got)
	}
}
