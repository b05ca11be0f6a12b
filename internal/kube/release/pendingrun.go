package release

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// pendingRun is a PipelineRun that was made with spec.status PipelineRunPending.
type pendingRun struct{ *Targets }

func (pendingRun) grant() (resource, component string) {
	return "pipelineruns.tekton.dev", "release-pending-run"
}

// look sees whether a pending run was started, or cancelled. The mark says that it
// was for this Approval; its UID, that it is the run that was approved.
func (t pendingRun) look(ctx context.Context, a approvals.Approval) (Sighted, error) {
	x := a.Resolved.Target
	var pr pipelinev1.PipelineRun
	err := t.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: x.Name}, &pr)
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone {
		return Sighted{}, kubeutil.Translate(err, x.String())
	}
	granted := a.Outcome == approvals.Approved
	run := &approvals.Run{Name: pr.Name, UID: string(pr.UID), Pipeline: pipelinerun.PipelineOf(&pr)}
	switch {
	case (gone || string(pr.UID) != x.UID) && !granted:
		return Sighted{done: x.String() + " was gone"}, nil
	case gone:
		return Sighted{}, kubeutil.Reason("TargetMissing", approvals.Errorf(approvals.CodeNotFound,
			"PipelineRun %s does not exist any more, so there is nothing to start: create another one and send its event again", x.Name))
	case string(pr.UID) != x.UID:
		return Sighted{}, kubeutil.Reason("TargetReplaced", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s was recreated after approval was requested; send its event again to request approval", x.Name))
	case granted && pr.Spec.Status == "":
		return Sighted{done: x.String() + " started", next: run}, nil
	case granted && !pr.IsPending():
		return Sighted{}, kubeutil.Reason("TargetConflict", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s was cancelled by somebody else (spec.status: %s): create another one and send its event", x.Name, pr.Spec.Status))
	case granted:
		return Sighted{patch: verifyrun.PatchOf(&pr, a.Key, func() { pr.Spec.Status = "" })}, nil
	case pr.IsCancelled():
		return Sighted{done: x.String() + " cancelled"}, nil
	case pr.IsDone():
		return Sighted{}, kubeutil.Reason("TargetConflict", approvals.Errorf(approvals.CodeConflict,
			"PipelineRun %s has run without this approval, because somebody else started it: see who may patch PipelineRuns here (docs/tasks/protect-a-pipeline.md)", x.Name))
	default: // pending, or started by somebody else
		return Sighted{patch: verifyrun.PatchOf(&pr, a.Key, func() { pr.Spec.Status = pipelinev1.PipelineRunSpecStatusCancelled })}, nil
	}
}
