package servicetest

import (
	"context"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// behind is a cache that still has an Approval as it was.
type behind struct {
	client.Client

	old *v1alpha1.Approval
}

func (b behind) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if a, ok := o.(*v1alpha1.Approval); ok && key == client.ObjectKeyFromObject(b.old) {
		b.old.DeepCopyInto(a)
		return nil
	}
	return b.Client.Get(ctx, key, o, opts...)
}

// TestRunDeletedUnderLag: the run was seen, recorded and deleted, and the watch of Approvals
// has not told of that. Nothing is posted: by the API server's word its work is done.
func TestRunDeletedUnderLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	var decided v1alpha1.Approval
	if err := w.Get(t.Context(), request(name).NamespacedName, &decided); err != nil {
		t.Fatal(err)
	}
	run := w.runOf(name)
	w.wait(outcome.LeaderTakeoverDelay)
	w.step(w.approvals, name) // posts
	w.wait(time.Second)
	w.step(w.approvals, name) // records
	if a := w.get(name); a.SecondRun == nil || a.SecondRun.Name != run {
		t.Fatalf("the run was not recorded: %+v", a.SecondRun)
	}
	pr := &pipelinev1.PipelineRun{}
	pr.Namespace, pr.Name = "prod", run
	if err := w.WithWatch.Delete(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	w.approvals.Store = &store.Store{Client: behind{w, &decided}, Live: w, Ring: w.store.Ring, Now: w.now}
	for range 4 {
		w.step(w.approvals, name)
		w.wait(time.Minute)
	}
	if posts, _ := w.listener.Requests(); len(posts) != 1 {
		t.Errorf("%d posts, want the one of before", len(posts))
	}
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(pr), pr); err == nil {
		t.Error("a second run was started")
	}
}

// TestOurRunUnderLag: the run is there, and the watch of runs tells of none, or of another one.
// It is never said that somebody else has its name, and its event is not posted again.
func TestOurRunUnderLag(t *testing.T) {
	t.Parallel()
	for name, cached := range map[string]func(pr *pipelinev1.PipelineRun) *pipelinev1.PipelineRun{
		"no run yet": func(*pipelinev1.PipelineRun) *pipelinev1.PipelineRun { return nil },
		"as another was": func(pr *pipelinev1.PipelineRun) *pipelinev1.PipelineRun {
			pr.UID = "older"
			pr.Spec.Params = nil
			return pr
		},
		"without its marks": func(pr *pipelinev1.PipelineRun) *pipelinev1.PipelineRun { pr.Labels = nil; return pr },
		"in part":           func(pr *pipelinev1.PipelineRun) *pipelinev1.PipelineRun { pipelinerun.InPart(pr); return pr },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.listener.Serve(t)
			approval := w.opened()
			w.vote(approval, "alice", approvals.Approve)
			run := w.runOf(approval)
			w.wait(outcome.LeaderTakeoverDelay)
			w.step(w.approvals, approval) // posts
			var pr pipelinev1.PipelineRun
			if err := w.Get(t.Context(), request(run).NamespacedName, &pr); err != nil {
				t.Fatal(err)
			}
			w.proofs.Client = oldRun{w, run, cached(pr.DeepCopy())}
			for range 3 {
				w.wait(time.Minute)
				w.step(w.approvals, approval)
			}
			if a := w.get(approval); a.SecondRun == nil || a.SecondRun.Name != run || a.Unreleased != nil {
				t.Errorf("next %+v, unreleased %+v", a.SecondRun, a.Unreleased)
			}
			if posts, _ := w.listener.Requests(); len(posts) != 1 || w.event() != "" {
				t.Errorf("%d posts, or an Event", len(posts))
			}
		})
	}
}

// oldRun is a cache that has another state of one run, nil for none.
type oldRun struct {
	client.Client

	name string
	old  *pipelinev1.PipelineRun
}

func (c oldRun) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	pr, ok := o.(*pipelinev1.PipelineRun)
	if !ok || key.Name != c.name {
		return c.Client.Get(ctx, key, o, opts...)
	}
	if c.old == nil {
		key.Name = "nobody-has-made-this"
		return c.Client.Get(ctx, key, o, opts...)
	}
	c.old.DeepCopyInto(pr)
	return nil
}
