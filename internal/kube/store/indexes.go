package store

import (
	"context"
	"fmt"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// What controllers look for among all Approvals, as indexes of the informer's cache:
// an event must not cost more because thousands wait for something else.
const (
	toStart   = "toStart"   // is to start a run, or may come to be
	unsettled = "unsettled" // is not resolved, or waits for its run
	InLine    = "line"      // is resolved; of one Trigger and one key, of which the newest may supersede
	inRun     = "run"       // of a task of that run, and not seen to be answered
	OfTask    = "task"      // of any attempt of one task of one run

	ofNext      = "next"      // has started the run with that UID
	running     = "running"   // has started the run with that UID, and not seen its end
	unstartedOf = "unstarted" // of that Trigger, is resolved, and its run was not seen
)

// Indexes returns the index functions of the informer's cache. They do not verify signatures:
// what is found is verified when it is read.
func Indexes() map[string]client.IndexerFunc {
	return map[string]client.IndexerFunc{
		toStart: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil && o.Spec.Resolved != nil && (IsPending(o) || isUnsettled(o)) {
				return "yes"
			}
			return ""
		}),
		unsettled: of(func(o *v1alpha1.Approval) string {
			if isUnsettled(o) {
				return "yes"
			}
			return ""
		}),
		InLine: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Resolved == nil {
				return ""
			}
			return lineOf(o.Spec.Trigger, o.Spec.Resolved.SupersedeKey)
		}),
		inRun: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil || o.Status.AnsweredAt != nil {
				return ""
			}
			return o.Spec.Source.CustomRun.PipelineRunUID
		}),
		OfTask: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil {
				return ""
			}
			return QuestionOf(o.Spec.Source.CustomRun.PipelineRunUID, o.Spec.Source.CustomRun.Name)
		}),
		ofNext: of(func(o *v1alpha1.Approval) string {
			if o.Status.SecondRun == nil {
				return ""
			}
			return o.Status.SecondRun.UID
		}),
		running: of(func(o *v1alpha1.Approval) string {
			if o.Status.SecondRun == nil || o.Status.SecondRun.Outcome != "" {
				return ""
			}
			return o.Status.SecondRun.UID
		}),
		unstartedOf: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Resolved == nil || o.Spec.Resolved.Target != nil || o.Spec.Source.CustomRun != nil || o.Status.SecondRun != nil {
				return ""
			}
			if !IsPending(o) && !convert.ToDomain(o).AwaitsRun() {
				return ""
			}
			return o.Spec.Trigger
		}),
	}
}

// Index makes the informers keep the indexes of Approvals, from their first list on.
func Index(ctx context.Context, to client.FieldIndexer) error {
	for name, f := range Indexes() {
		if err := to.IndexField(ctx, &v1alpha1.Approval{}, name, f); err != nil {
			return fmt.Errorf("index Approvals by %s: %w", name, err)
		}
	}
	return nil
}

// of is an index under what value gives, if that is something.
func of(value func(*v1alpha1.Approval) string) client.IndexerFunc {
	return func(obj client.Object) []string {
		o, ok := obj.(*v1alpha1.Approval)
		if !ok {
			return nil
		}
		if v := value(o); v != "" {
			return []string{v}
		}
		return nil
	}
}

// IsPending is true until the status has an outcome that is final. It believes the status:
// nothing is decided by it.
func IsPending(o *v1alpha1.Approval) bool {
	return !approvals.Approval{Outcome: approvals.Outcome(o.Status.Outcome)}.Decided()
}

func isUnsettled(o *v1alpha1.Approval) bool {
	switch {
	case IsPending(o):
		return o.Spec.Resolved == nil
	case o.Status.SecondRun != nil:
		return false // the end of most: not converted for that
	default:
		return convert.ToDomain(o).ToRelease()
	}
}

// lineOf is the key's digest: it is what an expression made of people's text.
func lineOf(trigger, key string) string {
	return approvals.Digest("line", trigger, approvals.LineKey(key))
}

// PendingRelease are the Approvals of a namespace, of all with "", that wait for their
// to be resolved or for their run.
func (s *Store) PendingRelease(ctx context.Context, namespace string) ([]approvals.Key, error) {
	return s.keys(ctx, namespace, unsettled, "yes")
}

// ToStart are the Approvals of a namespace, of all with "", that are to start a run, or will
// be if they are approved.
func (s *Store) ToStart(ctx context.Context, namespace string) ([]approvals.Key, error) {
	return s.keys(ctx, namespace, toStart, "yes")
}

// Unanswered are the Approvals of the tasks of one run that were not seen to be answered.
func (s *Store) Unanswered(ctx context.Context, namespace, runUID string) ([]approvals.Key, error) {
	return s.keys(ctx, namespace, inRun, runUID)
}

func (s *Store) keys(ctx context.Context, namespace, index, value string) ([]approvals.Key, error) {
	var list v1alpha1.ApprovalList
	if err := s.Client.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of approvals that wait for something")
	}
	var out []approvals.Key
	for i := range list.Items {
		o := &list.Items[i]
		out = append(out, approvals.Key{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)})
	}
	return out, nil
}

// SupersessionCandidates are the Approvals of which one may take the other's place: a's Trigger and
// key, and either not over yet or no older than a.
func (s *Store) SupersessionCandidates(ctx context.Context, a approvals.Approval) ([]Lean, error) {
	if a.Resolved == nil {
		return nil, nil
	}
	var list v1alpha1.ApprovalList
	err := s.Client.List(ctx, &list, client.InNamespace(a.Namespace), client.MatchingFields{InLine: lineOf(a.Trigger, a.Resolved.SupersedeKey)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, kubeutil.Translate(err, "the list of approvals of trigger "+a.Trigger)
	}
	var out []Lean
	for i := range list.Items {
		o := &list.Items[i]
		stuck := o.Status.SecondRun == nil && convert.ProblemOf(o.Status.Conditions, v1alpha1.ConditionReleased) != nil
		if IsPending(o) || stuck || !o.CreationTimestamp.Time.Before(a.OpenedAt) {
			out = append(out, s.Lean(o))
		}
	}
	return out, nil
}

// StartedRun is the Approval whose outcome was seen to start the run of that UID, nil for
// none.
func (s *Store) StartedRun(ctx context.Context, namespace, uid string) (*approvals.Approval, error) {
	var list v1alpha1.ApprovalList
	err := s.Client.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{ofNext: uid}, client.UnsafeDisableDeepCopy)
	if err != nil || len(list.Items) != 1 {
		return nil, kubeutil.Translate(err, "the list of approvals that started a run")
	}
	a := s.View(&list.Items[0])
	return &a, nil
}

// Following are the Approvals of a namespace that name the run of that UID as theirs, and
// have not seen its end.
func (s *Store) Following(ctx context.Context, namespace, uid string) ([]approvals.Key, error) {
	return s.keys(ctx, namespace, running, uid)
}

// QuestionOf returns the key that all attempts of one task of one run share. A CustomRun that
// was deleted and created again has another UID, and the same name.
func QuestionOf(runUID, customRun string) string { return runUID + "/" + customRun }

// StarterOf is the Approval that says it started run, or whose run has that name. The
// run's label only says among which ones to look: no other could have started it.
func (s *Store) StarterOf(ctx context.Context, run *pipelinev1.PipelineRun) (approvals.Approval, bool, error) {
	recorded, err := s.list(ctx, run.Namespace, client.MatchingFields{ofNext: string(run.UID)})
	if err != nil {
		return approvals.Approval{}, false, err
	}
	for i := range recorded {
		if l := s.Lean(&recorded[i]); l.state.Resolved != nil {
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
		if v, ok := s.signatures.Check(s.Ring(), o); !ok || string(v.runOf(o, len(o.Status.Reruns))) != run.Name {
			continue
		}
		l := s.Lean(o)
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
		return nil, kubeutil.Translate(err, "the list of approvals by their runs")
	}
	return list.Items, nil
}
