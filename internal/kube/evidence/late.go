package evidence

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Later is item, which was missing when a was resolved, as things are now: a task may go on
// uploading while people decide on a task of the same run. What came then is said, and is no
// part of what they approve. The object is looked for by its name, and its bytes are not read.
func (s *Store) Later(ctx context.Context, a approvals.Approval, item evidence.Item) evidence.Item {
	of := runOf(a.Namespace, a.Source)
	if item.State != evidence.Missing || item.Kind != evidence.Upload || of.RunUID == "" {
		return item
	}
	of.Kind, of.Name = item.Kind, item.Name
	if err := s.Client.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.object()}, &v1alpha1.Evidence{}); err != nil {
		return item // it is missing, as far as anybody can tell
	}
	item.State = evidence.Late
	item.Message = "it was uploaded after the request was opened, so it is not part of what is approved. Run the pipeline again to have people decide on it"
	return item
}
