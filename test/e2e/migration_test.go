//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

// The migrations are not beside other tests: the definitions that they replace are the cluster's.

// A run that waits for Automatiko's operator goes on with Countersign.
func TestMigrationFromAutomatiko(t *testing.T) {
	e := inhabited(t)
	m := migration{e, t, "approvaltasks.tekton.automatiko.io", "deploy/components/approvaltask"}
	m.foreign()
	e.Apply(exampleText(t, "automatiko.yaml"))
	r := start(t, e, "approve-multi", "waits", "approval")
	m.taken(r, `
apiVersion: tekton.automatiko.io/v1beta1
kind: ApprovalTask
metadata: {name: waits-approval, labels: {decision: pending, responses: 1_of_2}}
spec: {pipeline: waits, description: Deploy to production, approvers: [alice, bob], strategy: MULTI}`)
	m.switched()
	a := r.asked(0)
	r.says(a.Name, "alice", "approve", "once more")
	r.says(a.Name, "bob", "approve", "fine")
	r.ends(corev1.ConditionTrue, "Completed")
	r.results(map[string]string{"decision": "true", "comment": "once more|fine", "approvedBy": "alice|bob", "rejectedBy": ""})
	if got, want := r.log("deploy"), "deploying, approved by alice|bob: once more|fine"; got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
}

// A run that waits for manual-approval-gate goes on with Countersign.
func TestMigrationFromManualApprovalGate(t *testing.T) {
	e := inhabited(t)
	m := migration{e, t, "approvaltasks.openshift-pipelines.org", "deploy/components/manual-approval-gate"}
	m.foreign()
	e.Apply(exampleText(t, "manual-approval-gate.yaml"))
	r := start(t, e, "approve-gate", "waits", "wait")
	m.taken(r, "")
	m.switched()
	a := r.asked(0)
	r.says(a.Name, "alice", "approve", "fine")
	r.says(a.Name, "bob", "approve", "fine, too")
	r.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := r.log("deploy"), "deploying, approved by alice|bob"; got != want {
		t.Errorf("deploy printed %q, want %q", got, want)
	}
}

// migration is from another system, which is there by its definition. What the system's own
// controller would have done is done in its place.
type migration struct {
	*cluster.Env
	t *testing.T
	// crd is the name that both definitions have; component is ours.
	crd, component string
}

// foreign makes the definition another system's, which ends with the test.
func (m migration) foreign() {
	m.t.Helper()
	m.kubectl("label", "crd", m.crd, "app.kubernetes.io/managed-by-", "app.kubernetes.io/part-of-")
	m.t.Cleanup(func() { // whatever the test had come to
		cmd := exec.CommandContext(context.WithoutCancel(m.t.Context()), "kubectl", "label", "--overwrite", "crd", m.crd, "app.kubernetes.io/managed-by=countersign", "app.kubernetes.io/part-of=countersign")
		if out, err := cmd.CombinedOutput(); err != nil {
			m.t.Errorf("the definition can't be made ours again: %v: %s", err, out)
		}
	})
	m.restart()
}

// taken has a run's task taken by the other system, and sees that Countersign leaves it alone.
func (m migration) taken(r run, object string) {
	m.t.Helper()
	m.Eventually(2*time.Minute, "the CustomRun", func() error {
		var cr pipelinev1beta1.CustomRun
		if err := m.Get(m.t.Context(), r.child(), &cr); err != nil {
			return err
		}
		was := cr.DeepCopy()
		cr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Running", Message: "Approval task is running"})
		return m.Status().Patch(m.t.Context(), &cr, client.MergeFrom(was))
	})
	if object != "" {
		m.Apply(object)
	}
	m.Consistently(5*time.Second, "no approval of a task that is another system's", func() error {
		if n := len(m.Approvals()); n != 0 {
			return fmt.Errorf("%d approvals", n)
		}
		return nil
	})
}

// switched does what the example's page says.
func (m migration) switched() {
	m.t.Helper()
	m.kubectl("delete", "crd", m.crd, "--wait=true")
	text := kustomized(m.t, m.component)
	apply := exec.CommandContext(m.t.Context(), "kubectl", "apply", "--server-side", "--force-conflicts", "-f", "-")
	apply.Stdin = strings.NewReader(text)
	if out, err := apply.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
	m.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/"+m.crd)
	m.restart()
}

func (m migration) restart() {
	m.t.Helper()
	m.kubectl("-n", cluster.ServiceNamespace, "rollout", "restart", "deployment/countersign")
	m.kubectl("-n", cluster.ServiceNamespace, "rollout", "status", "deployment/countersign", "--timeout=180s")
}

func (m migration) kubectl(args ...string) {
	m.t.Helper()
	if out, err := exec.CommandContext(m.t.Context(), "kubectl", args...).CombinedOutput(); err != nil {
		m.t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
