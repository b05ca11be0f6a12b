package controller

import (
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube"
)

// requestFor is for what has that name.
func requestFor(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// requests are for those that were found; what was not is found by the next event.
func requests(found []approvals.Key, err error) []reconcile.Request {
	if err != nil {
		return nil
	}
	var out []reconcile.Request
	for _, key := range found {
		out = append(out, requestFor(key.Namespace, key.Name))
	}
	return out
}

// isApprovalTask says whether o is a CustomRun of a kind that asks for a decision.
func isApprovalTask(o client.Object) bool {
	cr, ok := o.(*pipelinev1beta1.CustomRun)
	if !ok {
		return false
	}
	_, known := kube.KindOf(cr)
	return known
}
