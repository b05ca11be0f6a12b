package kube

import (
	"context"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
)

// clockSkew is how far our clock may be ahead of the API server's.
const clockSkew = time.Minute

// Started is what was found under the name of the run that an Approval starts.
type Started struct {
	Run      *approvals.Run // nil: nothing there
	EventID  string
	Stranger bool // something is there that this Approval did not start
}

// FindStarted looks for the run that a started, in the cache. A run of that name
// is ours when an EventListener made it for our Trigger after the decision.
func FindStarted(ctx context.Context, c client.Reader, a approvals.Approval, now time.Time) (Started, error) {
	pr, err := read(ctx, c, a.Namespace, a.RunName(), &pipelinev1.PipelineRun{})
	if apierrors.IsNotFound(err) {
		return Started{}, nil
	}
	if err != nil {
		return Started{}, translate(err, "run "+a.RunName())
	}
	if !startedBy(a, pr) {
		return Started{Stranger: true}, nil
	}
	return Started{
		Run:     &approvals.Run{Name: pr.Name, UID: string(pr.UID), Pipeline: PipelineOf(pr), At: now},
		EventID: pr.Labels[triggersapi.GroupName+triggersapi.EventIDLabelKey],
	}, nil
}

// startedBy says whether an EventListener made pr, which has the name that a's run
// has, for a's Trigger and after a was decided.
func startedBy(a approvals.Approval, pr *pipelinev1.PipelineRun) bool {
	// Our clock may be ahead of the API server's, and creation times have whole
	// seconds. No run of this name can be ours from before the Approval was made.
	floor := a.DecidedAt.Add(-clockSkew)
	if floor.Before(a.OpenedAt) {
		floor = a.OpenedAt
	}
	early := pr.CreationTimestamp.Time.Before(floor.Truncate(time.Second))
	return pr.Labels[triggersapi.GroupName+triggersapi.TriggerLabelKey] == a.Trigger && !early
}
