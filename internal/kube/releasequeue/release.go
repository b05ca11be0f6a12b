package releasequeue

import (
	"context"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Once releases an Approval for the process that took the deciding vote: at once, and later
// only what the API server says is still to be done.
type Once struct {
	Client   client.Client // reads from the informers' cache
	Store    *store.Store
	Releaser *release.Releaser
	Proofs   *verifyrun.Proofs
	Follower *Follower
	Now      func() time.Time
}

var (
	_ Releaser = (*Once)(nil)
	_ Runs     = (*Once)(nil)
)

// Release implements Releaser.
func (r *Once) Release(ctx context.Context, a approvals.Approval) error {
	if a.Source.Task != nil {
		return r.Releaser.Release(ctx, a)
	}
	if before, _ := r.Releaser.Attempts.Get(a.Key, r.Now()); before.Posts > 0 {
		found, err := r.Proofs.LookLive(ctx, a)
		if err != nil || found.Run != nil || found.Problem != nil {
			return err // the leader says what is there
		}
		if a, err = r.Store.Fresh(ctx, a.Key); err != nil || !a.ToRelease() {
			return err
		}
		r.Releaser.Attempts.Hasten(a.Key)
		return r.Releaser.Release(ctx, a)
	}
	if a.Resolved.Target == nil {
		r.Follower.Add(a)
	}
	return r.Releaser.Release(ctx, a)
}

// Came implements Runs, by the cache. It is asked ten times a second of each that is followed, so it
// reads nothing else: one whose run is not to come any more, since it was cancelled, is found
// out by Release, which asks the API server before it posts again.
func (r *Once) Came(ctx context.Context, a approvals.Approval) bool {
	if a.RunName == "" {
		return true
	}
	var pr pipelinev1.PipelineRun
	return r.Client.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: string(a.RunName)}, &pr, client.UnsafeDisableDeepCopy) == nil
}
