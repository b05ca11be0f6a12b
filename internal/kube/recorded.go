package kube

import (
	"context"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

// Recorded is the decision that m's run was started for: the task that such a run
// begins with has been decided already, and nobody is asked again. It is nil for any
// other task, for one that names a Gate which is not the one that decided, and for a run
// that was not proved to be the one that was approved.
//
// Errors: CodeNotReady (it is being compared).
func (p *Proofs) Recorded(ctx context.Context, s *Store, cr *pipelinev1beta1.CustomRun, m Member) (*approvals.Approval, error) {
	if !m.Opens {
		return nil, nil
	}
	a, found, err := s.starterOf(ctx, m.Run)
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

// starterOf is the Approval that says it started run, or whose run has that name. The
// run's label only says among which ones to look: no other could have started it.
func (s *Store) starterOf(ctx context.Context, run *pipelinev1.PipelineRun) (approvals.Approval, bool, error) {
	recorded, err := s.list(ctx, run.Namespace, client.MatchingFields{ofNext: string(run.UID)})
	if err != nil {
		return approvals.Approval{}, false, err
	}
	for i := range recorded {
		if l := s.lean(&recorded[i]); l.state.Terms != nil {
			a, err := s.Whole(ctx, l)
			return a, err == nil, err
		}
	}
	trigger := run.Labels[triggersapi.GroupName+triggersapi.TriggerLabelKey]
	if trigger == "" {
		return approvals.Approval{}, false, nil
	}
	unstarted, err := s.list(ctx, run.Namespace, client.MatchingFields{unstartedOf: trigger})
	if err != nil {
		return approvals.Approval{}, false, err
	}
	for i := range unstarted {
		o := &unstarted[i]
		if v, ok := s.seals.check(s.Ring(), o); !ok || string(v.run) != run.Name {
			continue
		}
		l := s.lean(o)
		a := l.State()
		if a.Decided() {
			a, err = s.Whole(ctx, l)
		} else { // the cache may lag behind
			a, err = s.Fresh(ctx, a.Key)
		}
		if approvals.CodeOf(err) == approvals.CodeNotFound {
			return approvals.Approval{}, false, nil
		}
		return a, err == nil, err
	}
	return approvals.Approval{}, false, nil
}

func (s *Store) list(ctx context.Context, namespace string, by client.MatchingFields) ([]v1alpha1.Approval, error) {
	var list v1alpha1.ApprovalList
	if err := s.Client.List(ctx, &list, client.InNamespace(namespace), by, client.UnsafeDisableDeepCopy); err != nil {
		return nil, translate(err, "the list of approvals by their runs")
	}
	return list.Items, nil
}
