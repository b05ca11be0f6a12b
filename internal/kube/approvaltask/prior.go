package approvaltask

import (
	"context"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Recorded is the decision that m's run was started for: the task that such a run
// begins with has been decided already, and nobody is asked again. It is nil for any
// other task, for one that names a Gate which is not the one that decided, and for a run
// that was not proved to be the one that was approved.
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
	case a.Terms == nil || a.Terms.Target != nil || a.Source.Task != nil || !a.Decided() || !a.Terms.Policy.Releases(a.Outcome):
		return nil, nil
	case a.Next != nil && a.Next.UID != string(m.Run.UID): // another run was proved to be its own
		return nil, nil
	case a.Next == nil && a.Cancellation != nil:
		return nil, nil
	case a.Unreleased != nil && a.Unreleased.Reason == approvals.ReasonRunDiffers: // it is what was approved by name alone
		return nil, nil
	}
	if gate := tasks.Param(taskParams(cr), tasks.GateParam); gate != "" && gate != a.Terms.Policy.Gate {
		return nil, nil
	}
	switch {
	case a.Next != nil:
	case a.Terms.Policy.VerifyBeforeStart: // recorded once what it refers to was compared as well
		return nil, approvals.Errorf(approvals.CodeNotReady, "run %s was not compared yet with what was approved", m.Run.Name)
	default: // recorded once it was proved, which may be later than its first task
		problem, err := p.Prove(ctx, a, m.Run)
		if err != nil || problem != nil {
			return nil, err
		}
	}
	return &a, nil
}
