package pipelinerun_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/tekton"
)

func TestSource(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", pipelinerun.MaxLabelValue+1)
	pr := &pipelinev1.PipelineRun{}
	pr.Namespace, pr.Name, pr.UID = "prod", "plan-1", "run-1"
	pr.CreationTimestamp = metav1.NewTime(ct.T0.In(time.Local))
	pr.Labels = map[string]string{"team": "sre", "long": long, "kubectl.kubernetes.io/x": "y", "tekton.dev/pipeline": "by-label"}
	pr.Annotations = map[string]string{tekton.RequesterAnnotation: "zoe", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
	pr.Spec.Params = pipelinev1.Params{
		{Name: "s", Value: *pipelinev1.NewStructuredValues("text")},
		{Name: "a", Value: *pipelinev1.NewStructuredValues("x", "y")},
		{Name: "o", Value: *pipelinev1.NewObject(map[string]string{"k": "v"})},
	}
	pr.Spec.Workspaces = []pipelinev1.WorkspaceBinding{
		{Name: "mine", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "pvc-1"}},
		{Name: "made", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{}},
		{Name: "none", EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}
	pr.Status.Results = []pipelinev1.PipelineRunResult{{Name: "digest", Value: *pipelinev1.NewStructuredValues("sha256:abc")}}
	end := metav1.NewTime(ct.T0.Add(1500 * time.Millisecond).In(time.Local))
	pr.Status.CompletionTime = &end
	got := pipelinerun.SourceOf(approvals.After{InlineRun: "plan"}, "prod", pr)
	if len(got.Claims) != 2 || got.Claims[0].Value != "pvc-1" || !strings.HasPrefix(got.Claims[1].Value, "pvc-") || got.Claims[1].Name != "made" {
		t.Errorf("claims %v", got.Claims)
	}
	got.Claims = nil
	want := approvals.Source{
		Run:    &approvals.Run{Name: "plan-1", UID: "run-1", Pipeline: "plan", Inline: true, At: ct.T0.Add(time.Second)},
		Params: []approvals.Param{{Name: "s", Value: "text"}, {Name: "a", Value: `["x","y"]`}, {Name: "o", Value: `{"k":"v"}`}}, Results: []approvals.Param{{Name: "digest", Value: "sha256:abc"}},
		Labels: map[string]string{"team": "sre", "tekton.dev/pipeline": "by-label"}, Annotations: map[string]string{tekton.RequesterAnnotation: "zoe"}, Requester: "zoe",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	pr.Status.SpanContext = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "other": "x"}
	pr.Annotations[tracecontext.Annotation] = "what Tekton did not take"
	if got := tracecontext.Of(pipelinerun.SourceOf(approvals.After{}, "prod", pr)); got != pr.Status.SpanContext["traceparent"] {
		t.Errorf("the trace that Tekton put the run into is %q", got)
	}
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "by-ref"}
	pr.Status.CompletionTime = nil
	if pipelinerun.PipelineOf(pr) != "by-ref" || !pipelinerun.EndOf(pr).Equal(ct.T0) {
		t.Errorf("pipeline %s, end %s", pipelinerun.PipelineOf(pr), pipelinerun.EndOf(pr))
	}
	for i := range 300 {
		pr.Spec.Params = append(pr.Spec.Params, pipelinev1.Param{Name: fmt.Sprint(i)})
		pr.Labels[fmt.Sprint(i)] = "x"
	}
	if s := pipelinerun.SourceOf(approvals.After{}, "prod", pr); len(s.Params) != pipelinerun.MaxParams || len(s.Labels) != pipelinerun.MaxLabels {
		t.Errorf("%d params and %d labels", len(s.Params), len(s.Labels))
	}
}

func TestSucceeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status corev1.ConditionStatus
		reason string
		want   bool
	}{
		"succeeded": {corev1.ConditionTrue, "Succeeded", true}, "with skipped tasks": {corev1.ConditionTrue, "Completed", true},
		"failed": {corev1.ConditionFalse, "Failed", false}, "cancelled": {corev1.ConditionFalse, "Cancelled", false}, "runs": {corev1.ConditionUnknown, "Running", false},
	} {
		pr := &pipelinev1.PipelineRun{}
		pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: c.status, Reason: c.reason})
		if got := pipelinerun.Succeeded(pr); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if pipelinerun.Succeeded(&pipelinev1.PipelineRun{}) {
		t.Error("a run without a condition has succeeded")
	}
}
