package secondrun

import (
	"context"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// maxTasks bounds the tasks of a failed run that are searched for the one that failed.
const maxTasks = 128

// observe returns the progress of pr, which is whole, or its end and the task that failed.
func observe(ctx context.Context, live client.Reader, pr *pipelinev1.PipelineRun) (approvals.ObservedRun, error) {
	seen := approvals.ObservedRun{UID: string(pr.UID), End: endOf(pr)}
	if seen.End == nil || seen.End.Outcome != approvals.RunFailed || pr.IsTimeoutConditionSet() {
		return seen, nil // of one that ran out of time, no task is to blame
	}
	failed, err := firstFailed(ctx, live, pr)
	if err == nil && failed.name != "" {
		seen.End.Task, seen.End.Message = failed.name, failed.message
	}
	return seen, err
}

// endOf returns the end of pr by its own status, nil while it goes on.
func endOf(pr *pipelinev1.PipelineRun) *approvals.RunEnd {
	c := pr.Status.GetCondition(apis.ConditionSucceeded)
	if c.IsUnknown() { // nil is
		return nil
	}
	end := &approvals.RunEnd{}
	if t := pr.Status.StartTime; t != nil {
		end.StartedAt = t.Time
	}
	if t := pr.Status.CompletionTime; t != nil {
		end.EndedAt = t.Time
	} else {
		end.EndedAt = c.LastTransitionTime.Inner.Time
	}
	switch {
	case c.IsTrue():
		end.Outcome = approvals.RunSucceeded
	case c.Reason == pipelinev1.PipelineRunReasonCancelled.String():
		end.Outcome, end.Message = approvals.RunCancelled, c.Message
	default:
		end.Outcome, end.Message = approvals.RunFailed, c.Message
	}
	return end
}

type failedTask struct {
	name, message string
	at            time.Time
}

// firstFailed is the task of pr that failed before the others: what was cancelled since is
// its consequence. It has no name when none is found.
func firstFailed(ctx context.Context, live client.Reader, pr *pipelinev1.PipelineRun) (failedTask, error) {
	var first failedTask
	for _, child := range pr.Status.ChildReferences[:min(len(pr.Status.ChildReferences), maxTasks)] {
		status, at, err := childOf(ctx, live, pr.Namespace, child)
		switch {
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
			continue
		case err != nil:
			return failedTask{}, kubeutil.Translate(err, "task "+child.PipelineTaskName+" of run "+pr.Name)
		}
		c := status.GetCondition(apis.ConditionSucceeded)
		switch {
		case !c.IsFalse():
			continue
		case c.Reason == pipelinev1.TaskRunReasonCancelled.String(), c.Reason == pipelinev1.TaskRunReasonFailureIgnored.String():
			continue
		}
		if at.IsZero() {
			at = c.LastTransitionTime.Inner.Time
		}
		if first.name == "" || at.Before(first.at) {
			first = failedTask{child.PipelineTaskName, c.Message, at}
		}
	}
	return first, nil
}

// childOf is the status of what a run made for one of its tasks, and when that ended.
func childOf(ctx context.Context, live client.Reader, namespace string, child pipelinev1.ChildStatusReference) (duckv1.Status, time.Time, error) {
	key := types.NamespacedName{Namespace: namespace, Name: child.Name}
	var ended time.Time
	switch child.Kind {
	case "TaskRun":
		var tr pipelinev1.TaskRun
		err := live.Get(ctx, key, &tr)
		if t := tr.Status.CompletionTime; t != nil {
			ended = t.Time
		}
		return tr.Status.Status, ended, err
	case "CustomRun":
		var cr pipelinev1beta1.CustomRun
		err := live.Get(ctx, key, &cr)
		if t := cr.Status.CompletionTime; t != nil {
			ended = t.Time
		}
		return cr.Status.Status, ended, err
	case "PipelineRun": // a pipeline in the pipeline
		var pr pipelinev1.PipelineRun
		err := live.Get(ctx, key, &pr)
		if t := pr.Status.CompletionTime; t != nil {
			ended = t.Time
		}
		return pr.Status.Status, ended, err
	}
	return duckv1.Status{}, ended, nil
}
