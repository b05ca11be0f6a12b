package pipelinerun

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/reconciler/volumeclaim"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// MaxRequester is the schema's: a longer one is cut, and then nobody's.
const MaxRequester = 253

// Bounds on what is copied of a run.
const (
	MaxLabels     = 64
	MaxLabelValue = 1024
	MaxParams     = 256
)

// Succeeded reports whether a run has succeeded. It does not use reasons: with skipped tasks
// the reason is Completed, else Succeeded.
func Succeeded(pr *pipelinev1.PipelineRun) bool {
	c := pr.Status.GetCondition(apis.ConditionSucceeded)
	return c != nil && c.IsTrue()
}

// PipelineOf names what a run ran, for people: a Pipeline, or where a resolver found
// one; "" for a run that brought its own.
func PipelineOf(pr *pipelinev1.PipelineRun) string {
	if OriginOf(pr).Inline {
		return ""
	}
	return runFor(approvals.After{}, pr.Namespace, pr).Pipeline
}

// SourceOf copies what is needed of a run that after waits for in namespace home.
// Claims of another namespace are of no use here.
func SourceOf(after approvals.After, home string, pr *pipelinev1.PipelineRun) approvals.Source {
	s := approvals.Source{
		Run:         runFor(after, home, pr),
		Labels:      Bounded(pr.Labels),
		Annotations: AnnotationsOf(pr),
		Requester:   approvals.Cut(pr.Annotations[tekton.RequesterAnnotation], 253),
	}
	if pr.Namespace == home {
		s.Claims = claimsOf(pr)
	}
	for _, p := range pr.Spec.Params[:min(len(pr.Spec.Params), MaxParams)] {
		s.Params = append(s.Params, approvals.Param{Name: p.Name, Value: tekton.Text(p.Value)})
	}
	for _, r := range pr.Status.Results[:min(len(pr.Status.Results), MaxParams)] {
		s.Results = append(s.Results, approvals.Param{Name: r.Name, Value: tekton.Text(r.Value)})
	}
	return s
}

// AnnotationsOf are a run's annotations as they are copied. The trace that the run is in stands
// among them, where Tekton has put it into the status alone: so the next run can be in it.
func AnnotationsOf(pr *pipelinev1.PipelineRun) map[string]string {
	out := Bounded(pr.Annotations)
	above := pr.Status.SpanContext["traceparent"]
	if above == "" || len(above) > MaxLabelValue {
		return out
	}
	text, err := json.Marshal(map[string]string{"traceparent": above})
	if err != nil {
		return out
	}
	if out == nil {
		out = map[string]string{}
	}
	if _, there := out[tracecontext.Annotation]; there || len(out) < MaxLabels {
		out[tracecontext.Annotation] = string(text)
	}
	return out
}

// EndOf returns the completion time of a run, by Tekton's status or else by its condition.
func EndOf(pr *pipelinev1.PipelineRun) time.Time {
	if t := pr.Status.CompletionTime; t != nil {
		return t.UTC().Truncate(time.Second)
	}
	return pr.CreationTimestamp.UTC()
}

// Bounded leaves out what is large or of no use in an expression.
func Bounded(m map[string]string) map[string]string {
	out := map[string]string{}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(out) == MaxLabels {
			break
		}
		if len(m[k]) <= MaxLabelValue && !strings.HasPrefix(k, "kubectl.kubernetes.io/") {
			out[k] = m[k]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// claimsOf are a run's volume claims by workspace name. Those of a
// volumeClaimTemplate are named by Tekton's own rule.
func claimsOf(pr *pipelinev1.PipelineRun) []approvals.Param {
	owner := metav1.OwnerReference{UID: pr.UID}
	var out []approvals.Param
	for _, w := range pr.Spec.Workspaces {
		switch {
		case w.PersistentVolumeClaim != nil:
			out = append(out, approvals.Param{Name: w.Name, Value: w.PersistentVolumeClaim.ClaimName})
		case w.VolumeClaimTemplate != nil:
			name := volumeclaim.GeneratePVCNameFromWorkspaceBinding(w.VolumeClaimTemplate.Name, w, owner)
			out = append(out, approvals.Param{Name: w.Name, Value: name})
		}
	}
	return out
}
