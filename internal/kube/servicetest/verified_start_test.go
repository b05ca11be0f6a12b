package servicetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
)

// verifying is a world whose Gate has nothing executed before it was compared.
var verifying = strings.NewReplacer(
	"expiresAfter: 1h", "expiresAfter: 1h\n  verifyRun: BeforeStart",
	"spec: {pipelineRef: {name: apply}, params", "spec: {status: PipelineRunPending, pipelineRef: {name: apply}, params",
).Replace(kubetest.Without(kubetest.World, "Pipeline")) + `---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: apply, generation: 3}
spec:
  params: [{name: digest}]
  tasks:
    - {name: go, taskRef: {name: go}, params: [{name: digest, value: $(params.digest)}]}
    - {name: again, taskRef: {name: go}}
    - {name: pinned, taskRef: {resolver: git, params: [{name: revision, value: 0123456789abcdef0123456789abcdef01234567}]}}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: go, generation: 1}
spec: {steps: [{name: s, image: busybox, script: "echo $(params.digest)"}, {name: r, ref: {name: report}}]}
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: report, generation: 1}
spec: {image: busybox, script: "echo done"}
`

// released is a verifying world with a run under way: the Approval's name and the run's.
func (w *world) pendingRun() (approval, run string) {
	w.t.Helper()
	w.listener.Serve(w.t)
	approval = w.opened()
	w.vote(approval, "alice", approvals.Approve)
	if err := w.approvals.Releaser.Release(w.t.Context(), w.get(approval)); err != nil {
		w.t.Fatal(err)
	}
	return approval, w.runOf(approval)
}

func (w *world) run(name string) *pipelinev1.PipelineRun {
	w.t.Helper()
	pr := &pipelinev1.PipelineRun{}
	if err := w.Get(w.t.Context(), request(name).NamespacedName, pr); err != nil {
		w.t.Fatal(err)
	}
	return pr
}

// read does what Tekton does when a run is let go.
func (w *world) read(name string) {
	w.t.Helper()
	pr, p := w.run(name), &pipelinev1.Pipeline{}
	if err := w.Get(w.t.Context(), request(pr.Spec.PipelineRef.Name).NamespacedName, p); err != nil {
		w.t.Fatal(err)
	}
	pr.Status.PipelineSpec = p.Spec.DeepCopy()
	pr.Status.PipelineSpec.Tasks[0].Params[0].Value.StringVal = "sha256:abc"
	w.save(pr)
}

func (w *world) save(o client.Object) {
	w.t.Helper()
	if err := w.WithWatch.Update(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// editAs changes an object of the world as an API server would take it.
func editAs[T client.Object](w *world, o T, name string, change func(T)) {
	w.t.Helper()
	if err := w.Get(w.t.Context(), request(name).NamespacedName, o); err != nil {
		w.t.Fatal(err)
	}
	change(o)
	o.SetGeneration(o.GetGeneration() + 1)
	w.save(o)
}

// TestVerifyBeforeStart: what the run refers to is part of what is approved; it is let go
// once, by one write more, and recorded when Tekton has read it.
func TestVerifyBeforeStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, verifying)
	w.listener.Serve(t)
	name := w.opened()
	resolved := w.get(name).Resolved
	var refs []string
	for _, r := range resolved.References {
		refs = append(refs, r.String())
		if r.UID == "" || r.Generation == 0 || len(r.Digest) != 64 {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(refs, ", "); got != "Pipeline apply, Task go, StepAction report" {
		t.Fatalf("it refers to %s", got)
	}
	w.vote(name, "alice", approvals.Approve)
	if err := w.approvals.Releaser.Release(t.Context(), w.get(name)); err != nil {
		t.Fatal(err)
	}
	run := w.runOf(name)
	if !w.run(run).IsPending() {
		t.Fatal("the run is not pending")
	}
	writes := w.Writes()
	w.wait(outcome.LeaderTakeoverDelay)
	w.step(w.approvals, name)
	if pr := w.run(run); pr.Spec.Status != "" || pr.Annotations["countersign.dev/approval"] != name+"/"+w.get(name).UID {
		t.Fatalf("it was not let go: %q, %v; released: %s", pr.Spec.Status, pr.Annotations, w.condition(name, v1alpha1.ConditionReleased))
	}
	for range 3 {
		if res := w.step(w.approvals, name); res.RequeueAfter != lifecycle.ReadSoon || w.get(name).SecondRun != nil {
			t.Errorf("before Tekton has read it: again in %s, next %v", res.RequeueAfter, w.get(name).SecondRun)
		}
	}
	w.approvals.Proofs.Forget(w.get(name).Key) // another process goes on
	w.read(run)
	w.step(w.approvals, name)
	if a := w.get(name); a.SecondRun == nil || a.SecondRun.Name != run || a.Unreleased != nil {
		t.Errorf("next %v, unreleased %v", a.SecondRun, a.Unreleased)
	}
	if got := w.Writes() - writes; got != 3 { // of which the test made one
		t.Errorf("%d writes, want one to let it go and one to record it", got-1)
	}
}

// TestDiffersBeforeStart: what is not what was approved is cancelled before anything of it
// executes, and reported; nothing more is started.
func TestDiffersBeforeStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, run string)
		says   string
	}{
		"the pipeline": {func(w *world, _ string) {
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Tasks[0].TaskRef.Name = "report" })
			w.task("report", "")
		}, "Pipeline apply was changed after it was approved"},
		"the pipeline, put back": {func(w *world, _ string) {
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Description = "evil" })
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Description = "" })
		}, "Pipeline apply was changed after it was approved"},
		"a task": {func(w *world, _ string) {
			editAs(w, &pipelinev1.Task{}, "go", func(p *pipelinev1.Task) { p.Spec.Steps[0].Script = "rm -rf /" })
		}, "Task go was changed after it was approved"},
		"a step": {func(w *world, _ string) {
			editAs(w, &pipelinev1beta1.StepAction{}, "report", func(p *pipelinev1beta1.StepAction) { p.Spec.Script = "rm -rf /" })
		}, "StepAction report was changed after it was approved"},
		"a task made anew": {func(w *world, _ string) {
			task := &pipelinev1.Task{}
			if err := w.Get(w.t.Context(), request("go").NamespacedName, task); err != nil {
				w.t.Fatal(err)
			}
			if err := w.WithWatch.Delete(w.t.Context(), task.DeepCopy()); err != nil {
				w.t.Fatal(err)
			}
			task.ResourceVersion, task.UID = "", "another"
			if err := w.Create(w.t.Context(), task); err != nil {
				w.t.Fatal(err)
			}
		}, "Task go was recreated after it was approved"},
		"a task is gone": {func(w *world, _ string) {
			if err := w.WithWatch.Delete(w.t.Context(), kubetest.Objects(w.t, kubetest.Only(verifying, "Task"))[0]); err != nil {
				w.t.Fatal(err)
			}
		}, "Task go, which does not exist"},
		"its status says what runs": {func(w *world, run string) {
			pr := w.run(run)
			pr.Status.PipelineSpec = &pipelinev1.PipelineSpec{}
			w.save(pr)
		}, "into its status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, verifying)
			approval, run := w.pendingRun()
			c.change(w, run)
			w.wait(outcome.LeaderTakeoverDelay)
			for range 3 {
				w.step(w.approvals, approval)
				w.wait(time.Minute)
			}
			if pr := w.run(run); pr.Spec.Status != pipelinev1.PipelineRunSpecStatusCancelled {
				t.Errorf("its spec.status is %q", pr.Spec.Status)
			}
			if got := w.condition(approval, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False RunDiffers ") || !strings.Contains(got, c.says) {
				t.Errorf("released: %s\nwant %s", got, c.says)
			}
			if a := w.get(approval); a.SecondRun != nil || a.Outcome != approvals.Approved || a.ToRelease() {
				t.Errorf("%s, next %v", a.Outcome, a.SecondRun)
			}
			if posts, _ := w.listener.Requests(); len(posts) != 1 {
				t.Errorf("%d posts", len(posts))
			}
		})
	}
}

func (w *world) task(name, script string) {
	w.t.Helper()
	task := kubetest.Objects(w.t, "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: "+name+", generation: 1}\nspec: {steps: [{image: busybox, script: '"+script+"'}]}")[0]
	if err := w.Create(w.t.Context(), task); err != nil {
		w.t.Fatal(err)
	}
}

// TestDiffersAfterStart: what is changed in the moment between the comparison and
// Tekton's reading is seen after it, and cancelled.
func TestDiffersAfterStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, run string)
		says   string
	}{
		"the pipeline": {func(w *world, run string) {
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Description = "evil" })
			w.read(run)
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Description = "" })
		}, "Pipeline apply was changed"},
		"what Tekton runs of it": {func(w *world, run string) {
			w.read(run)
			pr := w.run(run)
			pr.Status.PipelineSpec.Tasks[1].TaskRef.Name = "wipe"
			w.save(pr)
		}, "what Tekton runs of it differs from the pipeline in task again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, verifying)
			approval, run := w.pendingRun()
			w.wait(outcome.LeaderTakeoverDelay)
			w.step(w.approvals, approval)
			if w.run(run).Spec.Status != "" {
				t.Fatal("it was not let go")
			}
			c.change(w, run)
			w.step(w.approvals, approval)
			if got := w.condition(approval, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False RunDiffers") || !strings.Contains(got, c.says) || !w.run(run).IsCancelled() {
				t.Errorf("released: %s; its spec.status is %q", got, w.run(run).Spec.Status)
			}
		})
	}
}

// TestTaskDiffers: Tekton reads a Task when it is its turn; what is not the approved one
// by then cancels the run.
func TestTaskDiffers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after func(w *world) // before and after Tekton has read the task
		old           bool           // the task began before this process
		cancelled     bool
		says          string // "" when all is well
	}{
		"as approved": {},
		"edited before it": {before: func(w *world) {
			editAs(w, &pipelinev1.Task{}, "go", func(p *pipelinev1.Task) { p.Spec.Steps[0].Script = "rm -rf /" })
		}, cancelled: true, says: "task go is not what was approved, because Task go was changed"},
		"a step edited before it": {before: func(w *world) {
			editAs(w, &pipelinev1beta1.StepAction{}, "report", func(p *pipelinev1beta1.StepAction) { p.Spec.Script = "rm -rf /" })
		}, cancelled: true, says: "StepAction report was changed"},
		"edited after it was compared": {after: func(w *world) {
			editAs(w, &pipelinev1.Task{}, "go", func(p *pipelinev1.Task) { p.Spec.Steps[0].Script = "better" })
		}},
		"edited, and the service was away": {before: func(w *world) {
			editAs(w, &pipelinev1.Task{}, "go", func(p *pipelinev1.Task) { p.Spec.Steps[0].Script = "better" })
		}, old: true, says: "may have run something else than was approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, verifying)
			approval, run := w.pendingRun()
			w.wait(outcome.LeaderTakeoverDelay)
			w.step(w.approvals, approval)
			w.read(run)
			w.wait(time.Second)
			w.step(w.approvals, approval)
			if w.get(approval).SecondRun == nil {
				t.Fatalf("not recorded: %s", w.condition(approval, v1alpha1.ConditionReleased))
			}
			if c.before != nil {
				c.before(w)
			}
			at := w.now()
			if c.old {
				at = at.Add(-time.Hour)
			}
			tr := &pipelinev1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "child", UID: "child", CreationTimestamp: metav1.NewTime(at)}}
			tr.Spec.TaskRef, tr.Status.TaskSpec = &pipelinev1.TaskRef{Name: "go"}, &pipelinev1.TaskSpec{}
			if err := w.Create(t.Context(), tr); err != nil {
				t.Fatal(err)
			}
			pr := w.run(run)
			pr.Status.ChildReferences = []pipelinev1.ChildStatusReference{{TypeMeta: runtime.TypeMeta{Kind: "TaskRun"}, Name: "child", PipelineTaskName: "go"}}
			w.save(pr)
			w.step(w.approvals, approval)
			if c.after != nil {
				c.after(w)
				w.step(w.approvals, approval)
			}
			got := w.condition(approval, v1alpha1.ConditionReleased)
			if c.says == "" && got != "True RunObserved " || c.says != "" && (!strings.HasPrefix(got, "False RunDiffers") || !strings.Contains(got, c.says)) {
				t.Errorf("released: %s\nwant %s", got, c.says)
			}
			if w.run(run).IsCancelled() != c.cancelled {
				t.Errorf("its spec.status is %q", w.run(run).Spec.Status)
			}
			pr = w.run(run)
			pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue})
			w.save(pr)
			w.step(w.approvals, approval)
			if _, ok := w.proofs.Awaited.By(client.ObjectKeyFromObject(pr)); ok {
				t.Error("a run that has ended is followed still")
			}
		})
	}
}

// TestMayNotLetGo: without the right the Approval says how to give it, and it goes on.
func TestMayNotLetGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, verifying)
	approval, run := w.pendingRun()
	w.wait(outcome.LeaderTakeoverDelay)
	w.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*pipelinev1.PipelineRun); ok && verb == "patch" {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pipelineruns"}, run, errors.New(`User "x" cannot patch resource "pipelineruns"`))
		}
		return nil
	})
	w.step(w.approvals, approval)
	if got := w.condition(approval, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False RunForbidden") || !strings.Contains(got, "deploy/components/release-pending-run") {
		t.Errorf("released: %s", got)
	}
	w.Fail(nil)
	w.step(w.approvals, approval)
	w.read(run)
	w.step(w.approvals, approval)
	if a := w.get(approval); a.SecondRun == nil || a.Unreleased != nil {
		t.Errorf("next %v, unreleased %v", a.SecondRun, a.Unreleased)
	}
}

// TestCancelledBeforeStart: what was cancelled in the meantime is not let go.
func TestCancelledBeforeStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, verifying)
	approval, run := w.pendingRun()
	if _, err := w.store.Update(t.Context(), w.get(approval).Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{By: "olga", Reason: "not today"}, w.now())
	}); err != nil {
		t.Fatal(err)
	}
	w.step(w.approvals, approval)
	if pr := w.run(run); pr.Spec.Status != pipelinev1.PipelineRunSpecStatusCancelled || w.get(approval).SecondRun != nil {
		t.Errorf("its spec.status is %q, next %v", pr.Spec.Status, w.get(approval).SecondRun)
	}
}

// TestVerifyNeedsPending: what could not be compared before it starts is not put to the
// vote, and says what to change.
func TestVerifyNeedsPending(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const params = "params: [{name: digest, value: $(tt.params.digest)}]}"
	for name, c := range map[string]struct{ old, new string }{
		"a run beside it":                   {params, params + "\n    - {apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: other}, spec: {pipelineRef: {name: apply}}}"},
		"a pod beside it":                   {params, params + "\n    - {apiVersion: v1, kind: Pod, metadata: {name: other}, spec: {}}"},
		"a binding of rights beside it":     {params, params + "\n    - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n    - {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: other}}"},
		"it would start at once":            {"status: PipelineRunPending, ", ""},
		"a pipeline that a resolver brings": {"pipelineRef: {name: apply}, params", "pipelineRef: {resolver: git}, params"},
		"a task that may change":            {"{name: revision, value: 0123456789abcdef0123456789abcdef01234567}", "{name: revision, value: main}"},
		"a task that is not there":          {"taskRef: {name: go}}", "taskRef: {name: nosuch}}"},
		"a step that is not there":          {"ref: {name: report}", "ref: {name: nosuch}"},
		"a custom task":                     {"taskRef: {name: go}}", "taskRef: {apiVersion: example.com/v1, kind: Wait, name: go}}"},
		"a name that comes later":           {"taskRef: {name: go}}", "taskRef: {name: $(params.digest)}}"},
		"a cluster's task":                  {"taskRef: {name: go}}", "taskRef: {name: go, kind: ClusterTask}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := strings.Replace(verifying, c.old, c.new, 1)
			if docs == verifying {
				t.Fatal("nothing was replaced")
			}
			w := newWorld(t, docs)
			opened := w.opened()
			w.step(w.approvals, opened)
			a := w.get(opened)
			if a.Resolved != nil || a.Blocked == nil {
				t.Fatalf("resolved %v, blocked %+v", a.Resolved != nil, a.Blocked)
			}
			said.Check(t, name, a.Blocked.Message)
		})
	}
}

// TestReferenceChangesWhilePending: votes for what would not run are not collected.
func TestReferenceChangesWhilePending(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"the Pipeline": func(w *world) {
			editAs(w, &pipelinev1.Pipeline{}, "apply", func(p *pipelinev1.Pipeline) { p.Spec.Tasks = p.Spec.Tasks[:2] })
		},
		"a Task": func(w *world) {
			editAs(w, &pipelinev1.Task{}, "go", func(x *pipelinev1.Task) { x.Spec.Steps[0].Script = "echo EVIL" })
		},
		"a StepAction": func(w *world) {
			editAs(w, &pipelinev1beta1.StepAction{}, "report", func(x *pipelinev1beta1.StepAction) { x.Spec.Script = "echo EVIL" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, strings.Replace(verifying, "required: 1", "required: 2", 1))
			first := w.opened()
			w.wait(preflight.ConditionsAfter)
			if next := w.step(w.preflight, first).RequeueAfter; next != preflight.LookSoon {
				t.Errorf("looked at again in %s, want %s", next, preflight.LookSoon)
			}
			w.vote(first, "alice", approvals.Approve)
			change(w)
			for range 3 {
				w.step(w.preflight, first)
				w.wait(2 * time.Second)
			}
			old := w.get(first)
			if old.Outcome != approvals.Superseded || !strings.HasPrefix(w.condition(first, v1alpha1.ConditionStartable), "False ContentChanged") {
				t.Fatalf("outcome %q, condition %s", old.Outcome, w.condition(first, v1alpha1.ConditionStartable))
			}
			next := w.get(old.SupersededBy)
			if len(next.Votes) != 0 || next.Resolved.Digest == old.Resolved.Digest || next.Resolved.TemplateDigest != old.Resolved.TemplateDigest {
				t.Errorf("asked again with %d votes, digest %s, template %s", len(next.Votes), next.Resolved.Digest, next.Resolved.TemplateDigest)
			}
		})
	}
}
