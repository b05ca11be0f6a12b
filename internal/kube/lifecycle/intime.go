package lifecycle

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

const (
	// LookForVotes is how soon it is looked again whether a Vote that was made in time has
	// been taken.
	LookForVotes = 500 * time.Millisecond
	// WaitForVotes bounds how long an Approval is kept from expiring by a Vote that can't be
	// taken, because the audit store is down, say.
	WaitForVotes = 5 * time.Minute
)

// voteWaits reports whether a Vote on a, whose time is over, was created in time and has not
// been handled: maybe nobody led meanwhile. The API server knows when it was created, and the
// rules decide afterwards who may vote. It lists Votes from the API server, which has all of
// them; the cache may be behind.
func (r *Approvals) voteWaits(ctx context.Context, a approvals.Approval) (bool, error) {
	since := a.ExpiresAt()
	if r.began.After(since) {
		since = r.began
	}
	if r.Now().Sub(since) > WaitForVotes {
		return false, nil
	}
	for _, from := range []client.Reader{r.Client, r.Live} { // the cache's yes costs nothing
		var list v1alpha1.VoteList
		if err := from.List(ctx, &list, client.InNamespace(a.Namespace), client.UnsafeDisableDeepCopy); err != nil {
			return false, err
		}
		if slices.ContainsFunc(list.Items, func(v v1alpha1.Vote) bool { return inTime(v, a) }) {
			return true, nil
		}
	}
	return false, nil
}

func inTime(v v1alpha1.Vote, a approvals.Approval) bool {
	return v.Spec.Approval == a.Name && (v.Spec.ApprovalUID == "" || v.Spec.ApprovalUID == a.UID) &&
		v.Status.State == "" && v.DeletionTimestamp == nil && v.CreationTimestamp.Time.Before(a.Deadline())
}
