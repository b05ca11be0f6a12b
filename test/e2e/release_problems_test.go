//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/test/cluster"
)

func TestListenerDownAtDecision(t *testing.T) {
	t.Parallel()
	e, token, _ := gated(t, "")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Scale(e.NS, "el-deploy", 0)
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	unreleased(t, e, name, "EventListenerDown", "el-deploy")
	e.Scale(e.NS, "el-deploy", 1)
	e.Confirmed(name)
}

func TestWhyNoRunAppears(t *testing.T) {
	t.Run("the template changed after it was approved", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		// Before the decision a change makes a new request. No run can start here until it was told.
		e.RefuseRuns()
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "Refused", "exceeded quota")
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "part-2", "part-evil"))
		unreleased(t, e, name, "ContentChanged", "Request approval again")
		if err := e.DeleteAllOf(t.Context(), &corev1.ResourceQuota{}, client.InNamespace(e.NS)); err != nil {
			t.Fatal(err)
		}
		e.Consistently(3*time.Second, "no run", func() error {
			if n := len(e.Runs("deploy")); n != 0 {
				return fmt.Errorf("%d runs", n)
			}
			return nil
		})
	})
	t.Run("a neighbour would start too", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(`
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: careless}
spec:
  bindings: []
  template: {ref: deploy}`)
		e.Apply(cluster.Gated("deploy", "gate", ", {triggerRef: careless}"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "SiblingTriggerWouldStart", "careless")
		if n := len(e.Runs("careless")); n != 0 {
			t.Errorf("%d runs of the neighbour", n)
		}
	})
	t.Run("the name is taken by a stranger", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		// Only the service can tell the name; here the test has read its key.
		mac := e.ServiceRing()[:1].Sign(keyring.Run, []byte(approvals.Digest("run", string(e.Approval(name).UID), 0)))
		stranger := e.StartRun(string(approvals.NameOfRun("deploy", mac)), "0")
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "NameTaken", "it differs from what was approved in")
		if err := e.Delete(t.Context(), stranger); err != nil {
			t.Fatal(err)
		}
		e.Confirmed(name)
	})
	t.Run("RBAC", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		if err := e.Clientset.RbacV1().RoleBindings(e.NS).Delete(t.Context(), "listener", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: half}
rules:
  - {apiGroups: [triggers.tekton.dev], resources: ["*"], verbs: [get, list, watch]}
  - {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: half}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: half}
subjects: [{kind: ServiceAccount, name: listener}]`)
		name := approve(t, e, token)
		unreleased(t, e, name, "Forbidden", "may not create pipelineruns.tekton.dev")
	})
	t.Run("refused by admission", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		e.RefuseRuns()
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "Refused", "exceeded quota")
		if err := e.DeleteAllOf(t.Context(), &corev1.ResourceQuota{}, client.InNamespace(e.NS)); err != nil {
			t.Fatal(err)
		}
		e.Confirmed(name)
	})
	t.Run("template error", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "extensions.countersign.results.comment", "extensions.countersign.results.nosuch"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "TemplateError", "nosuch")
	})
	t.Run("generateName", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "metadata: {name: $(tt.params.run),", "metadata: {generateName: x-,"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "RunNotNamed", "extensions.countersign.run")
		if n := len(e.Runs("deploy")); n != 0 {
			t.Errorf("%d runs, want none", n)
		}
	})
}

func approve(t *testing.T, e *cluster.Env, token string) string {
	t.Helper()
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	return name
}

func unreleased(t *testing.T, e *cluster.Env, name, reason, message string) {
	t.Helper()
	e.Condition(name, v1alpha1.ConditionReleased, reason, message)
}
