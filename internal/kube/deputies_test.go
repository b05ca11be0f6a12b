package kube

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestDeputies: in its namespace, in its time, for its Gates, and only for its
// deputy.
func TestDeputies(t *testing.T) {
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
	d := Deputies{Client: newCluster(t, objs...)}
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
