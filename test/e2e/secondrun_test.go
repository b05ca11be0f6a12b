//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// moody fails or not by what a ConfigMap says.
const moody = `
apiVersion: v1
kind: ConfigMap
metadata: {name: mood}
data: {exit: "1"}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-2}
spec:
  params: [{name: version}, {name: decision}, {name: comment}]
  tasks:
    - name: apply
      taskSpec:
        steps:
          - name: apply
            image: cluster.local/busybox:1
            env: [{name: MOOD, valueFrom: {configMapKeyRef: {name: mood, key: exit}}}]
            script: "#!/bin/sh\nexit $MOOD\n"`

// With real pods: the second run fails, everybody can read which task did; who decided has it
// started again on the same decision, once, and it succeeds.
func TestSecondRunToItsEnd(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  rerun: {limit: 1, allow: [Deciders]}"))
	e.Apply(moody)
	// Tekton runs what is started.
	e.Apply(strings.Replace(cluster.Gated("deploy", "gate", ""), "        managedBy: countersign.dev/test\n", "", 1))
	e.ListenerURL("deploy")
	e.Part1("part-1", "7")
	name := e.OneApproval().Name
	if a := e.Vote(name, token, "approve", "go"); a.Status != 201 {
		t.Fatalf("the vote: %d %s", a.Status, a.Body)
	}
	ended := func(run, outcome string) v1alpha1.SecondRun {
		t.Helper()
		var next v1alpha1.SecondRun
		e.Eventually(3*time.Minute, "the end of a run other than "+run, func() error {
			n := e.Approval(name).Status.SecondRun
			if n == nil || n.Name == run || n.Outcome == "" {
				return fmt.Errorf("next is %+v", n)
			}
			next = *n
			return nil
		})
		if next.Outcome != outcome || next.StartedAt == nil || next.EndedAt == nil {
			t.Fatalf("the run ended as %+v, want %s", next, outcome)
		}
		return next
	}
	failed := ended("", "Failed")
	if failed.FailedTask != "apply" || failed.Message == "" {
		t.Errorf("failed task %q, message %q; want task apply, and a message", failed.FailedTask, failed.Message)
	}
	e.Condition(name, v1alpha1.ConditionSecondRunEnded, "Failed", "task apply")

	rerun := func() int {
		t.Helper()
		body, err := json.Marshal(map[string]string{"reason": "the mood is better"})
		if err != nil {
			t.Fatal(err)
		}
		return e.Post(e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/rerun", map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json"}, body).Status
	}
	cm := &corev1.ConfigMap{}
	cm.Namespace, cm.Name = e.NS, "mood"
	if err := e.Patch(t.Context(), cm, client.RawPatch(types.MergePatchType, []byte(`{"data":{"exit":"0"}}`))); err != nil {
		t.Fatal(err)
	}
	if status := rerun(); status != 200 {
		t.Fatalf("to start it again: %d", status)
	}
	succeeded := ended(failed.Name, "Succeeded")
	if status := rerun(); status != 409 {
		t.Errorf("to start again what succeeded: %d, want 409", status)
	}
	e.Condition(name, v1alpha1.ConditionSecondRunEnded, "Succeeded", "")
	a := e.Approval(name)
	if r := a.Status.Reruns; len(r) != 1 || r[0].By != user || r[0].Run.UID != failed.UID || a.Status.Outcome != "Approved" || len(a.Status.Votes) != 1 {
		t.Errorf("reruns %+v, outcome %s, %d votes", r, a.Status.Outcome, len(a.Status.Votes))
	}
	runs := e.Runs("deploy")
	if len(runs) != 2 {
		t.Errorf("%d runs, want the one that failed and %s", len(runs), succeeded.Name)
	}
}
