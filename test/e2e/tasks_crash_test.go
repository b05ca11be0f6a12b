//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// The service is killed with kill -9 between each pair of its steps for a task, started
// again, and in the end there is one Approval, with the one vote, and the task has its
// answer. manual-approval-gate's tasks have all the steps: their object is answered too.
func TestKilledBetweenStepsOfATask(t *testing.T) {
	e := inhabited(t)
	standIn(t, e)
	p := serviceProcess(t, e)
	create := func(what string) func(method, path, _ string) bool {
		return func(method, path, _ string) bool { return method == "POST" && strings.HasSuffix(path, "/"+what) }
	}
	status := func(of, with string) func(_, path, body string) bool {
		return func(_, path, body string) bool {
			return strings.Contains(path, "/"+of+"/") && strings.HasSuffix(path, "/status") && strings.Contains(body, with)
		}
	}
	for i, c := range []struct {
		name  string
		fault cluster.Fault
	}{
		{"before it is opened", cluster.Fault{Match: create("approvals")}},
		{"after it is opened", cluster.Fault{Match: create("approvals"), After: true}},
		{"after the CustomRun says that it waits", cluster.Fault{Match: status("customruns", `"status":"Unknown"`), After: true}},
		{"after its ApprovalTask is made", cluster.Fault{Match: create("approvaltasks"), After: true}},
		{"after the answer is noted, before it is cast", cluster.Fault{Match: status("approvaltasks", `"seenAt"`), After: true}},
		{"after the decision, before the answer", cluster.Fault{Match: status("approvals", `"outcome":"Approved"`), After: true}},
		{"before the answer", cluster.Fault{Match: status("customruns", `"status":"True"`)}},
		{"after the answer, before it is seen", cluster.Fault{Match: status("customruns", `"status":"True"`), After: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := e.For(t)
			p.Start(e)
			p.Arm(e, c.fault)
			r := startWith(t, e, fmt.Sprintf("run-%d", i), "wait", waitsOnly(tasks.ManualApprovalGate, ""))
			alive := func() { // anyone who supervises the process
				if !p.Running() {
					p.Start(e)
				}
			}
			e.Eventually(2*time.Minute, "the answer of alice", func() error {
				alive()
				return r.answers("alice", "", openshiftv1.InputApprove, "go")
			})
			e.Eventually(2*time.Minute, "the answered Approval", func() error {
				alive()
				for _, a := range e.Approvals() {
					if s := a.Spec.Source.CustomRun; s != nil && s.PipelineRun == r.name && a.Status.AnsweredAt != nil {
						return nil
					}
				}
				return fmt.Errorf("not among %d", len(e.Approvals()))
			})
			if !p.Fired() {
				t.Fatal("the fault did not fire: the test proves nothing")
			}
			r.ends(corev1.ConditionTrue, "Succeeded")
			r.results(map[string]string{"decision": "true", "comment": "go", "approvedBy": "alice", "rejectedBy": ""})
			if n := len(e.Approvals()); n != i+1 {
				t.Errorf("%d approvals of %d tasks", n, i+1)
			}
		})
	}
}
