//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// gateIs waits until the test's Gate is as want says: "STATUS REASON", and a part of the
// message.
func gateIs(t *testing.T, e *cluster.Env, want, message string) {
	t.Helper()
	e.Eventually(time.Minute, "the Gate to be "+want, func() error {
		var g v1alpha1.Gate
		if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "gate"}, &g); err != nil {
			return err
		}
		for _, c := range g.Status.Conditions {
			if c.ObservedGeneration == g.Generation && string(c.Status)+" "+c.Reason == want && strings.Contains(c.Message, message) {
				return nil
			}
		}
		return fmt.Errorf("generation %d: %+v", g.Generation, g.Status.Conditions)
	})
}

// A Gate that is within no policy's reach is ready at once; one that comes to be outside
// says so, holds and gives nothing to vote on until it is mended, and what waits already is
// held to what is demanded now.
func TestGatePolicy(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {users: [{name: USER-ann}, {name: USER-bob}]}`, "ann", "bob")
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: ann}, {kind: ServiceAccount, name: bob}]`)
	gateIs(t, e, "True Usable", "")
	policy := &v1alpha1.GatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "test-" + e.NS}}
	t.Cleanup(func() {
		// The test's own context is over by then.
		if err := e.Delete(context.WithoutCancel(t.Context()), policy); err != nil {
			t.Error(err)
		}
	})
	set := func(spec string) {
		t.Helper()
		e.Apply(`{apiVersion: countersign.dev/v1alpha1, kind: GatePolicy, metadata: {name: test-NAMESPACE}, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}` + spec + `}}`)
	}
	set(`, minApprovals: 2`)
	outside := `GatePolicy "test-` + e.NS + `", field minApprovals`
	gateIs(t, e, "False OutsidePolicy", outside)
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Condition(name, "Ready", "OutsidePolicy", outside)
	e.Eventually(time.Minute, "a viewer to be told", func() error {
		if v := e.Vote(name, tokens["ann"], "approve", ""); v.Status != 409 || v.Error.Code != "not_ready" {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Apply(`
apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: gate}
spec:
  strategy: FOUR_EYES
  approvers: {users: [{name: "system:serviceaccount:NAMESPACE:ann"}, {name: "system:serviceaccount:NAMESPACE:bob"}]}`)
	gateIs(t, e, "True Usable", "")
	e.Condition(name, "Ready", "Resolved", "")
	taken(t, e.Vote(name, tokens["ann"], "approve", ""), `"outcome": "Pending"`)

	set(`, minApprovals: 2, allowedAuthMethods: [Login, Object]`)
	e.Eventually(time.Minute, "tokens to be refused", func() error {
		if v := e.Vote(name, tokens["bob"], "withdraw", ""); v.Status != 403 || v.Error.Code != "forbidden" {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	if v := e.Vote(name, tokens["bob"], "approve", ""); v.Status != 403 || e.Approval(name).Status.Outcome != v1alpha1.Outcome("Pending") {
		t.Errorf("vote: %d %s", v.Status, v.Body)
	}
	set(`, minApprovals: 2`)
	e.Eventually(time.Minute, "tokens to be taken", func() error {
		if v := e.Vote(name, tokens["bob"], "approve", ""); v.Status/100 != 2 || !strings.Contains(v.Body, `"outcome": "Approved"`) {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Confirmed(name)
}

// A channel that nobody configured is said of the Gate, before anything waits.
func TestGateIsNotConfigured(t *testing.T) {
	e, _ := guarded(t, `
  approvers: {users: [{name: USER-ann}]}
  notify: {channels: [`+cluster.Room+`, nowhere]}`, "ann")
	gateIs(t, e, "False NotConfigured", "channel nowhere, which is not in the service's configuration")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Condition(name, "Ready", "NotConfigured", "channel nowhere")
}
