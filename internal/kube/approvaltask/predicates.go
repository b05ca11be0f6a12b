package approvaltask

import (
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func isApprovalTask(o client.Object) bool {
	cr, ok := o.(*pipelinev1beta1.CustomRun)
	if !ok {
		return false
	}
	_, known := KindOf(cr)
	return known
}
