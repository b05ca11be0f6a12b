package triggers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
)

// Triggers reads Triggers, wherever they stand: as objects, or inline in an
// EventListener.
type Triggers struct {
	Client client.Reader // from the cache
	CEL    *mapping.Compiler
	// MayListTriggers reports whether a service account of namespace home may list the
	// Triggers of a namespace. Nil: none of another namespace may.
	MayListTriggers func(ctx context.Context, home, account, namespace string) (bool, error)
	// MayGetRuns reports whether a service account of namespace home may get the
	// PipelineRuns of a namespace. Nil: none of another namespace may.
	MayGetRuns func(ctx context.Context, home, account, namespace string) (bool, error)
	// Service has the capabilities that inline policies are held to; nil: they are not.
	Service *approvals.Capabilities
}

var _ interceptor.Triggers = (*Triggers)(nil)

// Standing is a Trigger and the object that it stands in, which people look at.
type Standing struct {
	*triggersv1.Trigger

	In *triggersv1.EventListener // nil: the Trigger is an object itself
}

// Object returns the object on which Events about the Trigger are recorded.
func (s Standing) Object() client.Object {
	if s.In != nil {
		return s.In
	}
	return s.Trigger
}

func (s Standing) String() string {
	if s.In != nil {
		return fmt.Sprintf("inline trigger %s of EventListener %s", s.Name, s.In.Name)
	}
	return "Trigger " + s.Name
}

// candidates are the Triggers of a namespace, and those elsewhere that wait for runs of
// it.
func (t *Triggers) candidates(ctx context.Context, namespace string) ([]Standing, error) {
	out, err := t.all(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var triggers triggersv1.TriggerList
	if err := t.Client.List(ctx, &triggers, client.MatchingFields{AwaitsNamespace: namespace}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of triggers")
	}
	for i := range triggers.Items {
		if x := &triggers.Items[i]; x.Namespace != namespace {
			out = append(out, Standing{Trigger: x})
		}
	}
	var listeners triggersv1.EventListenerList
	if err := t.Client.List(ctx, &listeners, client.MatchingFields{AwaitsNamespace: namespace}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of event listeners")
	}
	for i := range listeners.Items {
		if x := &listeners.Items[i]; x.Namespace != namespace {
			out = append(out, inlineOf(x)...)
		}
	}
	return out, nil
}

// Waiting returns the Triggers that hold when pr succeeds, and as wrong those that have a mistake or
// may not hold it, with Err set. err means that neither is known.
func (t *Triggers) Waiting(ctx context.Context, pr *pipelinev1.PipelineRun) (waiting, wrong []Waiting, err error) {
	all, err := t.candidates(ctx, pr.Namespace)
	if err != nil {
		return nil, nil, err
	}
	origin := pipelinerun.OriginOf(pr)
	for _, s := range all {
		line, err := ParamsOf(s.Trigger)
		if err == nil && (line == nil || !line.After.Takes(s.Namespace, origin)) {
			continue
		}
		w := Waiting{Standing: s, Err: err}
		if err == nil {
			w.Line, w.Err = *line, t.mayHold(ctx, s, *line)
		}
		switch approvals.CodeOf(w.Err) {
		case "":
			waiting = append(waiting, w)
		case approvals.CodeUnavailable, approvals.CodeInternal:
			return nil, nil, w.Err
		default:
			wrong = append(wrong, w)
		}
	}
	return waiting, wrong, nil
}

// Waiting is a Trigger that waits for a run.
type Waiting struct {
	Standing

	Line approvals.InterceptorParams
	Err  error // why it can't hold; nil when it can
}

// mayHold returns an error when a Trigger with that line may not hold a run.
func (t *Triggers) mayHold(ctx context.Context, s Standing, line approvals.InterceptorParams) error {
	if _, err := t.Find(ctx, s.Namespace, s.Name); err != nil {
		return err
	}
	return t.MayAwait(ctx, s, line)
}

// Check returns what is wrong with a Trigger, nil for nothing and for one that is not
// gated.
func (t *Triggers) Check(ctx context.Context, s Standing) error {
	line, err := ParamsOf(s.Trigger)
	if err != nil || line == nil {
		return err
	}
	if s.Name == "" {
		return errNameless(s)
	}
	// A template that is not there is no mistake yet: objects come in any order.
	if err := t.CEL.CheckLine(*line); err != nil {
		return approvals.Errorf(approvals.CodeInvalid, "%s: %s", s, approvals.Message(err))
	}
	if line.Inline != nil {
		if err := gate.CheckPolicy(ctx, t.CEL, gate.Bounds{Client: t.Client, Service: t.Service}, s.Namespace, *line.Inline); err != nil {
			return err
		}
	}
	if err := t.mayHold(ctx, s, *line); err != nil {
		return err
	}
	groups, err := t.groupsOf(ctx, s)
	if err != nil {
		return err
	}
	if err := checkGroups(s.Trigger, groups); err != nil {
		return err
	}
	return t.checkSenders(ctx, s.Trigger, *line)
}

// AwaitedPipeline is the Pipeline that a Trigger's line names; "" for none.
func AwaitedPipeline(s Standing) (namespace, name string) {
	line, err := ParamsOf(s.Trigger)
	if err != nil || line == nil || line.After.Pipeline == "" {
		return "", ""
	}
	return cmp.Or(line.After.PipelineNamespace, line.After.Namespace, s.Namespace), line.After.Pipeline
}

func errNameless(s Standing) error {
	return approvals.Errorf(approvals.CodeInvalid,
		"a trigger of EventListener %s has the interceptor %s but no name, so it can't be told apart from others: give the trigger a name", s.In.Name, interceptor.Name)
}

// ReasonNameNotUnique is of Triggers that can't be told apart.
const ReasonNameNotUnique = "TriggerNameNotUnique"

// Find returns the one Trigger of that name. An EventListener's id for a Trigger is its
// namespace and name, whatever it stands in, so two of one name would be taken for
// each other: then there is none, and the error names them all.
func (t *Triggers) Find(ctx context.Context, namespace, name string) (Standing, error) {
	if name == "" {
		return Standing{}, approvals.Errorf(approvals.CodeInvalid, "a trigger of namespace %s has no name: give the trigger a name", namespace)
	}
	found, err := t.inline(ctx, namespace)
	if err != nil {
		return Standing{}, err
	}
	found = slices.DeleteFunc(found, func(s Standing) bool { return s.Name != name })
	what := fmt.Sprintf("trigger %s/%s", namespace, name)
	switch trigger, err := kubeutil.Read(ctx, t.Client, namespace, name, &triggersv1.Trigger{}); approvals.CodeOf(kubeutil.Translate(err, what)) {
	case "":
		found = append(found, Standing{Trigger: trigger})
	case approvals.CodeNotFound:
	default:
		return Standing{}, kubeutil.Translate(err, what)
	}
	switch len(found) {
	case 0:
		return Standing{}, approvals.Errorf(approvals.CodeNotFound, "%s was not found", what)
	case 1:
		return found[0], nil
	}
	var which []string
	for _, s := range found {
		which = append(which, s.String())
	}
	slices.Sort(which)
	return Standing{}, kubeutil.Reason(ReasonNameNotUnique, approvals.Errorf(approvals.CodeInvalid,
		"namespace %s has %d triggers with the name %s: %s. Countersign can't tell them apart, so none of them holds or releases anything: give each a name of its own",
		namespace, len(found), name, strings.Join(which, ", ")))
}

// all is every Trigger of a namespace.
func (t *Triggers) all(ctx context.Context, namespace string) ([]Standing, error) {
	out, err := t.inline(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var list triggersv1.TriggerList
	if err := t.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of triggers")
	}
	for i := range list.Items {
		out = append(out, Standing{Trigger: &list.Items[i]})
	}
	return out, nil
}

// inline is the Triggers that stand in a namespace's EventListeners.
func (t *Triggers) inline(ctx context.Context, namespace string) ([]Standing, error) {
	var list triggersv1.EventListenerList
	if err := t.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, kubeutil.Translate(err, "the list of event listeners")
	}
	var out []Standing
	for i := range list.Items {
		out = append(out, inlineOf(&list.Items[i])...)
	}
	return out, nil
}

// inlineOf are the Triggers that stand in el, made as the EventListener makes
// them.
func inlineOf(el *triggersv1.EventListener) []Standing {
	var out []Standing
	for _, x := range el.Spec.Triggers {
		if x.Template == nil {
			continue
		}
		trigger := &triggersv1.Trigger{}
		trigger.Namespace, trigger.Name = el.Namespace, x.Name
		trigger.CreationTimestamp = el.CreationTimestamp
		trigger.Spec = triggersv1.TriggerSpec{
			ServiceAccountName: x.ServiceAccountName, Bindings: x.Bindings, Template: *x.Template, Interceptors: x.Interceptors,
		}
		out = append(out, Standing{Trigger: trigger, In: el})
	}
	return out
}

// Inline are the Triggers that stand in el.
func Inline(el *triggersv1.EventListener) []Standing { return inlineOf(el) }

// ParamsOf reads the parameters of a Trigger's countersign interceptor; nil when it has none.
func ParamsOf(trigger *triggersv1.Trigger) (*approvals.InterceptorParams, error) {
	line, err := interceptor.ParseParams(trigger.Spec.Interceptors, gate.InlinePolicy)
	if err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s: %s", trigger.Namespace, cmp.Or(trigger.Name, "(without a name)"), approvals.Message(err))
	}
	return line, nil
}
