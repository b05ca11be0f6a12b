package verifyrun

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
)

// PatchOf changes o, if it is still what was read, and marks it as this Approval's.
func PatchOf(o client.Object, k approvals.Key, change func()) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		patch := client.MergeFromWithOptions(o.DeepCopyObject().(client.Object), client.MergeFromWithOptimisticLock{})
		change()
		marks := o.GetAnnotations()
		if marks == nil {
			marks = map[string]string{}
		}
		marks[MarkAnnotation] = MarkOf(k)
		o.SetAnnotations(marks)
		return c.Patch(ctx, o, patch)
	}
}

// MarkAnnotation on a target says whose outcome was written to it.
const MarkAnnotation = "countersign.dev/approval"

// MarkOf is the value of the annotation on a run that the Approval has started.
func MarkOf(k approvals.Key) string { return fmt.Sprintf("%s/%s", k.Name, k.UID) }
