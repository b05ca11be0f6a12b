package kube

import (
	"slices"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// Bounds on what is copied of a run.
const (
	maxLabels     = 64
	maxLabelValue = 1024
	maxParams     = 256
)

// Succeeded says whether a run has ended well. Reasons are not looked at: with
// skipped tasks it is Completed, else Succeeded.
func Succeeded(pr *pipelinev1.PipelineRun) bool {
	c := pr.Status.GetCondition(apis.ConditionSucceeded)
	return c != nil && c.IsTrue()
}

// PipelineOf is the name of a run's Pipeline: what Tekton labelled it with, or
// what it refers to.
func PipelineOf(pr *pipelinev1.PipelineRun) string {
	if ref := pr.Spec.PipelineRef; ref != nil && ref.Name != "" {
		return ref.Name
	}
	return pr.Labels[pipeline.PipelineLabelKey]
}

// sourceOf copies what is needed of a run.
func sourceOf(pr *pipelinev1.PipelineRun) approvals.Source {
	s := approvals.Source{
		Run: &approvals.Run{
			Name: pr.Name, UID: string(pr.UID), Pipeline: PipelineOf(pr), At: endOf(pr),
		},
		Labels:      bounded(pr.Labels),
		Annotations: bounded(pr.Annotations),
		Requester:   approvals.Cut(pr.Annotations[tekton.RequesterAnnotation], 253),
		Claims:      claimsOf(pr),
	}
	for _, p := range pr.Spec.Params[:min(len(pr.Spec.Params), maxParams)] {
		s.Params = append(s.Params, approvals.Param{Name: p.Name, Value: tekton.Text(p.Value)})
	}
	for _, r := range pr.Status.Results[:min(len(pr.Status.Results), maxParams)] {
		s.Results = append(s.Results, approvals.Param{Name: r.Name, Value: tekton.Text(r.Value)})
	}
	return s
}

func endOf(pr *pipelinev1.PipelineRun) time.Time {
	if t := pr.Status.CompletionTime; t != nil {
		return t.UTC().Truncate(time.Second)
	}
	return pr.CreationTimestamp.UTC()
}

// bounded leaves out what is large or of no use in an expression.
func bounded(m map[string]string) map[string]string {
	out := map[string]string{}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(out) == maxLabels {
			break
		}
		if len(m[k]) <= maxLabelValue && !strings.HasPrefix(k, "kubectl.kubernetes.io/") {
			out[k] = m[k]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
