//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// A system that lets a person decide between two tasks. What is measured is the same
// for all: from the call by which the person decides to the next TaskRun, as a client
// sees it that watches. That TaskRun's pod fits on no node, so that no pod is measured.
type peer struct {
	name    string
	start   func(run string)            // something that waits
	waiting func(run string) error      // nil once a decision would be taken
	decide  func(run string)            // the call
	next    func(run, task string) bool // is this TaskRun what the decision of run led to
}

const nowhere = `taskRunTemplate: {podTemplate: {nodeSelector: {countersign.dev/nowhere: "yes"}}}`

const after = `{name: after, %s taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", command: ["true"]}]}}`

// approvalRun is a PipelineRun with a custom task of another system in the middle.
func approvalRun(run, apiVersion, params string) string {
	return fmt.Sprintf(`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: %s}, spec: {%s, pipelineSpec: {tasks: [
  {name: approval, taskRef: {apiVersion: %s, kind: ApprovalTask, name: approvaltask}, params: [%s]},
  %s]}}}`, run, nowhere, apiVersion, params, fmt.Sprintf(after, "runAfter: [approval],"))
}

// split is a Trigger whose template starts a part 2 with a task of its own.
const split = `
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: deploy}
spec:
  params: [{name: run}, {name: approval, default: none}, {name: version}, {name: decision}, {name: comment}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run), labels: {approval: $(tt.params.approval)}}
      spec: {` + nowhere + `, pipelineSpec: {tasks: [{name: after, taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", command: ["true"]}]}}]}}`

// polling is the Task that polls a mounted ConfigMap, as people wrote it by hand.
func polling(run string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: %[1]s}, data: {status: init}}
---
{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: %[1]s}, spec: {workspaces: [{name: status, configMap: {name: %[1]s}}], pipelineSpec: {workspaces: [{name: status}], tasks: [
  {name: approval, workspaces: [{name: data, workspace: status}], taskSpec: {workspaces: [{name: data}], steps: [{name: wait, image: "cluster.local/busybox:1", script: "#!/bin/sh\nwhile ! grep -q success $(workspaces.data.path)/status; do sleep 1; done\n"}]}},
  %[2]s]}}}`, run, fmt.Sprintf(after, "runAfter: [approval],"))
}

// TestPeers: decision to next task, side by side.
func TestPeers(t *testing.T) {
	if os.Getenv("COUNTERSIGN_PEERS") == "" {
		t.Fatal("manual-approval-gate is not there: use test/run.sh bench")
	}
	s := newStage(t)
	s.Apply(split)
	user := "system:serviceaccount:" + s.NS + ":approver"
	gate := approvalGate(t, s, user)
	inPipeline, inTwo := countersigns(t, s, user)
	byHand := polled(t, s)
	tasks := watchTasks(t, s.Env)
	single, burst := map[string][]float64{}, map[string][]float64{}
	for i := range 30 {
		three := []peer{gate, inPipeline, inTwo}
		for k := range three {
			p := three[(i+k)%3] // none is always the one that comes after another
			single[p.name] = append(single[p.name], ms(p.measure(t, s, tasks, fmt.Sprintf("one-%d-%d", i, k), 1)))
		}
	}
	for i := range 3 {
		single[byHand.name] = append(single[byHand.name], ms(byHand.measure(t, s, tasks, fmt.Sprintf("hand-%d", i), 1)))
	}
	for i := range 3 {
		for k, p := range []peer{gate, inPipeline, inTwo} {
			burst[p.name] = append(burst[p.name], ms(p.measure(t, s, tasks, fmt.Sprintf("burst-%d-%d", i, k), 30)))
		}
	}
	for _, p := range []peer{inPipeline, inTwo} {
		report("decision → next TaskRun: "+p.name+" / "+gate.name, single[p.name], single[gate.name], "ms", 1)
		report("30 decisions at once → 30 TaskRuns: the same", burst[p.name], burst[gate.name], "ms", 1)
	}
	fmt.Printf("bench:   %s: %.0f ms in the middle, n=%d\n", byHand.name, median(single[byHand.name]), len(single[byHand.name]))
}

// measure makes n decisions at once, and returns the time until the last next task was seen.
func (p peer) measure(t *testing.T, s *stage, tasks *started, prefix string, n int) time.Duration {
	t.Helper()
	var runs []string
	for i := range n {
		runs = append(runs, fmt.Sprintf("%s-%d", prefix, i))
		p.start(runs[i])
	}
	for _, run := range runs {
		s.Eventually(2*time.Minute, p.name+": "+run+" waits", func() error { return p.waiting(run) })
	}
	time.Sleep(time.Second) // at rest
	start := time.Now()
	atOnce(runs, p.decide)
	return tasks.last(t, p, runs, 3*time.Minute).Sub(start)
}

// afterApproval reports whether task stands behind the approval in the pipeline of run.
func afterApproval(run, task string) bool { return task == run+"-after" }

// approvalGate is manual-approval-gate, whose ApprovalTask user may decide.
func approvalGate(t *testing.T, s *stage, user string) peer {
	t.Helper()
	s.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: approver}
rules: [{apiGroups: [openshift-pipelines.org], resources: [approvaltasks], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approver}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: approver}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: %q}]`, user))
	person := s.As(user)
	gvk := schema.GroupVersionKind{Group: "openshift-pipelines.org", Version: "v1alpha1", Kind: "ApprovalTask"}
	task := func(run string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(gvk)
		u.SetNamespace(s.NS)
		u.SetName(run + "-approval")
		return u
	}
	return peer{
		name: "manual-approval-gate v0.7.0",
		start: func(run string) {
			s.Apply(approvalRun(run, gvk.GroupVersion().String(), `{name: approvers, value: ["`+user+`"]}`))
		},
		waiting: func(run string) error {
			u := task(run)
			if err := s.Get(t.Context(), client.ObjectKeyFromObject(u), u); err != nil {
				return err
			}
			if state, _, _ := unstructured.NestedString(u.Object, "status", "state"); state != "pending" {
				return fmt.Errorf("its state is %q", state)
			}
			return nil
		},
		decide: func(run string) {
			patch := `[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}]`
			if err := person.Patch(t.Context(), task(run), client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
				t.Errorf("patch of %s: %v", run, err)
			}
		},
		next: afterApproval,
	}
}

// countersigns are the two ways in which Countersign does it.
func countersigns(t *testing.T, s *stage, user string) (inPipeline, inTwo peer) {
	t.Helper()
	ours := &approvalsOf{Env: s.Env}
	vote := func(run string) {
		if a := s.Vote(ours.name(run), s.token, "approve", "fine"); a.Status != 201 {
			t.Errorf("vote on %s: %d %s", run, a.Status, a.Body)
		}
	}
	inPipeline = peer{
		name: "Countersign, in the pipeline",
		start: func(run string) {
			s.Apply(approvalRun(run, "tekton.automatiko.io/v1beta1", `{name: approvers, value: ["`+user+`"]}`))
		},
		waiting: ours.waiting, decide: vote, next: afterApproval,
	}
	inTwo = peer{
		name:    "Countersign, split",
		start:   func(run string) { s.Part1(run, "1") },
		waiting: ours.waiting, decide: vote,
		next: func(run, task string) bool { return task == ours.name(run)+"-after" },
	}
	return inPipeline, inTwo
}

// polled is a Task that polls a ConfigMap.
func polled(t *testing.T, s *stage) peer {
	t.Helper()
	return peer{
		name:  "a Task that polls a ConfigMap",
		start: func(run string) { s.Apply(polling(run)) },
		waiting: func(run string) error {
			var pod corev1.Pod
			if err := s.Get(t.Context(), types.NamespacedName{Namespace: s.NS, Name: run + "-approval-pod"}, &pod); err != nil {
				return err
			}
			if pod.Status.Phase != corev1.PodRunning {
				return fmt.Errorf("its pod is %s", pod.Status.Phase)
			}
			return nil
		},
		decide: func(run string) {
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.NS, Name: run}}
			if err := s.Patch(t.Context(), cm, client.RawPatch(types.MergePatchType, []byte(`{"data":{"status":"success"}}`))); err != nil {
				t.Errorf("patch of %s: %v", run, err)
			}
		},
		next: afterApproval,
	}
}

// approvalsOf finds the Approval of a run, or of a CustomRun of a run.
type approvalsOf struct {
	*cluster.Env
	mu    sync.Mutex
	names map[string]string
}

func (o *approvalsOf) waiting(run string) error {
	for _, a := range o.Approvals() {
		if of(a) != run {
			continue
		}
		if a.Spec.Resolved == nil {
			return fmt.Errorf("not resolved yet")
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.names == nil {
			o.names = map[string]string{}
		}
		o.names[run] = a.Name
		return nil
	}
	return fmt.Errorf("no approval of %s", run)
}

func (o *approvalsOf) name(run string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[run]
}

func of(a v1alpha1.Approval) string {
	b, err := json.Marshal(a.Spec.Source)
	var s struct {
		PipelineRun struct{ Name string }
		CustomRun   struct{ PipelineRun string }
	}
	if err != nil || json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s.PipelineRun.Name + s.CustomRun.PipelineRun
}

// started records when each TaskRun was first seen.
type started struct {
	mu sync.Mutex
	at map[string]time.Time
}

func watchTasks(t *testing.T, e *cluster.Env) *started {
	t.Helper()
	s := &started{at: map[string]time.Time{}}
	go s.follow(t.Context(), e)
	return s
}

func (s *started) follow(ctx context.Context, e *cluster.Env) {
	for ctx.Err() == nil {
		w, err := e.Watch(ctx, &pipelinev1.TaskRunList{}, client.InNamespace(e.NS))
		if err != nil {
			continue
		}
		for ev := range w.ResultChan() {
			if tr, ok := ev.Object.(*pipelinev1.TaskRun); ok && ev.Type == watch.Added {
				name := tr.Name
				if a := tr.Labels["approval"]; a != "" { // Tekton copies the run's labels
					name = a + "-" + tr.Labels["tekton.dev/pipelineTask"]
				}
				s.mu.Lock()
				if _, known := s.at[name]; !known {
					s.at[name] = time.Now()
				}
				s.mu.Unlock()
			}
		}
	}
}

// last returns the time at which the last of the tasks that the decisions led to was seen. It fails
// the test when one is missing after within.
func (s *started) last(t *testing.T, p peer, runs []string, within time.Duration) time.Time {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		var last time.Time
		missing := 0
		s.mu.Lock()
		for _, run := range runs {
			found := false
			for name, at := range s.at {
				if p.next(run, name) {
					found = true
					if at.After(last) {
						last = at
					}
				}
			}
			if !found {
				missing++
			}
		}
		s.mu.Unlock()
		if missing == 0 {
			return last
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %d of %d next tasks were not seen", p.name, missing, len(runs))
		}
	}
}
