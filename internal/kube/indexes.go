package kube

import (
	"context"
	"fmt"
	"slices"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// What controllers look for among all Approvals, as indexes of the informer's cache:
// an event must not cost more because thousands wait for something else.
const (
	toStart   = "toStart"   // is to start a run, or may come to be
	unsettled = "unsettled" // waits for its terms, or for its run
	inLine    = "line"      // has terms; of one Trigger and one key, of which the newest may supersede
	inRun     = "run"       // of a task of that run, and not seen to be answered
	ofTask    = "task"      // of any attempt of one task of one run

	ofNext      = "next"      // has started the run with that UID
	unstartedOf = "unstarted" // of that Trigger, has terms, and its run was not seen
)

// Indexes are what each index has an object under. A seal is not looked at: what is
// found is verified as it is read.
func Indexes() map[string]client.IndexerFunc {
	return map[string]client.IndexerFunc{
		awaitsNamespace: AwaitedBy,
		toStart: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil && o.Spec.Terms != nil && (isPending(o) || isUnsettled(o)) {
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
		inLine: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Terms == nil {
				return ""
			}
			return lineOf(o.Spec.Trigger, o.Spec.Terms.Key)
		}),
		inRun: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil || o.Status.AnsweredAt != nil {
				return ""
			}
			return o.Spec.Source.CustomRun.PipelineRunUID
		}),
		ofTask: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Source.CustomRun == nil {
				return ""
			}
			return questionOf(o.Spec.Source.CustomRun.PipelineRunUID, o.Spec.Source.CustomRun.Name)
		}),
		ofNext: of(func(o *v1alpha1.Approval) string {
			if o.Status.Next == nil {
				return ""
			}
			return o.Status.Next.UID
		}),
		unstartedOf: of(func(o *v1alpha1.Approval) string {
			if o.Spec.Terms == nil || o.Spec.Terms.Target != nil || o.Spec.Source.CustomRun != nil || o.Status.Next != nil {
				return ""
			}
			if !isPending(o) && !toDomain(o).AwaitsRun() {
				return ""
			}
			return o.Spec.Trigger
		}),
	}
}

// awaitsNamespace is the index of Triggers, and of EventListeners with inline ones, by
// the other namespaces whose runs they wait for.
const awaitsNamespace = "awaits"

// AwaitedBy are the other namespaces whose runs the Triggers in an object wait for.
func AwaitedBy(obj client.Object) []string {
	var standing []Standing
	switch o := obj.(type) {
	case *triggersv1.Trigger:
		standing = []Standing{{Trigger: o}}
	case *triggersv1.EventListener:
		standing = inlineOf(o)
	}
	var out []string
	for _, s := range standing {
		// A line that can't be read waits for nothing; it is reported where it is seen.
		if line, err := parseLine(s.Trigger); err == nil && line != nil && line.After.Namespace != "" && !slices.Contains(out, line.After.Namespace) {
			out = append(out, line.After.Namespace)
		}
	}
	return out
}

// Index makes the informers keep the indexes, from their first list on.
func Index(ctx context.Context, to client.FieldIndexer) error {
	for _, obj := range []client.Object{&triggersv1.Trigger{}, &triggersv1.EventListener{}} {
		if err := to.IndexField(ctx, obj, awaitsNamespace, AwaitedBy); err != nil {
			return fmt.Errorf("index %T by %s: %w", obj, awaitsNamespace, err)
		}
	}
	for name, f := range Indexes() {
		if name == awaitsNamespace {
			continue
		}
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

func isPending(o *v1alpha1.Approval) bool {
	return !approvals.Approval{Outcome: approvals.Outcome(o.Status.Outcome)}.Decided()
}

func isUnsettled(o *v1alpha1.Approval) bool {
	switch {
	case isPending(o):
		return o.Spec.Terms == nil
	case o.Status.Next != nil:
		return false // the end of most: not converted for that
	default:
		return toDomain(o).ToRelease()
	}
}

// lineOf is the key's digest: it is what an expression made of people's text.
func lineOf(trigger, key string) string {
	return approvals.Digest("line", trigger, approvals.LineKey(key))
}

// Unsettled are the Approvals of a namespace, of all with "", that wait for their
// terms or for their run.
func (s *Store) Unsettled(ctx context.Context, namespace string) ([]approvals.Key, error) {
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
		return nil, translate(err, "the list of approvals that wait for something")
	}
	var out []approvals.Key
	for i := range list.Items {
		o := &list.Items[i]
		out = append(out, approvals.Key{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)})
	}
	return out, nil
}

// Rivals are the Approvals of which one may take the other's place: a's Trigger and
// key, and either not over yet or no older than a.
func (s *Store) Rivals(ctx context.Context, a approvals.Approval) ([]Lean, error) {
	if a.Terms == nil {
		return nil, nil
	}
	var list v1alpha1.ApprovalList
	err := s.Client.List(ctx, &list, client.InNamespace(a.Namespace), client.MatchingFields{inLine: lineOf(a.Trigger, a.Terms.Key)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, translate(err, "the list of approvals of trigger "+a.Trigger)
	}
	var out []Lean
	for i := range list.Items {
		o := &list.Items[i]
		stuck := o.Status.Next == nil && problemOf(o.Status.Conditions, v1alpha1.ConditionReleased) != nil
		if isPending(o) || stuck || !o.CreationTimestamp.Time.Before(a.OpenedAt) {
			out = append(out, s.lean(o))
		}
	}
	return out, nil
}
