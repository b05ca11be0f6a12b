package servicetest

import (
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// TestOneRunManyApprovals: two Triggers wait for one run. What becomes of one Approval
// is nothing to the other, whichever end it is.
func TestOneRunManyApprovals(t *testing.T) {
	t.Parallel()
	second := strings.Replace(kubetest.Only(kubetest.World, "Trigger"), "{name: apply}", "{name: announce}", 1)
	one, other := approvals.Name("apply", "run:run-1"), approvals.Name("announce", "run:run-1")
	for name, c := range map[string]struct {
		end  func(*world)
		want approvals.Outcome
		runs int
	}{
		"approved": {func(w *world) { w.vote(one, "alice", approvals.Approve) }, approvals.Approved, 1},
		"rejected": {func(w *world) { w.vote(one, "bob", approvals.Reject) }, approvals.Rejected, 0},
		"cancelled": {func(w *world) {
			_, err := w.store.Update(w.t.Context(), approvals.Key{Namespace: "prod", Name: one}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				return approvals.Cancel(a, approvals.Cancellation{By: "olga", Reason: "wrong branch"}, w.now())
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}, approvals.Cancelled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World+"---\n"+second)
			w.listener.Serve(t)
			w.step(w.runs, "plan-1")
			before := w.version(other)
			c.end(w)
			for range 4 {
				w.wait(outcome.LeaderTakeoverDelay)
				for _, n := range []string{one, other} {
					w.step(w.approvals, n)
				}
			}
			if a := w.get(one); a.Outcome != c.want || (a.SecondRun != nil) != (c.runs == 1) {
				t.Fatalf("%s, next %+v; want %s", a.Outcome, a.SecondRun, c.want)
			}
			if a := w.get(other); a.Decided() || len(a.Votes) != 0 || w.version(other) != before {
				t.Errorf("the other is %s with votes %+v, and was written", a.Outcome, a.Votes)
			}
			var runs pipelinev1.PipelineRunList
			if err := w.List(t.Context(), &runs); err != nil || len(runs.Items) != 1+c.runs { // part 1, and what was approved
				t.Errorf("%d runs, %v", len(runs.Items), err)
			}
			// It is still there to be decided, and that is nothing to the first.
			before = w.version(one)
			w.vote(other, "bob", approvals.Reject)
			w.step(w.approvals, other)
			if a := w.get(other); a.Outcome != approvals.Rejected || w.version(one) != before || w.get(one).Outcome != c.want {
				t.Errorf("then the other is %s, and the first %s", a.Outcome, w.get(one).Outcome)
			}
		})
	}
}

// TestOneRunTwoTasks: the answer to one approval task of a run leaves the other waiting.
func TestOneRunTwoTasks(t *testing.T) {
	t.Parallel()
	x := newTasking(t, "automatiko")
	const second = "deploy-1-second"
	x.pipeline(func(spec *pipelinev1.PipelineSpec) {
		task := *spec.Tasks[0].DeepCopy()
		task.Name = "second"
		spec.Tasks = append(spec.Tasks, task)
	})
	var pr pipelinev1.PipelineRun
	x.must(x.Get(t.Context(), request("deploy-1").NamespacedName, &pr))
	child := pr.Status.ChildReferences[0]
	child.Name, child.PipelineTaskName = second, "second"
	pr.Status.ChildReferences = append(pr.Status.ChildReferences, child)
	x.must(x.WithWatch.Update(t.Context(), &pr))
	cr := x.run()
	cr.Name, cr.UID, cr.ResourceVersion, cr.Labels["tekton.dev/pipelineTask"] = second, "custom-2", "", "second"
	x.must(x.Create(t.Context(), cr))
	for _, x.customRun = range []string{customRun, second} {
		x.settle()
	}
	of := map[string]approvals.Approval{}
	for _, a := range x.all() {
		of[a.Source.Task.Name] = a
	}
	if len(of) != 2 {
		t.Fatalf("%d approvals, want one a task; %s", len(of), x.log.String())
	}
	x.vote(of[customRun].Name, "alice", approvals.Approve)
	for _, x.customRun = range []string{customRun, second} {
		x.settle()
	}
	if got := ending(x.run()); !strings.HasPrefix(got, "Unknown Running ") { // of the second
		t.Errorf("the second task: %s", got)
	}
	if a := x.get(of[second].Name); a.Decided() || len(a.Votes) != 0 {
		t.Errorf("the second task's Approval is %s with votes %+v", a.Outcome, a.Votes)
	}
	x.vote(of[second].Name, "bob", approvals.Reject)
	x.wait(time.Minute)
	for _, c := range []struct{ name, want string }{{customRun, "decision=true"}, {second, "decision=false"}} {
		x.customRun = c.name
		if got := ending(x.settle()); !strings.HasPrefix(got, "True Succeeded") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestKeptByDefault: a newer run asks for itself, and takes nothing from an older one,
// unless the Gate says so.
func TestKeptByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	old := w.opened()
	newer := w.another("plan-2", "production")
	for range 2 {
		w.wait(time.Minute)
		for _, n := range []string{old, newer} {
			w.step(w.approvals, n)
		}
	}
	for _, n := range []string{old, newer} {
		if _, _, err := w.desk.Vote(t.Context(), w.get(n).Key, ct.Ballot("alice", approvals.Approve, "")); err != nil || w.get(n).Outcome != approvals.Approved {
			t.Errorf("%s: %v, %s", n, err, w.get(n).Outcome)
		}
	}
}

// version is the Approval's in the cluster, which every write changes.
func (w *world) version(name string) string {
	w.t.Helper()
	var o v1alpha1.Approval
	if err := w.Get(w.t.Context(), request(name).NamespacedName, &o); err != nil {
		w.t.Fatal(err)
	}
	return o.ResourceVersion
}

// another has a further run of part 1 opened, for an environment, and returns the
// Approval's name.
func (w *world) another(run, env string) string {
	w.t.Helper()
	pr := kubetest.Objects(w.t, strings.NewReplacer("plan-1", run, "run-1", "uid-of-"+run, "value: production", "value: "+env).Replace(kubetest.Only(kubetest.World, "PipelineRun")))[0]
	if err := w.Create(w.t.Context(), pr); err != nil {
		w.t.Fatal(err)
	}
	w.step(w.runs, run)
	return approvals.Name("apply", "run:uid-of-"+run)
}
