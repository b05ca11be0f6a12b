package servicetest

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/approvaltask"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

func (x *tasking) object(name string) *unstructured.Unstructured {
	x.t.Helper()
	o := kubetest.Untyped(x.kind.APIVersion, x.kind.Kind)
	if err := x.Get(x.t.Context(), types.NamespacedName{Namespace: "prod", Name: name}, o); err != nil {
		return nil
	}
	return o
}

// TestMirrors: each kind's own object says what the Approval says.
func TestMirrors(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	x.settle()
	say := func(o *unstructured.Unstructured, fields ...string) string {
		s, _, _ := unstructured.NestedString(o.Object, fields...)
		return s
	}
	o := x.object(customRun)
	if o == nil {
		t.Fatalf("no ApprovalTask; %s", x.log.String())
	}
	if l := o.GetLabels(); l["decision"] != "pending" || l["responses"] != "0_of_1" || l[approvaltask.ManagedBy] != approvaltask.Manager {
		t.Errorf("labels %v", l)
	}
	if len(o.GetOwnerReferences()) != 1 || o.GetOwnerReferences()[0].UID != "custom-1" {
		t.Errorf("owners %v: it must go with its CustomRun", o.GetOwnerReferences())
	}
	if u, want := say(o, "status", "approvalUrl"), "https://approve.example.com/approvals/prod/"+x.only().Name; u != want || say(o, "status", "status") != "pending" {
		t.Errorf("approvalUrl %q, status %q", u, say(o, "status", "status"))
	}
	if say(o, "spec", "pipeline") != customRun || say(o, "spec", "strategy") != "SINGLE" || say(o, "spec", "description") != "Deploy 1.2 to production" {
		t.Errorf("spec %v", o.Object["spec"])
	}
	x.vote(x.only().Name, "bob", approvals.Reject)
	x.settle()
	o = x.object(customRun)
	if l := o.GetLabels(); l["decision"] != "rejected" || l["responses"] != "1_of_1" {
		t.Errorf("labels %v", l)
	}
	if say(o, "status", "approvalUrl") != "" || say(o, "status", "status") != "completed" || say(o, "status", "results", "rejectedBy") != "bob" || say(o, "status", "results", "decision") != "false" {
		t.Errorf("status %v", o.Object["status"])
	}

	x = newTasking(t, "kuberocketci")
	g := &v1alpha1.Gate{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "kuberocketci"}}
	g.Spec.Approvers = &v1alpha1.Approvers{Users: []v1alpha1.User{{Name: "carol"}}}
	x.must(x.Create(t.Context(), g))
	x.settle()
	name := customRun + "-approval"
	if o = x.object(name); o == nil || say(o, "spec", "action") != "Pending" || o.GetLabels()["tekton.dev/pipelineTask"] != "approval" {
		t.Fatalf("%v", o)
	}
	if woken := approvaltask.ShownBy(t.Context(), o); len(woken) != 1 || woken[0].Name != customRun {
		t.Errorf("an edit of it wakes %v", woken)
	}
	theirs := o.DeepCopy()
	theirs.SetLabels(nil)
	if woken := approvaltask.ShownBy(t.Context(), theirs); len(woken) != 0 {
		t.Errorf("an edit of somebody else's wakes %v", woken)
	}
	// Anyone who writes it decides nothing.
	x.must(unstructured.SetNestedField(o.Object, "Approved", "spec", "action"))
	x.must(x.WithWatch.Update(t.Context(), o))
	if cr := x.settle(); cr.IsDone() || say(x.object(name), "spec", "action") != "Pending" {
		t.Errorf("%s, and the object says %s", ending(cr), say(x.object(name), "spec", "action"))
	}
	x.vote(x.only().Name, "carol", approvals.Reject)
	if got := ending(x.settle()); got != "False Rejected Pipeline run was rejected | approved=false approvedBy=carol comment=ok" {
		t.Errorf("got %s", got)
	}
	if o = x.object(name); say(o, "spec", "action") != "Rejected" || say(o, "spec", "approve", "approvedBy") != "carol" {
		t.Errorf("spec %v", o.Object["spec"])
	}
}
