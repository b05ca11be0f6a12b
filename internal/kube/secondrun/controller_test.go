package secondrun_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/secondrun"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// run is a second run of that status, with the TaskRuns that it made.
func run(status string, taskRuns ...string) string {
	docs := `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: apply-x, uid: run-2}
spec: {pipelineRef: {name: apply}}
status: ` + status
	return strings.Join(append([]string{docs}, taskRuns...), "\n---\n")
}

func taskRun(name, status string) string {
	return `apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: ` + name + `}
status: ` + status
}

const (
	times    = `startTime: "2026-03-01T09:00:00Z", completionTime: "2026-03-01T09:00:42Z"`
	children = `childReferences: [{apiVersion: tekton.dev/v1, kind: TaskRun, name: x-later, pipelineTaskName: later}, {apiVersion: tekton.dev/v1, kind: TaskRun, name: x-gone, pipelineTaskName: gone}, {apiVersion: tekton.dev/v1, kind: TaskRun, name: x-first, pipelineTaskName: first}, {apiVersion: tekton.dev/v1, kind: TaskRun, name: x-cancelled, pipelineTaskName: cancelled}, {apiVersion: tekton.dev/v1, kind: TaskRun, name: x-ignored, pipelineTaskName: ignored}]`
)

// began and ended are the run's, by times.
var (
	began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	ended = began.Add(42 * time.Second)
)

// following is a controller over a cluster that holds an approved Approval whose run was seen.
type following struct {
	*servicetest.Cluster
	*secondrun.Runs
	key  approvals.Key
	told []approvals.RunOutcome
}

func follow(t *testing.T, docs string) *following {
	t.Helper()
	a := ct.Make("a").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		a.Namespace = "prod"
		a.SecondRun = &approvals.Run{Name: "apply-x", UID: "run-2", Pipeline: "apply", At: ct.T0.Add(time.Minute)}
	}).Obj()
	objs := []client.Object{servicetest.ObjectOf(a)}
	if docs != "" {
		objs = append(objs, kubetest.Objects(t, docs)...)
	}
	f := &following{Cluster: servicetest.NewCluster(t, objs...), key: a.Key}
	f.Runs = &secondrun.Runs{
		Client: f.Cluster, Live: f.Cluster, Store: f.Cluster.Store(), Now: servicetest.At(ct.T0.Add(time.Hour)), Log: servicetest.Quiet,
		Ended: func(a approvals.Approval) { f.told = append(f.told, a.RunEnd.Outcome) },
	}
	return f
}

func (f *following) step(t *testing.T) *approvals.RunEnd {
	t.Helper()
	if _, err := f.Reconcile(t.Context(), kubeutil.RequestFor("prod", "a")); err != nil {
		t.Fatal(err)
	}
	return f.end(t)
}

func (f *following) end(t *testing.T) *approvals.RunEnd {
	t.Helper()
	a, err := f.Runs.Store.Fresh(t.Context(), f.key)
	if err != nil {
		t.Fatal(err)
	}
	return a.RunEnd
}

// unread is an API server that must not be asked: a read panics.
type unread struct{ client.Reader }

// TestNothingIsReadWhileItGoesOn: of a run that goes on the cache is enough. Each decision would
// cost a read otherwise, just when a burst of them is being released.
func TestNothingIsReadWhileItGoesOn(t *testing.T) {
	t.Parallel()
	f := follow(t, run(`{conditions: [{type: Succeeded, status: Unknown, reason: Running}]}`))
	f.Live, f.Runs.Store.Live = unread{}, unread{}
	if _, err := f.Reconcile(t.Context(), kubeutil.RequestFor("prod", "a")); err != nil {
		t.Error(err)
	}
}

// TestEnds: how each run ended is written as the API server has it, in one write, which is
// told once; nothing is written while it goes on.
func TestEnds(t *testing.T) {
	t.Parallel()
	now := ct.T0.Add(time.Hour)
	for name, c := range map[string]struct {
		docs string
		want *approvals.RunEnd
	}{
		"goes on":       {run(`{conditions: [{type: Succeeded, status: Unknown, reason: Running}]}`), nil},
		"not begun":     {run(`{}`), nil},
		"succeeded":     {run(`{` + times + `, conditions: [{type: Succeeded, status: "True", reason: Completed, message: "Tasks Completed: 1"}]}`), &approvals.RunEnd{Outcome: approvals.RunSucceeded, StartedAt: began, EndedAt: ended}},
		"cancelled":     {run(`{` + times + `, conditions: [{type: Succeeded, status: "False", reason: Cancelled, message: "PipelineRun \"apply-x\" was cancelled"}]}`), &approvals.RunEnd{Outcome: approvals.RunCancelled, StartedAt: began, EndedAt: ended, Message: `PipelineRun "apply-x" was cancelled`}},
		"never started": {run(`{completionTime: "2026-03-01T09:00:42Z", conditions: [{type: Succeeded, status: "False", reason: CouldntGetPipeline, message: no such pipeline}]}`), &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: ended, Message: "no such pipeline"}},
		"timed out": {
			run(`{`+times+`, `+children+`, conditions: [{type: Succeeded, status: "False", reason: PipelineRunTimeout, message: it took too long}]}`, taskRun("x-first", `{conditions: [{type: Succeeded, status: "False", reason: TaskRunTimeout, message: ended}]}`)),
			&approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: began, EndedAt: ended, Message: "it took too long"},
		},
		"a task failed": {
			run(`{`+times+`, `+children+`, conditions: [{type: Succeeded, status: "False", reason: Failed, message: "Tasks Completed: 3"}]}`,
				taskRun("x-later", `{completionTime: "2026-03-01T09:00:41Z", conditions: [{type: Succeeded, status: "False", reason: Failed, message: second}]}`),
				taskRun("x-first", `{completionTime: "2026-03-01T09:00:40Z", conditions: [{type: Succeeded, status: "False", reason: Failed, message: "\"step-apply\" exited with code 1"}]}`),
				taskRun("x-cancelled", `{completionTime: "2026-03-01T09:00:01Z", conditions: [{type: Succeeded, status: "False", reason: TaskRunCancelled, message: cancelled}]}`),
				taskRun("x-ignored", `{completionTime: "2026-03-01T09:00:01Z", conditions: [{type: Succeeded, status: "False", reason: FailureIgnored, message: ignored}]}`)),
			&approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: began, EndedAt: ended, Task: "first", Message: `"step-apply" exited with code 1`},
		},
		"its tasks were deleted": {
			run(`{` + times + `, ` + children + `, conditions: [{type: Succeeded, status: "False", reason: Failed, message: "Tasks Completed: 3"}]}`),
			&approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: began, EndedAt: ended, Message: "Tasks Completed: 3"},
		},
		"deleted":     {"", &approvals.RunEnd{Outcome: approvals.RunGone, EndedAt: now}},
		"another one": {strings.Replace(run(`{`+times+`, conditions: [{type: Succeeded, status: "True", reason: Completed}]}`), "run-2", "run-3", 1), &approvals.RunEnd{Outcome: approvals.RunGone, EndedAt: now}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, c.docs)
			before := f.Writes()
			if d := cmp.Diff(c.want, f.step(t), ct.Same); d != "" {
				t.Errorf("end (-want +got)\n%s", d)
			}
			f.step(t)
			want := 0
			if c.want != nil {
				want = 1
			}
			if got := f.Writes() - before; got != want || len(f.told) != want {
				t.Errorf("%d writes and told %v, want %d of each", got, f.told, want)
			}
		})
	}
}

// TestLeftAlone: what is long ago, what nobody here opened, and what has no run is not looked
// for at the API server.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, f *following){
		"long ago": func(_ *testing.T, f *following) {
			f.Now = servicetest.At(ct.T0.Add(2 * secondrun.FollowFor))
		},
		"not genuine": func(t *testing.T, f *following) {
			t.Helper()
			o := servicetest.ObjectOf(ct.Make("a").With(func(a *approvals.Approval) { a.Namespace = "prod" }).Obj())
			if err := f.WithWatch.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
				t.Fatal(err)
			}
			o.Spec.Signature = "AAAA"
			if err := f.Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, "")
			change(t, f)
			if end := f.step(t); end != nil || len(f.told) != 0 {
				t.Errorf("noted %+v", end)
			}
		})
	}
}

// TestDeletedAtOnce: a run that ended and was deleted before anybody looked keeps its end.
func TestDeletedAtOnce(t *testing.T) {
	t.Parallel()
	f := follow(t, "")
	pr := kubetest.Objects(t, run(`{`+times+`, conditions: [{type: Succeeded, status: "True", reason: Completed}]}`))[0]
	if got := f.StartedBy(t.Context(), pr); len(got) != 1 || got[0].Name != "a" {
		t.Fatalf("the end of the run wakes %v, want approval a", got)
	}
	if end := f.step(t); end == nil || end.Outcome != approvals.RunSucceeded || !end.EndedAt.Equal(ended) {
		t.Errorf("noted %+v, want that it succeeded", end)
	}
	if got := f.StartedBy(t.Context(), pr); len(got) != 0 {
		t.Errorf("it wakes %v again, want nobody", got)
	}
}

// TestUnclear: while the API server does not say how it ended, nothing is noted.
func TestUnclear(t *testing.T) {
	t.Parallel()
	docs := run(`{`+times+`, `+children+`, conditions: [{type: Succeeded, status: "False", reason: Failed}]}`, taskRun("x-first", `{conditions: [{type: Succeeded, status: "False", reason: Failed}]}`))
	for _, kind := range []runtime.Object{&pipelinev1.PipelineRun{}, &pipelinev1.TaskRun{}} {
		f := follow(t, docs)
		f.Fail(func(verb string, o runtime.Object) error {
			if _, is := o.(*pipelinev1.TaskRun); verb == "get" && is == isTaskRun(kind) && !isApproval(o) {
				return errors.New("down")
			}
			return nil
		})
		if _, err := f.Reconcile(t.Context(), kubeutil.RequestFor("prod", "a")); err == nil {
			t.Errorf("%T can't be read, and there is no error: it would not be looked at again", kind)
		}
		f.Fail(nil)
		if end := f.end(t); end != nil {
			t.Errorf("%T can't be read, and the end is %+v", kind, end)
		}
	}
}

func isTaskRun(o runtime.Object) bool { _, ok := o.(*pipelinev1.TaskRun); return ok }

func isApproval(o runtime.Object) bool {
	_, run := o.(*pipelinev1.PipelineRun)
	return !run && !isTaskRun(o)
}
