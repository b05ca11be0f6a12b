package evidence

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Later is item, which was missing when a was resolved, as things are now: a task may go on
// uploading while people decide on a task of the same run. What came then is said, and is no
// part of what they approve. What counts is an object that this service wrote, by its signature,
// after a was resolved, by the API server's time of its creation: one that was there before and is
// missing for another reason keeps that reason. Its bytes are not read.
func (s *Store) Later(ctx context.Context, a approvals.Approval, item evidence.Item) evidence.Item {
	of := runOf(a.Namespace, a.Source)
	if item.State != evidence.Missing || item.Kind != evidence.Upload || of.RunUID == "" {
		return item
	}
	of.Kind, of.Name = item.Kind, item.Name
	var o v1alpha1.Evidence
	if err := s.Client.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.object()}, &o); err != nil {
		return item // it is missing, as far as anybody can tell
	}
	// Creation times have whole seconds.
	if _, err := s.kept(of, &o); err != nil || a.Resolved == nil || o.CreationTimestamp.Add(time.Second).Before(a.Resolved.ResolvedAt) {
		return item
	}
	item.State = evidence.Late
	item.Message = "it was uploaded after the request was opened, so it is not part of what is approved. Run the pipeline again to have people decide on it"
	return item
}
