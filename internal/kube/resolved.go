package kube

import (
	"context"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
)

// Resolved is a gated Trigger as the API server has it at one moment, with its
// bindings and its template. It is looked up once for a step and handed on, so
// that what is compared, rendered and posted is of one and the same Trigger. It
// shares memory with the cache and must not be changed.
type Resolved struct {
	Standing

	Line approvals.Line
	// Template are the Trigger's bindings and template, empty while Unresolved.
	Template template.ResolvedTrigger
	// Unresolved says which binding or template is missing.
	Unresolved error
	// Digest is of all of it, "" while Unresolved.
	Digest string
}

// Resolve looks a Trigger up. Errors are those of interceptor.Triggers.Gated.
func (t *Triggers) Resolve(ctx context.Context, namespace, name string) (*Resolved, error) {
	found, err := t.find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	line, err := parseLine(found.Trigger)
	if err != nil {
		return nil, err
	}
	if line == nil {
		return nil, approvals.Errorf(approvals.CodeNotFound,
			"trigger %s/%s has no %s interceptor of its own", namespace, name, interceptor.Name)
	}
	r := &Resolved{Standing: found, Line: *line}
	if r.Template, r.Unresolved = t.resolve(ctx, found.Trigger); r.Unresolved == nil {
		r.Digest = digestOf(r)
	}
	return r, nil
}

// Gated returns the Trigger's countersign line.
func (t *Triggers) Gated(ctx context.Context, namespace, name string) (interceptor.Gated, error) {
	r, err := t.Resolve(ctx, namespace, name)
	if err != nil {
		return interceptor.Gated{}, err
	}
	return r.gated(), nil
}

func (r *Resolved) gated() interceptor.Gated {
	return interceptor.Gated{Namespace: r.Namespace, Name: r.Name, Line: r.Line, Chain: r.Spec.Interceptors, Template: r.Digest, Unresolved: r.Unresolved}
}

// digestOf is of everything that says what an event starts: bindings, template and
// service account.
func digestOf(r *Resolved) string {
	return approvals.Digest("template", r.Spec.ServiceAccountName, r.Template.BindingParams, r.Template.TriggerTemplate.Spec)
}

// resolve reads the Trigger's bindings and template, by Triggers' own code.
func (t *Triggers) resolve(ctx context.Context, trigger *triggersv1.Trigger) (template.ResolvedTrigger, error) {
	rt, err := template.ResolveTrigger(*trigger,
		func(name string) (*triggersv1.TriggerBinding, error) {
			return read(ctx, t.Client, trigger.Namespace, name, &triggersv1.TriggerBinding{})
		},
		func(name string) (*triggersv1.ClusterTriggerBinding, error) {
			return read(ctx, t.Client, "", name, &triggersv1.ClusterTriggerBinding{})
		},
		func(name string) (*triggersv1.TriggerTemplate, error) {
			return read(ctx, t.Client, trigger.Namespace, name, &triggersv1.TriggerTemplate{})
		})
	if err != nil {
		return rt, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s can't be resolved: %v", trigger.Namespace, trigger.Name, err)
	}
	return rt, nil
}
