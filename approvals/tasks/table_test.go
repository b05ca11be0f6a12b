package tasks_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// TestTable: every kind says what each outcome is to it, and no failure is told in
// other words than Tekton knows.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, m := range tasks.All() {
		for _, o := range []approvals.Outcome{approvals.Approved, approvals.Rejected, approvals.Expired, approvals.Cancelled, approvals.Superseded} {
			e, ok := m.Ends[o]
			want := map[approvals.Outcome]string{approvals.Expired: "CustomRunTimedOut", approvals.Cancelled: "CustomRunCancelled", approvals.Superseded: "CustomRunCancelled"}[o]
			switch {
			case !ok || e.Reason == "" || e.Message == "":
				t.Errorf("%s says nothing of %s", m.Name, o)
			case want != "" && (e.Reason != want || e.Succeeded):
				t.Errorf("%s: %s is %+v, want a failure with reason %s", m.Name, o, e, want)
			case o == approvals.Approved && !e.Succeeded:
				t.Errorf("%s: approved is a failure", m.Name)
			}
		}
		if got := m.Ends[approvals.Rejected].Succeeded; got != (m.Name == tasks.Automatiko) {
			t.Errorf("%s: a rejection succeeds: %v", m.Name, got)
		}
		if f, ok := tasks.Of(strings.ToUpper(m.APIVersion), strings.ToLower(m.Kind)); !ok || f.Name != m.Name {
			t.Errorf("%s/%s is %s", m.APIVersion, m.Kind, f.Name)
		}
	}
	for _, ref := range [][2]string{{"tekton.automatiko.io/v1alpha1", "ApprovalTask"}, {"tekton.automatiko.io/v1beta1", "Task"}, {"", ""}} {
		if m, ok := tasks.Of(ref[0], ref[1]); ok {
			t.Errorf("%v is taken for %s", ref, m.Name)
		}
	}
	if m, _ := tasks.Find(tasks.ManualApprovalGate); m.Ends[approvals.Expired].Text("r-wait") != "Approval task r-wait is failed because of timeout" {
		t.Error(m.Ends[approvals.Expired].Text("r-wait"))
	}
}
