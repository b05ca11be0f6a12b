package approvaltask

import (
	"context"
	"slices"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// endSettled ends an attempt of a task whose earlier attempt was rejected or cancelled:
// that is final, however this attempt came about.
func (r *Tasks) endSettled(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	earlier, err := Settled(ctx, r.Store, x.whole, x.member)
	switch {
	case err != nil:
		return res, true, err
	case earlier != nil:
		kind := x.kind
		if k, ok := tasks.Find(earlier.Source.Task.Mapping); ok {
			kind = k // what an outcome means is signed
		}
		r.Say(x.whole, corev1.EventTypeWarning, "DecidedBefore", "this task was already decided in this run, so approval is not requested again: "+string(earlier.Outcome)+" in approval "+earlier.Name+". To request it again, start the run again")
		return res, true, r.Runs.End(ctx, x.whole, kind, *earlier)
	case RejectedBefore(x.whole, x.kind):
		r.Say(x.whole, corev1.EventTypeWarning, "DecidedBefore", "an earlier attempt of this task was rejected, so approval is not requested again. To request it again, start the run again")
		return res, true, r.Runs.Finish(ctx, x.whole, x.kind.Ends[approvals.Rejected], nil, true)
	}
	return res, false, nil
}

// Settled is the earlier decision on the same task of the same run that no further attempt
// may put to the vote again, nil when there is none. A new attempt is not only Tekton's
// contract: anyone who may write the status of CustomRuns can reset it, and anyone who may delete
// one has it made again. What they write is not believed; the earlier Approvals are, whose
// source is signed.
func Settled(ctx context.Context, s *store.Store, cr *pipelinev1beta1.CustomRun, m Member) (*approvals.Approval, error) {
	var list v1alpha1.ApprovalList
	err := s.Client.List(ctx, &list, client.InNamespace(cr.Namespace), client.MatchingFields{store.OfTask: store.QuestionOf(string(m.Run.UID), cr.Name)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, kubeutil.Translate(err, "the list of approvals of task "+cr.Name)
	}
	for i := range list.Items {
		l := s.Lean(&list.Items[i])
		a := l.State()
		if !a.Decided() { // the cache may lag behind a rejection that was recorded just now
			if a, err = s.Fresh(ctx, a.Key); err != nil && approvals.CodeOf(err) != approvals.CodeNotFound {
				return nil, err
			}
		}
		t := a.Source.Task
		if a.Resolved == nil || t == nil || t.Name != cr.Name || t.Run.UID != string(m.Run.UID) || !tasks.Final(a) {
			continue
		}
		if a.Source.Lean.Any() { // its results are the task's
			if a, err = s.Whole(ctx, l); err != nil {
				return nil, err
			}
		}
		return &a, nil
	}
	return nil, nil
}

// RejectedBefore reports whether cr itself says that an earlier attempt of it was rejected.
// That is for an Approval that has been deleted since. Anyone who forges it makes the task fail,
// which they could write into it as well.
func RejectedBefore(cr *pipelinev1beta1.CustomRun, kind tasks.Mapping) bool {
	no := kind.Ends[approvals.Rejected]
	return !no.Succeeded && slices.ContainsFunc(cr.Status.RetriesStatus, func(s pipelinev1beta1.CustomRunStatus) bool {
		c := s.GetCondition(apis.ConditionSucceeded)
		return c.IsFalse() && c.Reason == no.Reason && c.Message == no.Text(cr.Name)
	})
}
