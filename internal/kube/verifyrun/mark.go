package verifyrun

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
)

// PatchOf changes o, if it is still what was read, and marks it as this Approval's.
func PatchOf(o client.Object, a approvals.Approval, change func()) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		patch := client.MergeFromWithOptions(o.DeepCopyObject().(client.Object), client.MergeFromWithOptimisticLock{})
		change()
		marks := o.GetAnnotations()
		if marks == nil {
			marks = map[string]string{}
		}
		marks[MarkAnnotation] = MarkOf(a)
		o.SetAnnotations(marks)
		return c.Patch(ctx, o, patch)
	}
}

// MarkAnnotation on a target says whose outcome was written to it.
const MarkAnnotation = "countersign.dev/approval"

// MarkOf is the value of the annotation on a run that a has started.
func MarkOf(a approvals.Approval) string { return fmt.Sprintf("%s/%s", a.Name, a.UID) }
