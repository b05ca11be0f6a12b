//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// folder applies a folder of examples as its first line says, to the test's namespace.
func folder(t *testing.T, e *cluster.Env, name string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", "kustomize", filepath.Join(os.Getenv("COUNTERSIGN_ROOT"), "examples", name)).Output() //nolint:gosec // a folder of this repository
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v", name, err)
	}
	for doc := range strings.SplitSeq(string(out), "\n---\n") {
		if strings.Contains(doc, "kind: ClusterRoleBinding") { // not of a namespace: one for each test
			doc = strings.NewReplacer("namespace: default", "namespace: "+e.NS, "metadata:\n  name: approve-listener", "metadata:\n  name: approve-listener-"+e.NS).Replace(doc)
		}
		e.Apply(doc)
	}
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: people}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice@example.com}]`)
	e.ListenerURL("approve")
}

// says has alice, whom the examples' Gates name, vote with kubectl's means.
func says(t *testing.T, e *cluster.Env, approval, verdict string) {
	t.Helper()
	e.Eventually(time.Minute, "alice's vote", func() error {
		return e.As("alice@example.com").Create(t.Context(), &v1alpha1.Vote{
			ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: verdict},
			Spec:       v1alpha1.VoteSpec{Approval: approval, Voter: "alice@example.com", Verdict: verdict},
		})
	})
}

func released(t *testing.T, e *cluster.Env, approval string) *v1alpha1.Approval {
	t.Helper()
	e.Eventually(time.Minute, "the release of "+approval, func() error {
		for _, c := range e.Approval(approval).Status.Conditions {
			if c.Type == v1alpha1.ConditionReleased && c.Status == metav1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%+v", e.Approval(approval).Status)
	})
	return e.Approval(approval)
}

func ended(t *testing.T, e *cluster.Env, run string) (status corev1.ConditionStatus, reason string) {
	t.Helper()
	var pr pipelinev1.PipelineRun
	if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: run}, &pr); err != nil {
		t.Fatal(err)
	}
	c := pr.Status.GetCondition("Succeeded")
	if c == nil {
		return corev1.ConditionUnknown, ""
	}
	return c.Status, c.Reason
}

// A pipeline whose Task polls a ConfigMap, as it was written for kubectl patch: real
// pods ask, wait, and go on or fail.
func TestPollingTask(t *testing.T) {
	for verdict, want := range map[string]struct {
		value  string
		status corev1.ConditionStatus
	}{"approve": {"success", corev1.ConditionTrue}, "reject": {"refused", corev1.ConditionFalse}} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			e := cluster.New(t)
			folder(t, e, "polling-task")
			e.Apply(`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: asks}, spec: {pipelineRef: {name: approve-pipeline}, workspaces: [{name: status, configMap: {name: approve-cm}}]}}`)
			a := e.OneApproval()
			if a.Spec.Resolved == nil || a.Status.Outcome != "Pending" {
				e.Eventually(time.Minute, "the resolved", func() error {
					if a = e.Approval(a.Name); a.Spec.Resolved == nil {
						return fmt.Errorf("%+v", a.Status.Conditions)
					}
					return nil
				})
			}
			says(t, e, a.Name, verdict)
			if got := released(t, e, a.Name); got.Status.Effect == nil || got.Status.SecondRun != nil {
				t.Errorf("%+v", got.Status)
			}
			var cm corev1.ConfigMap
			if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "approve-cm"}, &cm); err != nil || cm.Data["status"] != want.value {
				t.Errorf("%v, status is %q, want %q", err, cm.Data["status"], want.value)
			}
			e.Eventually(5*time.Minute, "the pipeline's end", func() error { // the kubelet brings a ConfigMap's change late
				if s, reason := ended(t, e, "asks"); s != want.status {
					return fmt.Errorf("%s %s", s, reason)
				}
				return nil
			})
		})
	}
}

// A run that was made pending: let go on approval, cancelled on rejection; and nobody
// but the one that was approved is let go.
func TestPendingRun(t *testing.T) {
	for verdict, want := range map[string]string{"approve": "", "reject": pipelinev1.PipelineRunReasonCancelled.String()} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			e := cluster.New(t)
			folder(t, e, "pending-run")
			run := `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: deploy-1}, spec: {status: PipelineRunPending, params: [{name: version, value: "1"}], pipelineSpec: {params: [{name: version}], tasks: [{name: go, taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", command: ["true"]}]}}]}}}`
			e.Apply(run)
			if a := e.Post(e.ListenerURL("approve"), map[string]string{"Idempotency-Key": "deploy-1"}, []byte(`{"run": "deploy-1", "version": "666"}`)); a.Status != 202 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			a := e.OneApproval()
			e.Eventually(time.Minute, "the resolved", func() error {
				if a = e.Approval(a.Name); a.Spec.Resolved == nil {
					return fmt.Errorf("%+v", a.Status.Conditions)
				}
				return nil
			})
			for _, p := range a.Spec.Resolved.Params {
				if p.Name == "version" && p.Value != "1" {
					t.Errorf("what people approve is version %q, and not the run's own", p.Value)
				}
			}
			e.Eventually(time.Minute, "Tekton to say that it is pending", func() error {
				if s, reason := ended(t, e, "deploy-1"); s != corev1.ConditionUnknown || reason != pipelinev1.PipelineRunReasonPending.String() {
					return fmt.Errorf("%s %s", s, reason)
				}
				return nil
			})
			says(t, e, a.Name, verdict)
			released(t, e, a.Name)
			e.Eventually(2*time.Minute, "the run's end", func() error {
				s, reason := ended(t, e, "deploy-1")
				if want == "" && s == corev1.ConditionTrue || want != "" && s == corev1.ConditionFalse && reason == want {
					return nil
				}
				return fmt.Errorf("%s %s", s, reason)
			})
		})
	}
	t.Run("another of its name", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		folder(t, e, "pending-run")
		run := `{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: deploy-1}, spec: {status: PipelineRunPending, pipelineSpec: {tasks: [{name: go, taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", command: ["true"]}]}}]}}}`
		e.Apply(run)
		e.Post(e.ListenerURL("approve"), nil, []byte(`{"run": "deploy-1"}`))
		a := e.OneApproval()
		e.Eventually(time.Minute, "the resolved", func() error {
			if e.Approval(a.Name).Spec.Resolved == nil {
				return fmt.Errorf("none yet")
			}
			return nil
		})
		pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "deploy-1"}}
		if err := e.Delete(t.Context(), pr, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
			t.Fatal(err)
		}
		e.Eventually(time.Minute, "its going", func() error {
			if err := e.Get(t.Context(), client.ObjectKeyFromObject(pr), pr); err == nil {
				return fmt.Errorf("still there")
			}
			return nil
		})
		e.Apply(run)
		pending := func() error {
			if s, reason := ended(t, e, "deploy-1"); s != corev1.ConditionUnknown || reason != pipelinev1.PipelineRunReasonPending.String() {
				return fmt.Errorf("the other run is %s %s", s, reason)
			}
			return nil
		}
		e.Eventually(time.Minute, "Tekton to say that the other one is pending", pending)
		says(t, e, a.Name, "approve")
		e.Eventually(time.Minute, "the reason", func() error {
			for _, c := range e.Approval(a.Name).Status.Conditions {
				if c.Type == v1alpha1.ConditionReleased && c.Reason == "TargetReplaced" {
					return nil
				}
			}
			return fmt.Errorf("%+v", e.Approval(a.Name).Status.Conditions)
		})
		if err := pending(); err != nil {
			t.Error(err)
		}
	})
}
