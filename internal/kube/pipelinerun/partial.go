package pipelinerun

import (
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// inPart marks what the cache has of a run that it does not keep whole. It stands where
// nothing of the API server's is kept, so no run can come with it or without it.
const inPart = "in part"

// InPart marks pr as what is left of a run in the cache.
func InPart(pr *pipelinev1.PipelineRun) {
	pr.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: inPart}}
}

// IsInPart is true for a run from the cache that lacks its spec, or its values: what compares it
// has to read it live.
func IsInPart(pr *pipelinev1.PipelineRun) bool {
	return isMarked(pr, inPart) || IsWithoutValues(pr)
}

// withoutValues marks what is in part and has no params, results and annotations either.
const withoutValues = "without values"

// LeaveValues is InPart, and leaves out the values of a run where they are more than a
// little: they are read when an Approval is opened, which is once.
func LeaveValues(pr *pipelinev1.PipelineRun) {
	InPart(pr)
	size := 0
	for k, v := range pr.Annotations {
		size += len(k) + len(v)
	}
	for _, ps := range []pipelinev1.Params{pr.Spec.Params, resolverParams(pr)} {
		for _, p := range ps {
			size += len(p.Name) + sizeOfValue(p.Value)
		}
	}
	for _, r := range pr.Status.Results {
		size += len(r.Name) + sizeOfValue(r.Value)
	}
	if size <= kubeutil.MaxKept {
		return
	}
	pr.ManagedFields[0].Manager = withoutValues
	asked, ok := pr.Annotations[tekton.RequesterAnnotation]
	pr.Annotations = nil
	if ok && len(asked) <= MaxRequester {
		pr.Annotations = map[string]string{tekton.RequesterAnnotation: asked}
	}
	pr.Spec.Params, pr.Status.Results = nil, nil
	if ref := pr.Spec.PipelineRef; ref != nil && len(ref.Params) > 0 {
		less := *ref
		less.Params = nil
		for _, p := range ref.Params { // originOf looks whether it is there
			if p.Name == serverURL {
				less.Params = pipelinev1.Params{{Name: serverURL, Value: *pipelinev1.NewStructuredValues("")}}
			}
		}
		pr.Spec.PipelineRef = &less
	}
}

func resolverParams(pr *pipelinev1.PipelineRun) pipelinev1.Params {
	if pr.Spec.PipelineRef == nil {
		return nil
	}
	return pr.Spec.PipelineRef.Params
}

func sizeOfValue(v pipelinev1.ParamValue) int {
	n := len(v.StringVal)
	for _, s := range v.ArrayVal {
		n += kubeutil.PerText + len(s)
	}
	for k, s := range v.ObjectVal {
		n += 2*kubeutil.PerText + len(k) + len(s)
	}
	return n
}

// IsWithoutValues is true for a run from the cache that lacks its large values.
func IsWithoutValues(pr *pipelinev1.PipelineRun) bool { return isMarked(pr, withoutValues) }

func isMarked(pr *pipelinev1.PipelineRun, as string) bool {
	return len(pr.ManagedFields) == 1 && pr.ManagedFields[0].Manager == as && pr.ManagedFields[0].Operation == ""
}
