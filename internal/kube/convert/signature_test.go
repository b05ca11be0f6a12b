package convert_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// TestToDomain: without the keys, the service's word that an object is not genuine
// is taken: nobody is shown resolved that nobody vouches for.
func TestToDomain(t *testing.T) {
	t.Parallel()
	o := &v1alpha1.Approval{Spec: v1alpha1.ApprovalSpec{Resolved: &v1alpha1.ResolvedSpec{Gate: "g"}}}
	if a := convert.Unverified(o); a.Resolved == nil || a.Blocked != nil {
		t.Errorf("%+v", a)
	}
	o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: convert.SignatureInvalid, Message: "delete it"}}
	if a := convert.Unverified(o); a.Resolved != nil || a.Blocked == nil || a.Blocked.Message != "delete it" {
		t.Errorf("%+v", a)
	}
}
