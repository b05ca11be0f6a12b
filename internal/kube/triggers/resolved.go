package triggers

import (
	"context"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Resolved is a gated Trigger as the API server has it at one moment, with its
// bindings and its template. It is looked up once for a step and handed on, so
// that what is compared, rendered and posted is of one and the same Trigger. It
// shares memory with the cache and must not be changed.
type Resolved struct {
	Standing

	Line approvals.InterceptorParams
	// Template are the Trigger's bindings and template, empty while Unresolved.
	Template template.ResolvedTrigger
	// Unresolved is the error of a binding or template that is missing, or of a group whose
	// interceptors can't stand before the Trigger's.
	Unresolved error
	// Digest is of all of it, "" while Unresolved.
	Digest string
}

// Resolve looks a Trigger up. It has the errors of interceptor.Triggers.Gated.
func (t *Triggers) Resolve(ctx context.Context, namespace, name string) (*Resolved, error) {
	found, err := t.Find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	line, err := ParamsOf(found.Trigger)
	if err != nil {
		return nil, err
	}
	if line == nil {
		return nil, approvals.Errorf(approvals.CodeNotFound,
			"trigger %s/%s has no %s interceptor of its own", namespace, name, interceptor.Name)
	}
	r := &Resolved{Standing: found, Line: *line}
	if r.Template, r.Unresolved = t.resolve(ctx, found.Trigger); r.Unresolved == nil {
		groups, err := t.groupsOf(ctx, found)
		if err != nil {
			return nil, err
		}
		if r.Unresolved = checkGroups(found.Trigger, groups); r.Unresolved != nil {
			r.Template = template.ResolvedTrigger{}
			return r, nil
		}
		r.Digest = digestOf(r, groups)
	}
	return r, nil
}

// checkGroups returns CodeInvalid when the interceptors of a group that a Trigger is run in can't
// stand before its own.
func checkGroups(trigger *triggersv1.Trigger, groups []group) error {
	for _, g := range groups {
		if err := interceptor.CheckGroupBefore(g.Interceptors, trigger.Spec.Interceptors); err != nil {
			return approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s, by EventListener %s/%s: %s", trigger.Namespace, trigger.Name, g.Namespace, g.Listener, approvals.Message(err))
		}
	}
	return nil
}

// Gated returns the Trigger's countersign line.
func (t *Triggers) Gated(ctx context.Context, namespace, name string) (interceptor.GatedTrigger, error) {
	r, err := t.Resolve(ctx, namespace, name)
	if err != nil {
		return interceptor.GatedTrigger{}, err
	}
	return r.Gated(), nil
}

// Gated returns the part of r that the interceptor needs.
func (r *Resolved) Gated() interceptor.GatedTrigger {
	return interceptor.GatedTrigger{Namespace: r.Namespace, Name: r.Name, Line: r.Line, Chain: r.Spec.Interceptors, Template: r.Digest, Reads: r.reads(), Unresolved: r.Unresolved}
}

// digestOf digests everything that decides what an event starts: the whole Trigger, with all
// its interceptors, and where it stands; its bindings and template; and the groups
// whose interceptors an event passes before it. The EventListener's account is not part
// of it: as whom a run is made does not change what runs.
func digestOf(r *Resolved, groups []group) string {
	in := ""
	if r.In != nil {
		in = r.In.Name
	}
	tt := r.Template.TriggerTemplate
	_, old := tt.Annotations[template.OldEscapeAnnotation] // changes how values are filled in
	return approvals.Digest("trigger", in, r.Spec, r.Template.BindingParams, tt.Spec, old, groups)
}

// reads are the paths below extensions that the bindings read of other interceptors,
// as far as they name fields.
func (r *Resolved) reads() [][]string {
	var out [][]string
	for _, p := range r.Template.BindingParams {
		for _, x := range ExpressionsIn(p.Value) {
			path, ok := fieldsOf(x.path)
			if !ok || len(path) == 0 || path[0] != "extensions" || len(path) > 1 && path[1] == interceptor.Name {
				continue
			}
			out = append(out, path[1:])
		}
	}
	return out
}

// resolve reads the Trigger's bindings and template, by Triggers' own code.
func (t *Triggers) resolve(ctx context.Context, trigger *triggersv1.Trigger) (template.ResolvedTrigger, error) {
	rt, err := template.ResolveTrigger(*trigger,
		func(name string) (*triggersv1.TriggerBinding, error) {
			return kubeutil.Read(ctx, t.Client, trigger.Namespace, name, &triggersv1.TriggerBinding{})
		},
		func(name string) (*triggersv1.ClusterTriggerBinding, error) {
			return kubeutil.Read(ctx, t.Client, "", name, &triggersv1.ClusterTriggerBinding{})
		},
		func(name string) (*triggersv1.TriggerTemplate, error) {
			return kubeutil.Read(ctx, t.Client, trigger.Namespace, name, &triggersv1.TriggerTemplate{})
		})
	if err != nil {
		return rt, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s can't be resolved: %v", trigger.Namespace, trigger.Name, err)
	}
	if err := checkBindings(rt.BindingParams); err != nil {
		return template.ResolvedTrigger{}, approvals.Errorf(approvals.CodeInvalid, "trigger %s/%s can't be resolved: %v", trigger.Namespace, trigger.Name, err)
	}
	return rt, nil
}
