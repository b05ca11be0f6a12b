package hold

import (
	"context"
	"sync"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/triggers/pkg/apis/triggers"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/tekton"
)

// Requesters proves who asked for a run. Annotation countersign.dev/requester is written
// by anyone who may create or edit the run: it counts when the API server compared it with
// who that was, or when it is what an Approval with a proved requester started the run
// with.
type Requesters struct {
	Guards *identity.Guards
	Store  *store.Store

	mu     sync.Mutex
	absent time.Time // until then the policy is taken to be not there: it is optional
}

// ProofOf returns the proof of the requester in pr's annotation, "" for none.
func (r *Requesters) ProofOf(ctx context.Context, pr *pipelinev1.PipelineRun) (approvals.Proof, error) {
	who := pr.Annotations[tekton.RequesterAnnotation]
	if r == nil || who == "" || len(who) > pipelinerun.MaxRequester {
		return approvals.NoProof, nil
	}
	// What has the label an EventListener's account made, maybe, with what an event says.
	if pr.Labels[listenerLabel] == "" {
		since, in, err := r.inForce(ctx)
		if err != nil {
			return approvals.NoProof, err
		}
		if in && !pr.CreationTimestamp.Time.Before(since) {
			return approvals.ByAdmission, nil
		}
	}
	a, err := r.Store.StartedRun(ctx, pr.Namespace, string(pr.UID))
	if err != nil || a == nil || a.Resolved == nil || a.Resolved.RequesterProof == approvals.NoProof || approvals.Neutral(a.Resolved.Requester) != who {
		return approvals.NoProof, err
	}
	return approvals.ByApproval, nil
}

const (
	listenerLabel = triggers.GroupName + triggers.EventListenerLabelKey
)

// inForce returns the time since which the optional policy has been in force, and false when it is
// not. That is remembered too, for identity.GuardTTL: each opening would ask again.
func (r *Requesters) inForce(ctx context.Context) (time.Time, bool, error) {
	r.mu.Lock()
	absent := r.Guards.Now().Before(r.absent)
	r.mu.Unlock()
	if absent {
		return time.Time{}, false, nil
	}
	since, err := r.Guards.Since(ctx, identity.GuardOfRequesters)
	if err == nil {
		return since, true, nil
	}
	if !identity.NotInForce(err) {
		return time.Time{}, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absent = r.Guards.Now().Add(identity.GuardTTL)
	return time.Time{}, false, nil
}
