package store

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// IsNews is true for an update of an Approval after which somebody has to be notified: it
// was resolved, somebody commented, it ended, its run ended, or somebody asked to try again. All other notifications are due by time.
func IsNews(before, after client.Object) bool {
	x, ok1 := before.(*v1alpha1.Approval)
	y, ok2 := after.(*v1alpha1.Approval)
	return ok1 && ok2 && (x.Generation != y.Generation || x.Status.Outcome != y.Status.Outcome || !x.Status.RetryRequestedAt.Equal(y.Status.RetryRequestedAt) || len(x.Status.Discussion) != len(y.Status.Discussion) || runOutcome(x) != runOutcome(y))
}

// runOutcome returns the end of o's run, "" while it goes on.
func runOutcome(o *v1alpha1.Approval) string {
	if o.Status.SecondRun == nil {
		return ""
	}
	return o.Status.SecondRun.Outcome
}
