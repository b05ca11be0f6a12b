package approvaltask

import (
	"context"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// endByStarter answers the task that a run begins with by the decision that started the run.
func (r *Tasks) endByStarter(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	starter, err := Recorded(ctx, r.Proofs, r.Store, x.whole, x.member)
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotReady:
		return r.whenListed(x)
	case err != nil || starter == nil:
		return res, false, err
	}
	return res, true, r.recite(ctx, x.whole, x.kind, *starter)
}

// recite answers the task that a part 2 begins with by the decision that started it.
func (r *Tasks) recite(ctx context.Context, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping, a approvals.Approval) error {
	resolved, policy := *a.Resolved, *a.Resolved.Policy // which others share
	policy.Preset, resolved.Policy = kind.Name, &policy
	a.Resolved = &resolved
	results, err := r.Outcomes.Results.Results(ctx, a)
	if err != nil {
		return err
	}
	r.Log.Info("task answered by the decision that started its run", "namespace", cr.Namespace, "customrun", cr.Name, "approval", a.Name)
	return r.Runs.Finish(ctx, cr, kind.Ends[a.Outcome], append(results, a.Inputs...), true)
}

// Recorded is the decision that m's run was started for: the task that such a run
// begins with has been decided already, and nobody is asked again. It is nil for any
// other task, for one that names a Gate which is not the one that decided, and for a run
// that was not verified to be the one that was approved.
//
// Errors: CodeNotReady (it is being compared).
func Recorded(ctx context.Context, p *verifyrun.Proofs, s *store.Store, cr *pipelinev1beta1.CustomRun, m Member) (*approvals.Approval, error) {
	if !m.Opens {
		return nil, nil
	}
	a, found, err := s.StarterOf(ctx, m.Run)
	if err != nil || !found {
		return nil, err
	}
	switch {
	case a.Resolved == nil || a.Resolved.Target != nil || a.Source.Task != nil || !a.Decided() || !a.Resolved.Policy.Releases(a.Outcome):
		return nil, nil
	case a.SecondRun != nil && a.SecondRun.UID != string(m.Run.UID): // another run was proved to be its own
		return nil, nil
	case a.SecondRun == nil && a.Cancellation != nil:
		return nil, nil
	case a.Unreleased != nil && a.Unreleased.Reason == approvals.ReasonRunDiffers: // it is what was approved by name alone
		return nil, nil
	}
	if gate := tasks.Param(taskParams(cr), tasks.GateParam); gate != "" && gate != a.Resolved.Policy.Gate {
		return nil, nil
	}
	switch {
	case a.SecondRun != nil:
	case a.Resolved.Policy.VerifyBeforeStart: // recorded once what it refers to was compared as well
		return nil, approvals.Errorf(approvals.CodeNotReady, "run %s has not been compared with what was approved yet", m.Run.Name)
	default: // recorded once it was proved, which may be later than its first task
		problem, err := p.Prove(ctx, a, m.Run)
		if err != nil || problem != nil {
			return nil, err
		}
	}
	return &a, nil
}
