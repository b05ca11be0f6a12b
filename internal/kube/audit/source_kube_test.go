//go:build kube

package audit_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/audit"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestRemoveForReal: a real API server does not delete what has changed since it was
// read, nor another of the same name.
func TestRemoveForReal(t *testing.T) {
	cfg := kubetest.APIServer(t, "../../../deploy/crd")
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	s := &store.Store{Client: c, Live: c, Ring: servicetest.Ring, Now: servicetest.At(ct.T0)}
	source := audit.Source{Store: s}
	o := servicetest.ObjectOf(ct.Make("a").In("default").Obj())
	o.UID, o.Generation = "", 0
	create := func() {
		t.Helper()
		fresh := o.DeepCopy()
		if err := c.Create(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
	}
	create()
	key := approvals.Key{Namespace: "default", Name: "a"}
	for name, meanwhile := range map[string]func(){
		"a vote": func() {
			_, err := s.Update(t.Context(), key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, ""), a.OpenedAt)
			})
			if err != nil {
				t.Error(err)
			}
		},
		"another of its name": func() {
			if err := c.Delete(t.Context(), o.DeepCopy()); err != nil {
				t.Error(err)
			}
			create()
		},
	} {
		removed, err := source.Remove(t.Context(), key, func(approvals.Approval) (bool, error) { meanwhile(); return true, nil })
		if removed || approvals.CodeOf(err) != approvals.CodeConflict {
			t.Errorf("%s: %t, %v", name, removed, err)
		}
		if _, err := s.Fresh(t.Context(), key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	yes := func(approvals.Approval) (bool, error) { return true, nil }
	if removed, err := source.Remove(t.Context(), key, yes); !removed || err != nil {
		t.Errorf("%t, %v", removed, err)
	}
	if _, err := source.Remove(t.Context(), key, yes); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("once more: %v", err)
	}

	// One that is kept for the record stays, readable and writable, until it is let go.
	o.Finalizers = []string{v1alpha1.RecordFinalizer}
	create()
	if at, err := source.Leaving(t.Context(), key); err != nil || !at.IsZero() {
		t.Errorf("nobody deleted it: %s, %v", at, err)
	}
	if err := c.Delete(t.Context(), o.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if at, err := source.Leaving(t.Context(), key); err != nil || at.IsZero() {
		t.Errorf("deleted, and leaving at %s, %v", at, err)
	}
	a, err := s.Update(t.Context(), key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{Reason: "it was deleted from the cluster"}, a.OpenedAt)
	})
	if err != nil || a.Outcome != approvals.Cancelled {
		t.Errorf("%s, %v", a.Outcome, err)
	}
	for range 2 { // once more, as after a kill -9, is no error
		if err := source.LetGo(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Fresh(t.Context(), key); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("let go, and there: %v", err)
	}
}
