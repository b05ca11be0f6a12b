package approvaltask

import (
	"testing"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

func TestIsApprovalTask(t *testing.T) {
	t.Parallel()
	of := func(apiVersion string) *pipelinev1beta1.CustomRun {
		return &pipelinev1beta1.CustomRun{Spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{APIVersion: apiVersion, Kind: "ApprovalTask"}}}
	}
	for name, c := range map[string]struct {
		o    client.Object
		want bool
	}{
		"Automatiko's":   {of("tekton.automatiko.io/v1beta1"), true},
		"anybody else's": {of("example.com/v1"), false},
		"without a kind": {&pipelinev1beta1.CustomRun{}, false},
		"no CustomRun":   {&v1alpha1.Approval{}, false},
	} {
		if got := isApprovalTask(c.o); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
