//go:build upgrade

package upgrade

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// TestRenamed is the upgrade from a version whose objects had other names. What was pending can't be decided, since its
// signature is over names that are no more; it says so, starts nothing, and once it is deleted it is asked about again.
func TestRenamed(t *testing.T) {
	nothing(t)
	install(t, cluster.Renamed(), "deploy")
	w := newWorld(t)
	var names []string
	for i := range 3 {
		w.Part1(fmt.Sprintf("before-%d", i), "1")
	}
	w.Eventually(minute, "the Approvals of the older version", func() error {
		names = nil
		for _, a := range w.Approvals() {
			names = append(names, a.Name)
		}
		if len(names) != 3 {
			return fmt.Errorf("there are %v", names)
		}
		return nil
	})

	install(t, cluster.This(), "deploy")
	for _, n := range names {
		w.Eventually(minute, "what "+n+" says", func() error {
			a := w.Approval(n)
			for _, c := range a.Status.Conditions {
				if c.Status == metav1.ConditionFalse && c.Reason == "SignatureInvalid" {
					return nil
				}
			}
			return fmt.Errorf("its conditions are %+v", a.Status.Conditions)
		})
		if got := w.Vote(n, w.token, "approve", "yes"); got.Status/100 == 2 {
			t.Errorf("a vote on %s was taken: %d %s", n, got.Status, got.Body)
		}
	}
	if runs := w.Runs("deploy"); len(runs) > 0 {
		t.Errorf("%d runs were started", len(runs))
	}
	old := map[string]bool{}
	for _, n := range names {
		a := w.Approval(n)
		old[string(a.UID)] = true
		if err := w.Delete(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	var again []string
	w.Eventually(2*minute, "the Approvals to be opened again", func() error {
		again = nil
		for _, a := range w.Approvals() {
			if !old[string(a.UID)] && a.Spec.Resolved != nil && a.Status.Outcome == v1alpha1.Outcome("Pending") {
				again = append(again, a.Name)
			}
		}
		if len(again) != 3 {
			return fmt.Errorf("there are %v", again)
		}
		return nil
	})
	w.decide(t, again)
}
