//go:build upgrade

package upgrade

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/test/cluster"
)

// TestRollbackNewFields: the oldest version knows nothing of a Gate's timeZone, and its definition takes it away from
// what was signed with it. Such an Approval says so, takes no vote and starts nothing, and is asked about again once it is
// deleted. All others are decided.
func TestRollbackNewFields(t *testing.T) {
	nothing(t)
	install(t, cluster.This(), "deploy")
	w := newWorld(t)
	plain := w.open(t, "plain", 2)
	w.Apply(cluster.Gate("gate", w.user, "  timeZone: Europe/Berlin\n"))
	w.Eventually(minute, "the service to go by the Gate", func() error {
		if zone := kubectl(t, "-n", w.NS, "get", "gate", "gate", "-o", "jsonpath={.spec.timeZone}"); zone != "Europe/Berlin" {
			return fmt.Errorf("its time zone is %q", zone)
		}
		return nil
	})
	zoned := w.open(t, "zoned", 2)
	for _, n := range zoned {
		if p := w.Approval(n).Spec.Resolved.Policy; p.TimeZone == "" {
			t.Fatalf("approval %s has no time zone: the test would prove nothing", n)
		}
	}

	install(t, cluster.Oldest(), "deploy")
	if fields := kubectl(t, "get", "customresourcedefinition", "gates.countersign.dev", "-o", "yaml"); strings.Contains(fields, "timeZone:") {
		t.Fatal("the older version knows time zones: the test would prove nothing")
	}
	for _, n := range zoned {
		w.Eventually(minute, "what "+n+" says", func() error {
			for _, c := range w.Approval(n).Status.Conditions {
				if c.Status == metav1.ConditionFalse && c.Reason == "SignatureInvalid" {
					return nil
				}
			}
			return fmt.Errorf("its conditions are %+v", w.Approval(n).Status.Conditions)
		})
		if got := w.Vote(n, w.token, "approve", "yes"); got.Status/100 == 2 {
			t.Errorf("a vote on %s was taken: %d %s", n, got.Status, got.Body)
		}
	}
	w.decide(t, plain)
	for _, n := range zoned {
		kubectl(t, "-n", w.NS, "delete", "approval", n)
	}
	// The older version looks at runs again when it starts; this one does when they are deleted.
	kubectl(t, "-n", cluster.ServiceNamespace, "rollout", "restart", "deployment/countersign")
	rolledOut(t)
	w.Eventually(2*minute, "the deleted ones to be opened again", func() error {
		open := 0
		for _, a := range w.Approvals() {
			if a.Spec.Resolved != nil && strings.EqualFold(string(a.Status.Outcome), "pending") {
				open++
			}
		}
		if open != len(zoned) {
			return fmt.Errorf("%d are pending", open)
		}
		return nil
	})
	var again []string
	for _, a := range w.Approvals() {
		if a.Status.Outcome == "Pending" {
			again = append(again, a.Name)
		}
	}
	w.decide(t, again)
}
