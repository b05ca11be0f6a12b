package gate

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// warn says on a Gate what it allows and likely does not mean. The condition is true then,
// and not there else: nothing waits for it.
func (r *Gates) warn(g *v1alpha1.Gate) {
	list := convert.PolicyOf(g).Warnings(g.Namespace, r.CEL.People)
	if len(list) == 0 {
		meta.RemoveStatusCondition(&g.Status.Conditions, v1alpha1.ConditionWarning)
		return
	}
	var says []string
	for _, p := range list {
		says = append(says, p.Message)
	}
	meta.SetStatusCondition(&g.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Reason: list[0].Reason, Message: approvals.Cut(strings.Join(says, ". "), maxMessage),
		ObservedGeneration: g.Generation, LastTransitionTime: metav1.NewTime(r.Now()),
	})
}
