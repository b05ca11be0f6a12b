package approvaltask

import (
	"context"
	"fmt"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// CustomRuns writes what comes of a task into its CustomRun. Each write is for one
// attempt of one CustomRun that has not ended: whatever is written again after a crash
// finds it done and changes nothing. One that has ended is never touched.
type CustomRuns struct {
	Client client.Client
	Live   client.Reader
	Now    func() time.Time
}

// Tried counts the attempts of cr before the one that runs; Tekton keeps a status of each.
func Tried(cr *pipelinev1beta1.CustomRun) int { return len(cr.Status.RetriesStatus) }

// PickUp says in cr that it is in hand: without it Tekton would not know that anybody
// looks after it.
func (c *CustomRuns) PickUp(ctx context.Context, cr *pipelinev1beta1.CustomRun, approval string) error {
	if cond := cr.Status.GetCondition(apis.ConditionSucceeded); cr.HasStarted() && cond != nil {
		return nil
	}
	return c.write(ctx, cr, func(s *pipelinev1beta1.CustomRunStatus) {
		if s.StartTime == nil {
			s.StartTime = &metav1.Time{Time: c.Now()}
		}
		s.SetCondition(waits("waiting for a decision on approval " + approval))
	})
}

// Release implements release.Kind: it writes the outcome of a into its CustomRun, as far as
// the cache knows it to wait for that. What it leaves undone is done by the leader, which
// looks closer.
func (c *CustomRuns) Release(ctx context.Context, a approvals.Approval) (eventID string, err error) {
	return "", c.Answer(ctx, a)
}

// Answer is Release without an event.
func (c *CustomRuns) Answer(ctx context.Context, a approvals.Approval) error {
	t := a.Source.Task
	kind, ok := tasks.Find(t.Mapping)
	if !ok || !a.ToAnswer() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, kubeutil.WriteWithin, fmt.Errorf("no answer within %s", kubeutil.WriteWithin))
	defer cancel()
	cr, err := kubeutil.Read(ctx, c.Client, a.Namespace, t.Name, &pipelinev1beta1.CustomRun{})
	if err != nil {
		return kubeutil.Translate(client.IgnoreNotFound(err), "customrun "+t.Name)
	}
	if string(cr.UID) != t.UID || Tried(cr) != t.Attempt || cr.IsDone() || cr.IsCancelled() || cr.DeletionTimestamp != nil {
		return nil
	}
	return c.End(ctx, cr, kind, a)
}

// End is Finish by the outcome of a, which is of kind.
func (c *CustomRuns) End(ctx context.Context, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping, a approvals.Approval) error {
	return c.Finish(ctx, cr, kind.Ends[a.Outcome], append(a.Results, a.Inputs...), !tasks.AsksAgain(a.Outcome))
}

// Finish ends this attempt of cr. While there are retries left a failure is noted and
// a new attempt begins, unless final.
func (c *CustomRuns) Finish(ctx context.Context, cr *pipelinev1beta1.CustomRun, e tasks.End, results []approvals.Param, final bool) error {
	return c.write(ctx, cr, func(s *pipelinev1beta1.CustomRunStatus) {
		now := metav1.Time{Time: c.Now()}
		if s.StartTime == nil {
			s.StartTime = &now
		}
		s.CompletionTime, s.Results = &now, nil
		for _, r := range results {
			s.Results = append(s.Results, pipelinev1beta1.CustomRunResult{Name: r.Name, Value: approvals.TaskResult(r.Value)})
		}
		cond := &apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionFalse, Reason: e.Reason, Message: e.Text(cr.Name)}
		if e.Succeeded {
			cond.Status = corev1.ConditionTrue
		}
		s.SetCondition(cond)
		tried := len(s.RetriesStatus)
		if e.Succeeded || final || tried >= cr.Spec.Retries {
			return
		}
		failed := *s.DeepCopy()
		failed.RetriesStatus = nil
		s.RetriesStatus = append(s.RetriesStatus, failed)
		s.StartTime, s.CompletionTime, s.Results = &now, nil, nil
		s.SetCondition(waits(fmt.Sprintf("attempt %d of %d failed (%s): approval is requested again", tried+1, cr.Spec.Retries+1, e.Reason)))
	})
}

func waits(message string) *apis.Condition {
	return &apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: pipelinev1beta1.CustomRunReasonRunning.String(), Message: message}
}

// write changes cr's status, when that is still the same attempt and has not ended. cr may
// be what the cache has: the API server takes the change if nothing has happened since,
// and is asked what it has if something did.
func (c *CustomRuns) write(ctx context.Context, cr *pipelinev1beta1.CustomRun, change func(*pipelinev1beta1.CustomRunStatus)) error {
	// The cache has no more than is needed; what is kept of a failed attempt is to be whole.
	if cr.Spec.Retries == 0 {
		if err := c.patch(ctx, cr.DeepCopy(), change); !apierrors.IsConflict(err) {
			return kubeutil.Translate(err, "customrun "+cr.Name)
		}
	}
	fresh, err := c.Fresh(ctx, cr)
	if err != nil || fresh == nil || Tried(fresh) != Tried(cr) {
		return err
	}
	if fresh.IsCancelled() && !cr.IsCancelled() {
		return nil // it was called off since, which is an event that ends it so
	}
	return kubeutil.Translate(c.patch(ctx, fresh, change), "customrun "+cr.Name)
}

func (c *CustomRuns) patch(ctx context.Context, cr *pipelinev1beta1.CustomRun, change func(*pipelinev1beta1.CustomRunStatus)) error {
	if cr.IsDone() {
		return nil
	}
	cr.Spec.CustomSpec = nil // of both: a client encodes only some of what may be in one
	patch := client.MergeFromWithOptions(cr.DeepCopy(), client.MergeFromWithOptimisticLock{})
	change(&cr.Status)
	return client.IgnoreNotFound(c.Client.Status().Patch(ctx, cr, patch))
}

// Fresh is cr as the API server has it, nil when it is gone.
func (c *CustomRuns) Fresh(ctx context.Context, cr *pipelinev1beta1.CustomRun) (*pipelinev1beta1.CustomRun, error) {
	var fresh pipelinev1beta1.CustomRun
	err := c.Live.Get(ctx, types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}, &fresh)
	if apierrors.IsNotFound(err) || err == nil && fresh.UID != cr.UID {
		return nil, nil
	}
	return &fresh, kubeutil.Translate(err, "customrun "+cr.Name)
}

// Gone says why an attempt of a task wants no answer any more, "" when it does, and
// whether it has ended. What the cache lacks the API server is asked for.
func (c *CustomRuns) Gone(ctx context.Context, namespace string, t approvals.Task) (why string, ended bool, err error) {
	cr, err := kubeutil.Read(ctx, c.Client, namespace, t.Name, &pipelinev1beta1.CustomRun{})
	if apierrors.IsNotFound(err) || err == nil && string(cr.UID) != t.UID {
		cr, err = kubeutil.Read(ctx, c.Live, namespace, t.Name, &pipelinev1beta1.CustomRun{})
	}
	switch {
	case apierrors.IsNotFound(err) || err == nil && string(cr.UID) != t.UID:
		return "the task was deleted", false, nil
	case err != nil:
		return "", false, kubeutil.Translate(err, "customrun "+t.Name)
	case cr.IsDone() || Tried(cr) > t.Attempt:
		return "the task ended without this decision", true, nil
	case cr.DeletionTimestamp != nil:
		return "the task was deleted", false, nil
	}
	run, err := kubeutil.Read(ctx, c.Client, namespace, t.Run.Name, &pipelinev1.PipelineRun{})
	if apierrors.IsNotFound(err) || err == nil && string(run.UID) != t.Run.UID {
		run, err = kubeutil.Read(ctx, c.Live, namespace, t.Run.Name, &pipelinev1.PipelineRun{})
	}
	switch {
	case apierrors.IsNotFound(err) || err == nil && (string(run.UID) != t.Run.UID || run.DeletionTimestamp != nil):
		return "its run was deleted", false, nil
	case err != nil:
		return "", false, kubeutil.Translate(err, "run "+t.Run.Name)
	}
	return "", false, nil
}

// taskSource copies what is needed of a task and its run.
func taskSource(cr *pipelinev1beta1.CustomRun, m Member, kind tasks.Mapping) approvals.Source {
	s := approvals.Source{
		Task: &approvals.Task{
			Name: cr.Name, UID: string(cr.UID), Attempt: Tried(cr), Task: m.Task.Name, Mapping: kind.Name,
			Run: approvals.Run{Name: m.Run.Name, UID: string(m.Run.UID), Pipeline: pipelineName(m), Inline: m.Run.Spec.PipelineRef == nil, At: m.Run.CreationTimestamp.UTC()},
		},
		Labels:      pipelinerun.Bounded(m.Run.Labels),
		Annotations: pipelinerun.AnnotationsOf(m.Run),
		Requester:   approvals.Cut(m.Run.Annotations[tekton.RequesterAnnotation], 253),
		Params:      taskParams(cr),
	}
	return s
}

func taskParams(cr *pipelinev1beta1.CustomRun) []approvals.Param {
	var out []approvals.Param
	for _, p := range cr.Spec.Params[:min(len(cr.Spec.Params), pipelinerun.MaxParams)] {
		v := pipelinev1.ParamValue{Type: pipelinev1.ParamType(p.Value.Type), StringVal: p.Value.StringVal, ArrayVal: p.Value.ArrayVal, ObjectVal: p.Value.ObjectVal}
		out = append(out, approvals.Param{Name: p.Name, Value: tekton.Text(v)})
	}
	fields, _ := embeddedParams(cr) // CheckSpec reports what is wrong with them
	return withEmbedded(out, fields)
}

// pipelineName is never "": a run may have its pipeline written into it.
func pipelineName(m Member) string {
	if name := pipelinerun.PipelineOf(m.Run); name != "" {
		return name
	}
	return m.Run.Name
}
