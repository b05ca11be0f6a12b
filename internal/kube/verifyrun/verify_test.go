package verifyrun_test

import (
	"context"
	"errors"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// mutating is an API server with a mutating admission, which writes what Tekton's own
// defaults do not have.
type mutating struct{ client.Client }

func (m mutating) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	err := m.Client.Create(ctx, o, opts...)
	if pr, ok := o.(*pipelinev1.PipelineRun); ok && err == nil {
		mutate(pr)
	}
	return err
}

func mutate(pr *pipelinev1.PipelineRun) {
	pr.Spec.Timeouts = &pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{Duration: 7 * time.Hour}}
}

// TestProve: who made it does not matter, what it is does.
func TestProve(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	edited := func(change func(pr *pipelinev1.PipelineRun)) func(*testing.T, *servicetest.Releasing, *pipelinev1.PipelineRun) {
		return func(_ *testing.T, _ *servicetest.Releasing, pr *pipelinev1.PipelineRun) { change(pr) }
	}
	for name, c := range map[string]struct {
		before func(t *testing.T, r *servicetest.Releasing, pr *pipelinev1.PipelineRun)
		reason string // "" when it is proved
	}{
		"equal content": {edited(func(*pipelinev1.PipelineRun) {}), ""},
		"with Tekton's defaults": {edited(func(pr *pipelinev1.PipelineRun) {
			pr.SetDefaults(context.Background()) //nolint:usetesting // no test's
		}), ""},
		"mutated by admission": {func(_ *testing.T, r *servicetest.Releasing, pr *pipelinev1.PipelineRun) {
			r.Proofs.Client = mutating{r.Proofs.Client}
			mutate(pr)
		}, ""},
		"mutated by nobody": {edited(mutate), verifyrun.NameTaken},
		"mutated, and edited too": {func(_ *testing.T, r *servicetest.Releasing, pr *pipelinev1.PipelineRun) {
			r.Proofs.Client = mutating{r.Proofs.Client}
			mutate(pr)
			pr.Spec.PipelineRef.Name = "wipe-db"
		}, verifyrun.NameTaken},
		"dry runs are refused": {func(_ *testing.T, r *servicetest.Releasing, pr *pipelinev1.PipelineRun) {
			mutate(pr)
			r.Fail(servicetest.DryRun(apierrors.NewForbidden(schema.GroupResource{Resource: "pipelineruns"}, "x", errors.New("quota is used up"))))
		}, verifyrun.ReasonRunUnproved},
		"before the approval": {edited(func(pr *pipelinev1.PipelineRun) { pr.CreationTimestamp = metav1.NewTime(ct.T0.Add(-time.Hour)) }), verifyrun.NameTaken},
		"decided by a clock that is ahead": {func(_ *testing.T, r *servicetest.Releasing, _ *pipelinev1.PipelineRun) {
			r.A.DecidedAt = r.Now().Add(24 * time.Hour)
		}, ""},
		"under another name": {edited(func(pr *pipelinev1.PipelineRun) { pr.Name = "apply-now" }), verifyrun.NameTaken},
		"elsewhere":          {edited(func(pr *pipelinev1.PipelineRun) { pr.Namespace = "dev" }), verifyrun.NameTaken},
		"the trigger was edited, and it is remembered": {func(t *testing.T, r *servicetest.Releasing, _ *pipelinev1.PipelineRun) {
			r.Proofs.Expect(t.Context(), r.A)
			r.EditTemplate(t)
		}, ""},
		"the trigger was edited, and nobody remembers": {func(t *testing.T, r *servicetest.Releasing, _ *pipelinev1.PipelineRun) {
			r.EditTemplate(t)
		}, verifyrun.ReasonRunUnproved},
		"the trigger is gone": {func(t *testing.T, r *servicetest.Releasing, _ *pipelinev1.PipelineRun) {
			r.Replace(t, kubetest.Objects(t, kubetest.Only(kubetest.World, "Trigger"))[0], nil)
		}, verifyrun.ReasonRunUnproved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := servicetest.NewReleasing(t, kubetest.World)
			pr := kubetest.Started(string(r.A.RunName), "apply", "e", r.Now()).(*pipelinev1.PipelineRun)
			c.before(t, r, pr)
			problem, err := r.Proofs.Prove(t.Context(), r.A, pr)
			if err != nil {
				t.Fatal(err)
			}
			if problem == nil {
				problem = &approvals.Problem{}
			}
			if problem.Reason != c.reason {
				t.Errorf("%s %q, want %s", problem.Reason, problem.Message, c.reason)
			}
			if problem.Message != "" {
				said.Check(t, name, problem.Message)
			}
			if found, err := r.Proofs.LookLive(t.Context(), r.A); err != nil || found != (verifyrun.Sighting{}) {
				t.Errorf("a run was created: %+v, %v", found, err)
			}
		})
	}
}

// TestProveUnavailable: no answer is no proof, and no accusation.
func TestProveUnavailable(t *testing.T) {
	t.Parallel()
	r := servicetest.NewReleasing(t, kubetest.World)
	pr := kubetest.Started(string(r.A.RunName), "apply", "e", r.Now()).(*pipelinev1.PipelineRun)
	mutate(pr)
	r.Fail(servicetest.DryRun(apierrors.NewServiceUnavailable("etcd")))
	if problem, err := r.Proofs.Prove(t.Context(), r.A, pr); approvals.CodeOf(err) != approvals.CodeUnavailable || problem != nil {
		t.Errorf("%v, %v", problem, err)
	}
}

// staleRuns is a cache that lags behind, or has runs in part.
type staleRuns struct {
	client.Client
	run *pipelinev1.PipelineRun // nil: it has none
}

func (s staleRuns) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if pr, ok := o.(*pipelinev1.PipelineRun); ok {
		if s.run == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "pipelineruns"}, key.Name)
		}
		s.run.DeepCopyInto(pr)
		return nil
	}
	return s.Client.Get(ctx, key, o, opts...)
}

// TestLook: that a run is not the Approval's is the API server's word alone, and what the
// cache has in part is read whole.
func TestLook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cached func(pr *pipelinev1.PipelineRun)
		live   bool
		want   string
	}{
		"in part": {func(pr *pipelinev1.PipelineRun) {
			pr.Spec.TaskRunTemplate = pipelinev1.PipelineTaskRunTemplate{}
			pipelinerun.InPart(pr)
		}, true, "seen"},
		"another one, and gone":      {func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name = "wipe-db" }, false, "nothing"},
		"another one, and ours came": {func(pr *pipelinev1.PipelineRun) { pr.Spec.PipelineRef.Name, pr.UID = "wipe-db", "older" }, true, "seen"},
		"in part, and gone":          {pipelinerun.InPart, false, "nothing"},
	} {
		r := servicetest.NewReleasing(t, kubetest.World)
		pr := kubetest.Started(string(r.A.RunName), "apply", "e", r.Now()).(*pipelinev1.PipelineRun)
		if c.live {
			if err := r.WithWatch.Create(t.Context(), pr.DeepCopy()); err != nil {
				t.Fatal(err)
			}
		}
		c.cached(pr)
		r.Proofs.Client = staleRuns{r.Proofs.Client, pr}
		found, err := r.Proofs.Look(t.Context(), r.A)
		got := "nothing"
		switch {
		case err != nil:
			t.Fatal(err)
		case found.Run != nil:
			got = "seen"
		case found.Problem != nil:
			got = found.Problem.Message
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestAwaited: a run is of the Approval that awaits its name, from before anybody looks.
func TestAwaited(t *testing.T) {
	t.Parallel()
	r := servicetest.NewReleasing(t, kubetest.World)
	run := types.NamespacedName{Namespace: "prod", Name: string(r.A.RunName)}
	if _, ok := r.Proofs.Awaited.By(run); ok {
		t.Error("it is awaited before anybody looked")
	}
	if _, err := r.Proofs.Look(t.Context(), r.A); err != nil {
		t.Fatal(err)
	}
	if by, ok := r.Proofs.Awaited.By(run); !ok || by.Name != r.A.Name {
		t.Errorf("%v, %t", by, ok)
	}
	// Another Approval of that name has another run.
	again := r.A
	again.UID, again.RunName = "another", "apply-other"
	r.Proofs.Awaited.Add(again)
	if _, ok := r.Proofs.Awaited.By(run); ok {
		t.Error("the one before is awaited still")
	}
	r.Proofs.Forget(again.Key)
	if _, ok := r.Proofs.Awaited.By(types.NamespacedName{Namespace: "prod", Name: "apply-other"}); ok {
		t.Error("it is awaited after it was recorded")
	}
}
