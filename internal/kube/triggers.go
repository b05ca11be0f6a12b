package kube

import (
	"context"
	"fmt"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
)

// Triggers reads Triggers, wherever they stand: as objects, or inline in an
// EventListener.
type Triggers struct {
	Client client.Reader // from the cache
	CEL    *mapping.Compiler
	// MayListTriggers says whether a service account of namespace home may list the
	// Triggers of a namespace. Nil: none of another namespace may.
	MayListTriggers func(ctx context.Context, home, account, namespace string) bool
	// Service is what the service is configured to do; nil: it is not looked at.
	Service *approvals.Capabilities
}

var _ interceptor.Triggers = (*Triggers)(nil)

// After returns the Triggers of a namespace that hold when a run of pipeline
// succeeds. Triggers whose line can't be read are passed over here; they are
// reported where they are first seen.
func (t *Triggers) After(ctx context.Context, namespace, pipeline string) ([]*triggersv1.Trigger, error) {
	all, err := t.all(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var out []*triggersv1.Trigger
	for _, trigger := range all {
		line, err := parseLine(trigger)
		if err == nil && line != nil && line.After == pipeline {
			out = append(out, trigger)
		}
	}
	return out, nil
}

// Check says what is wrong with a Trigger's line, nil for none and for no line.
func (t *Triggers) Check(ctx context.Context, trigger *triggersv1.Trigger) error {
	line, err := parseLine(trigger)
	if err != nil || line == nil {
		return err
	}
	// A template that is not there is no mistake yet: objects come in any order.
	if err := t.CEL.CheckLine(*line); err != nil || line.Inline == nil {
		return err
	}
	return checkPolicy(ctx, t.CEL, Bounds{Client: t.Client, Service: t.Service}, trigger.Namespace, *line.Inline)
}

func (t *Triggers) find(ctx context.Context, namespace, name string) (*triggersv1.Trigger, error) {
	trigger, err := read(ctx, t.Client, namespace, name, &triggersv1.Trigger{})
	if err == nil {
		return trigger, nil
	}
	what := fmt.Sprintf("trigger %s/%s", namespace, name)
	if terr := translate(err, what); approvals.CodeOf(terr) != approvals.CodeNotFound {
		return nil, terr
	}
	inline, err := t.inline(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for _, trigger := range inline {
		if trigger.Name == name {
			return trigger, nil
		}
	}
	return nil, approvals.Errorf(approvals.CodeNotFound, "%s was not found", what)
}

// all is every Trigger of a namespace.
func (t *Triggers) all(ctx context.Context, namespace string) ([]*triggersv1.Trigger, error) {
	out, err := t.inline(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var list triggersv1.TriggerList
	if err := t.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, translate(err, "the list of triggers")
	}
	for i := range list.Items {
		out = append(out, &list.Items[i])
	}
	return out, nil
}

// inline is the Triggers that stand in a namespace's EventListeners.
func (t *Triggers) inline(ctx context.Context, namespace string) ([]*triggersv1.Trigger, error) {
	var list triggersv1.EventListenerList
	if err := t.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, translate(err, "the list of event listeners")
	}
	var out []*triggersv1.Trigger
	for i := range list.Items {
		out = append(out, inlineOf(&list.Items[i])...)
	}
	return out, nil
}

// inlineOf are the Triggers that stand in el, made as the EventListener makes
// them.
func inlineOf(el *triggersv1.EventListener) []*triggersv1.Trigger {
	var out []*triggersv1.Trigger
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
		out = append(out, trigger)
	}
	return out
}

func parseLine(trigger *triggersv1.Trigger) (*approvals.Line, error) {
	line, err := interceptor.ParseLine(trigger.Spec.Interceptors, inlinePolicy)
	if err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s: %s", trigger.Namespace, trigger.Name, approvals.Message(err))
	}
	return line, nil
}

// read gets one object from the cache without copying it; it must not be changed.
func read[T client.Object](ctx context.Context, c client.Reader, namespace, name string, into T) (T, error) {
	return into, c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
}
