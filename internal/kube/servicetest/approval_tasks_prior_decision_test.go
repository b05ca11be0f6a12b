package servicetest

import (
	"slices"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestRecorded: part 2's first task is answered by the decision that started the run,
// and no other.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const inConfigMap = "one whose outcome is written elsewhere"
	setup := func(t *testing.T, world string) (x *tasking, approval, run string) {
		x = newTasking(t, "automatiko")
		for _, o := range kubetest.Objects(t, world) {
			x.must(x.Create(t.Context(), o))
		}
		x.step(x.runs, "plan-1")
		a := x.first()
		x.vote(a.Name, "alice", approvals.Approve)
		// Part 2 has the name that the service gave it, and its own task.
		if run = string(x.get(a.Name).RunName); run == "" {
			run = a.Name
		}
		pr := kubetest.Started(run, "apply", "event-1", x.now()).(*pipelinev1.PipelineRun)
		var like pipelinev1.PipelineRun
		x.must(x.Get(t.Context(), request("deploy-1").NamespacedName, &like))
		pr.Status = like.Status
		x.customRun = pr.Name + "-approval"
		pr.Status.ChildReferences[0].Name = x.customRun
		pr.Status.PipelineSpec.Tasks[0].Params[0].Value = *pipelinev1.NewStructuredValues("Deploy 1.2 to production")
		x.must(x.Create(t.Context(), pr))
		var cr pipelinev1beta1.CustomRun
		x.must(x.Get(t.Context(), request(customRun).NamespacedName, &cr))
		cr.Name, cr.ResourceVersion, cr.OwnerReferences[0].Name, cr.OwnerReferences[0].UID = x.customRun, "", pr.Name, pr.UID
		x.must(x.Create(t.Context(), &cr))
		return x, a.Name, run
	}
	edit := func(x *tasking, name string, edit func(*pipelinev1.PipelineRun)) {
		var pr pipelinev1.PipelineRun
		x.must(x.Get(x.t.Context(), request(name).NamespacedName, &pr))
		edit(&pr)
		x.must(x.WithWatch.Update(x.t.Context(), &pr))
	}
	again := pipelinev1.PipelineTask{Name: "second", TaskRef: &pipelinev1.TaskRef{APIVersion: "openshift-pipelines.org/v1alpha1", Kind: "ApprovalTask"}}
	for name, c := range map[string]struct {
		change func(x *tasking, approval, run string)
		asked  bool
	}{
		"answered": {func(*tasking, string, string) {}, false},
		"a later gate of part 2": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Status.PipelineSpec.Tasks[0].RunAfter = []string{"go"} })
		}, true},
		"two that begin": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Status.PipelineSpec.Tasks = append(pr.Status.PipelineSpec.Tasks, again)
			})
		}, true},
		"a later one beside it": {func(x *tasking, _, run string) {
			later := again
			later.RunAfter = []string{"go"}
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Status.PipelineSpec.Tasks = append(pr.Status.PipelineSpec.Tasks, later)
			})
		}, false},
		"a run of another Trigger": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Labels["triggers.tekton.dev/trigger"] = "other" })
		}, true},
		"a run that turned out to differ": {func(x *tasking, n, run string) {
			x.next(n, "uid-of-"+run)
			_, err := x.store.Update(x.t.Context(), approvals.Key{Namespace: "prod", Name: n}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
				a, did := approvals.Accuse(a, approvals.Problem{Reason: approvals.ReasonRunDiffers, Message: "task go was changed"})
				return a, did, nil
			})
			x.must(err)
		}, true},
		"a run of another pipeline": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name = "wipe-db" })
		}, true},
		"a run with another param": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) {
				pr.Spec.Params[0].Value = *pipelinev1.NewStructuredValues("sha256:evil")
			})
		}, true},
		"a run from before": {func(x *tasking, _, run string) {
			edit(x, run, func(pr *pipelinev1.PipelineRun) { pr.CreationTimestamp = metav1.NewTime(ct.T0.Add(-time.Hour)) })
		}, true},
		"a Gate of its own": {func(x *tasking, _, _ string) {
			x.must(x.Create(x.t.Context(), kubetest.Objects(x.t, "kind: Gate\nmetadata: {name: strict}\nspec: {approvers: {users: [{name: carol}]}}")[0]))
			x.param("gate", "strict")
		}, true},
		"the Gate that decided": {func(x *tasking, _, _ string) { x.param("gate", "production") }, false},
		// A ConfigMap was told: no run of the Approval's name is its doing.
		inConfigMap:                   {func(*tasking, string, string) {}, true},
		"an undecided one's":          {func(x *tasking, n, _ string) { x.undecide(n) }, true},
		"another run was seen before": {func(x *tasking, n, _ string) { x.next(n, "other-uid") }, true},
		"this run was seen before":    {func(x *tasking, n, run string) { x.next(n, "uid-of-"+run) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := kubetest.World
			if name == inConfigMap {
				world = polled
			}
			x, by, run := setup(t, world)
			c.change(x, by, run)
			x.step(x.tasks, x.customRun)
			got, list := ending(x.run()), x.tasksOnly()
			if c.asked {
				if got != "" || len(list) != 1 {
					t.Errorf("answered %q with %d approvals: people must be asked", got, len(list))
				}
				return
			}
			if got != "True Succeeded Approval Task has been completed | decision=true comment=ok approvedBy=alice rejectedBy=" || len(list) != 0 {
				t.Errorf("got %q and %d approvals", got, len(list))
			}
		})
	}
}

func (x *tasking) first() approvals.Approval {
	x.t.Helper()
	list, err := x.store.List(x.t.Context(), "prod")
	if err != nil || len(list) == 0 {
		x.t.Fatalf("%d approvals, %v", len(list), err)
	}
	return list[0]
}

func (x *tasking) tasksOnly() []approvals.Approval {
	x.t.Helper()
	list, err := x.store.List(x.t.Context(), "prod")
	x.must(err)
	return slices.DeleteFunc(list, func(a approvals.Approval) bool { return a.Source.Task == nil })
}

func (x *tasking) undecide(name string) {
	x.t.Helper()
	var o v1alpha1.Approval
	x.must(x.Get(x.t.Context(), request(name).NamespacedName, &o))
	o.Status.Outcome, o.Status.DecidedAt = "Pending", nil
	x.must(x.WithWatch.Status().Update(x.t.Context(), &o))
}

func (x *tasking) next(name, uid string) {
	x.t.Helper()
	_, err := x.store.Update(x.t.Context(), approvals.Key{Namespace: "prod", Name: name}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.SecondRun = &approvals.Run{Name: name, UID: uid, At: x.now()}
		return a, approvals.Released, nil
	})
	x.must(err)
}
