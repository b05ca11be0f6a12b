package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestPolicyMissing: a policy that goes is told once, by the log and by the metric, and
// so is one that comes back.
func TestPolicyMissing(t *testing.T) {
	t.Parallel()
	cluster, now := kubetest.New(t), time.Unix(1_800_000_000, 0)
	policy := func(name string) *admissionv1.ValidatingAdmissionPolicy {
		return &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	for _, name := range identity.BaseGuards() {
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}
		binding.Spec = admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}}
		if err := cluster.Create(t.Context(), policy(name)); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Create(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	p, err := newPolicies(&identity.Guards{Live: cluster, Now: func() time.Time { return now }}, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	look := func(missing float64, said ...string) {
		t.Helper()
		log.Reset()
		now = now.Add(policyTime)
		p.look(t.Context())
		if got := testutil.ToFloat64(p.missing.WithLabelValues(identity.GuardOfApprovals)); got != missing {
			t.Errorf("the metric is %v, want %v", got, missing)
		}
		if n := strings.Count(log.String(), "\n"); n != len(said) {
			t.Errorf("%d lines, want %d: %s", n, len(said), log.String())
		}
		for _, s := range said {
			if !strings.Contains(log.String(), s) {
				t.Errorf("not said: %s in %s", s, log.String())
			}
		}
	}
	look(0)
	if err := cluster.Delete(t.Context(), policy(identity.GuardOfApprovals)); err != nil {
		t.Fatal(err)
	}
	look(1, "without it, anyone with update on approvals/status can forge votes (it is in deploy/base/admission.yaml)")
	look(1)
	// What can't be looked at is neither missing nor there.
	cluster.Fail(func(string, runtime.Object) error { return apierrors.NewServiceUnavailable("etcd is away") })
	look(1, "not known")
	cluster.Fail(nil)
	look(1)
	if err := cluster.Create(t.Context(), policy(identity.GuardOfApprovals)); err != nil {
		t.Fatal(err)
	}
	look(0, "in force again")
	look(0)
	cluster.Fail(func(string, runtime.Object) error { return apierrors.NewServiceUnavailable("etcd is away") })
	look(0, "not known")
	cluster.Fail(nil)
	look(0)
	var loose admissionv1.ValidatingAdmissionPolicyBinding
	if err := cluster.Get(t.Context(), types.NamespacedName{Name: identity.GuardOfApprovals}, &loose); err != nil {
		t.Fatal(err)
	}
	loose.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Audit}
	if err := cluster.Update(t.Context(), &loose); err != nil {
		t.Fatal(err)
	}
	look(1, "does not deny everything")
}
