package identity_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// TestDelegates: in its namespace, in its time, for its Gates, and only for its
// delegate.
func TestDelegates(t *testing.T) {
	t.Parallel()
	hour := func(n int) *metav1.Time {
		at := metav1.NewTime(ct.T0.Add(time.Duration(n) * time.Hour))
		return &at
	}
	var objs []client.Object
	for name, spec := range map[string]v1alpha1.DelegationSpec{
		"now":       {From: "alice", To: "dan", Until: *hour(1)},
		"twice":     {From: "alice", To: "dan", Until: *hour(2)},
		"gate":      {From: "bob", To: "dan", Until: *hour(1), Gates: []string{"production"}},
		"other":     {From: "carl", To: "dan", Until: *hour(1), Gates: []string{"staging"}},
		"over":      {From: "erin", To: "dan", Since: hour(-2), Until: *hour(0)},
		"later":     {From: "fred", To: "dan", Since: hour(1), Until: *hour(2)},
		"to others": {From: "gina", To: "Dan", Until: *hour(1)},
	} {
		objs = append(objs, &v1alpha1.Delegation{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: name, CreationTimestamp: *hour(0)}, Spec: spec})
	}
	bare := servicetest.NewCluster(t, objs...)
	guarded := servicetest.NewCluster(t, append(objs,
		&v1alpha1.Delegation{
			ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "unproved", CreationTimestamp: *hour(-3)},
			Spec:       v1alpha1.DelegationSpec{From: "root", To: "dan", Until: *hour(1)},
		},
		&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: identity.GuardOfDelegations, CreationTimestamp: *hour(-2)}},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: identity.GuardOfDelegations, CreationTimestamp: *hour(-2)},
			Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: identity.GuardOfDelegations, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
		})...)
	if got, err := (&identity.Delegates{Client: bare, Guards: &identity.Guards{Live: bare, Now: servicetest.At(ct.T0)}}).Of(t.Context(), "dan", "prod", "production", ct.T0); err == nil || len(got) != 0 {
		t.Errorf("nothing proves who made them: %v, %v", got, err)
	}
	d := &identity.Delegates{Client: guarded, Guards: &identity.Guards{Live: guarded, Now: servicetest.At(ct.T0)}}
	for _, c := range []struct {
		name, namespace, gate string
		want                  []string
	}{
		{"dan", "prod", "production", []string{"alice", "bob"}},
		{"dan", "prod", "staging", []string{"alice", "carl"}},
		{"dan", "dev", "production", nil},
		{"alice", "prod", "production", nil},
	} {
		got, err := d.Of(t.Context(), c.name, c.namespace, c.gate, ct.T0)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s, %s/%s: %v, %v; want %v", c.name, c.namespace, c.gate, got, err, c.want)
		}
	}
}

// TestManyDelegations: those that were made first count, however many came after them; what
// has ended takes nobody's place.
func TestManyDelegations(t *testing.T) {
	t.Parallel()
	var list v1alpha1.DelegationList
	add := func(name, from string, made, until time.Duration) {
		o := v1alpha1.Delegation{Spec: v1alpha1.DelegationSpec{From: from, To: "dan", Until: metav1.NewTime(ct.T0.Add(until))}}
		o.Namespace, o.Name, o.CreationTimestamp = "prod", name, metav1.NewTime(ct.T0.Add(made))
		list.Items = append(list.Items, o)
	}
	for i := range 10 {
		add(fmt.Sprint("z-mallory-", i), fmt.Sprint("mallory-", i), -time.Minute, time.Hour)
		add(fmt.Sprint("ended-", i), fmt.Sprint("erin-", i), -2*time.Hour, -time.Hour)
	}
	add("a", "alice", -time.Hour, time.Hour)
	var told []string
	d := &identity.Delegates{
		Quota: func(context.Context, string) (approvals.Quota, error) { return approvals.Quota{Delegations: 3}, nil },
		Over: func(o *v1alpha1.Delegation, err error) {
			if approvals.CodeOf(err) != approvals.CodeLimited {
				t.Errorf("%v", err)
			}
			told = append(told, o.Name)
		},
	}
	if err := d.Bound(t.Context(), "prod", &list, ct.T0); err != nil {
		t.Fatal(err)
	}
	if got := identity.DelegateOf(&list, "dan", "production", ct.T0); !slices.Equal(got, []string{"alice", "mallory-0", "mallory-1"}) || len(told) != 8 || told[0] != "z-mallory-2" {
		t.Errorf("%v, told %v", got, told)
	}
}
