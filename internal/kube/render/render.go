package render

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	triggersapi "github.com/tektoncd/triggers/pkg/apis/triggers"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Rendered has the objects that an EventListener would create for an Approval's signed event.
type Rendered struct {
	// Objects has what it would create, in order, with the labels that it adds. There is
	// nothing in it when a problem keeps the template from being filled in.
	Objects []*unstructured.Unstructured
	// Unknown stands, alone or within a text, for what can't be known before the
	// event is there. It is made up for this rendering, so nobody can write it.
	Unknown string
	// Problems are everything that is wrong with what would start, not only the first.
	Problems []approvals.Problem
}

// Reasons of what is wrong with what a Trigger would start.
const (
	ReasonTemplateError = "TemplateError"
	ReasonRunNotNamed   = "RunNotNamed"
)

// Render does what the EventListener would do with the signed event for a, whose
// run is named runName: by Triggers' own code, short of creating anything. What
// is pending is rendered as if it were approved without a comment, with its
// inputs at their defaults.
func Render(ctx context.Context, t *triggers.Triggers, r *triggers.Resolved, a approvals.Approval, runName string) (Rendered, error) {
	if r.Unresolved != nil {
		return Rendered{}, r.Unresolved
	}
	a, err := AsIfApproved(ctx, t, a)
	if err != nil {
		return Rendered{}, err
	}
	out := Rendered{Unknown: "unknown-" + strings.ToLower(rand.Text())}
	x := interceptor.ExtensionOf(a)
	x.Run = runName
	// Who answers, and whether they send spans, decides which trace the run is in.
	x.SpanContext = out.Unknown
	e, err := signedevent.ContentOf(a, x)
	if err != nil {
		return Rendered{}, err
	}
	e.Header = SignedHeaders(e.Header, a, out.Unknown)
	ours, err := Plain(x)
	if err != nil {
		return Rendered{}, err
	}
	// What the interceptors before ours brought when the event was held must be what they
	// bring again; what others bring is not known yet.
	extensions := map[string]any{}
	if s := a.Source.Event; s != nil && s.Extensions != "" {
		if err := json.Unmarshal([]byte(s.Extensions), &extensions); err != nil {
			return Rendered{}, err
		}
	}
	extensions[interceptor.Name] = ours
	params := out.params(r, e, extensions)
	if len(out.Problems) == 0 {
		out.objects(r, params)
	}
	if len(out.Problems) == 0 {
		out.named(r, runName)
		out.identified(r, a.Resolved.Policy.VerifyBeforeStart)
	}
	return out, nil
}

// AsIfApproved is a decided Approval as it is, and a pending one as it would be.
func AsIfApproved(ctx context.Context, t *triggers.Triggers, a approvals.Approval) (approvals.Approval, error) {
	if a.Resolved == nil {
		return a, approvals.Errorf(approvals.CodeNotReady, "approval %s is not resolved yet", a.Key)
	}
	if a.Decided() {
		return a, nil
	}
	a = approvals.AsIfApproved(a, a.OpenedAt)
	vars, err := mapping.SourceVars(a.Namespace, a.Source)
	if err != nil {
		return a, err
	}
	// An expression that fails has the default results stand in, as at the decision.
	if results, err := t.CEL.Results(ctx, a, vars); err == nil {
		a.Results = results
	}
	return a, nil
}

// SignedHeaders adds what the signature and the way to the EventListener bring.
func SignedHeaders(h http.Header, a approvals.Approval, unknown string) http.Header {
	h = h.Clone()
	h.Set(signature.HeaderID, interceptor.EventID(a.Key))
	h.Set(signature.HeaderTimestamp, unknown)
	h.Set(signature.HeaderSignature, unknown)
	if name := signature.Kind(a.Resolved.Policy.Secret.Kind).Header(); name != "" {
		h.Set(name, unknown)
	}
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Content-Length"} {
		if h.Get(name) == "" {
			h.Set(name, unknown)
		}
	}
	return h
}

// Plain is v as it reaches bindings: plain JSON.
func Plain(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(raw, &out)
}

func (out *Rendered) problem(reason, format string, args ...any) {
	out.Problems = append(out.Problems, approvals.Problem{Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// params are the template's params, by name, as the bindings and defaults give
// them.
func (out *Rendered) params(r *triggers.Resolved, e signedevent.Event, extensions map[string]any) map[string]string {
	rt := r.Template
	rt.BindingParams = slices.Clone(rt.BindingParams)
	// A webhook of the old kind answers with the body and headers that go on.
	rewritten := slices.ContainsFunc(r.Spec.Interceptors, func(ti *triggersv1.TriggerInterceptor) bool { return ti != nil && ti.Webhook != nil })
	// What came with the event and is written again behind ours is not what came.
	known, later := maps.Clone(extensions), interceptor.Behind(r.Spec.Interceptors)
	maps.DeleteFunc(known, func(key string, _ any) bool { return key != interceptor.Name && later(key) })
	for i, p := range rt.BindingParams {
		rt.BindingParams[i].Value = triggers.WithUnknown(p.Value, known, rewritten, out.Unknown)
	}
	trigger := template.NewTriggerContext(out.Unknown)
	params := map[string]string{}
	if name, ok := boundBindings(rt, e, extensions, trigger); !ok {
		out.problem(ReasonTemplateError, "with binding %s, the bindings of trigger %s have more than %d bytes of this event, which is more than the API server's limit for an object: bind less of it", name, r.Name, maxMade)
		return params
	}
	if all, err := template.ResolveParams(rt, e.Body, e.Header, extensions, trigger); err == nil {
		for _, p := range all {
			params[p.Name] = p.Value
		}
	} else { // once more, one by one, for all that is wrong
		for i, p := range rt.BindingParams {
			one := rt
			one.BindingParams = rt.BindingParams[i : i+1]
			if _, err := template.ResolveParams(one, e.Body, e.Header, extensions, trigger); err != nil {
				out.problem(ReasonTemplateError, "binding %s of trigger %s reads %s, which the event does not have: %s", p.Name, r.Name, r.Template.BindingParams[i].Value, last(err))
			}
			params[p.Name] = ""
		}
	}
	out.unbound(r, params)
	out.rounded(r, rt.BindingParams, e, extensions)
	return params
}

// last is the innermost of a chain of errors: the outer ones say it in Triggers'
// own words.
func last(err error) string {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err.Error()
		}
		err = u.Unwrap()
	}
}

// unbound reports the template's params that nothing fills in: Triggers would
// leave $(tt.params.X) as it stands.
func (out *Rendered) unbound(r *triggers.Resolved, params map[string]string) {
	tt := r.Template.TriggerTemplate
	for _, p := range tt.Spec.Params {
		if _, ok := params[p.Name]; ok || p.Default != nil {
			continue
		}
		hint := "add a binding of that name, or give it a default"
		if near := nearest(p.Name, params); near != "" {
			hint = fmt.Sprintf("did you mean %s? %s", near, hint)
		}
		out.problem(ReasonTemplateError, "template %s declares param %s, and no binding of trigger %s gives it: %s", templateName(r.Trigger), p.Name, r.Name, hint)
	}
	declared := func(name string) bool {
		return slices.ContainsFunc(tt.Spec.Params, func(p triggersv1.ParamSpec) bool { return p.Name == name })
	}
	for _, name := range undeclared(tt) {
		if _, ok := params[name]; !ok && !declared(name) {
			out.problem(ReasonTemplateError, "template %s uses $(tt.params.%s), which it does not declare and no binding of trigger %s gives", templateName(r.Trigger), name, r.Name)
		}
	}
}

// paramUse is a use of a template's param, by the form that Triggers substitutes.
var paramUse = regexp.MustCompile(`\$\(tt\.params\.([^()$]+)\)`)

// undeclared are the names of the params that a template's resources use, each once.
func undeclared(tt *triggersv1.TriggerTemplate) []string {
	var out []string
	for _, res := range tt.Spec.ResourceTemplates {
		for _, m := range paramUse.FindAllSubmatch(res.RawExtension.Raw, -1) {
			if name := string(m[1]); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// nearest is a name of params that differs from name in case, "-" and "_" only.
func nearest(name string, params map[string]string) string {
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(s))
	}
	for _, k := range slices.Sorted(maps.Keys(params)) {
		if fold(k) == fold(name) {
			return k
		}
	}
	return ""
}

func templateName(trigger *triggersv1.Trigger) string {
	if ref := trigger.Spec.Template.Ref; ref != nil {
		return *ref
	}
	return "in trigger " + trigger.Name
}

// objects fills the template in.
func (out *Rendered) objects(r *triggers.Resolved, params map[string]string) {
	var list []triggersv1.Param
	for _, name := range slices.Sorted(maps.Keys(params)) {
		// Triggers fills params in one after the other, in no order: what looks like a
		// param within a value is filled in at one time and not at another.
		if m := paramUse.FindString(params[name]); m != "" || strings.Contains(params[name], "$(uid)") {
			out.problem(ReasonTemplateError, "param %s of template %s would get a text that contains %s, which Triggers replaces with a different value each time: remove it from the event, or do not bind it", name, templateName(r.Trigger), triggers.Or(m, "$(uid)"))
		}
		list = append(list, triggersv1.Param{Name: name, Value: params[name]})
	}
	if len(out.Problems) > 0 {
		return // such a text may be one that grows without end
	}
	if n := madeSize(r.Template.TriggerTemplate, list); n > maxMade {
		out.problem(ReasonTemplateError, "template %s would create %d bytes from this event and the limit is %d, because the API server stores no larger object: use the params less often, or bind less of the event", templateName(r.Trigger), n, maxMade)
		return
	}
	tt := r.Template.TriggerTemplate.DeepCopy()
	for i := range tt.Spec.ResourceTemplates {
		raw := &tt.Spec.ResourceTemplates[i].RawExtension.Raw
		*raw = bytes.ReplaceAll(*raw, []byte("$(uid)"), []byte(out.Unknown))
	}
	for i, raw := range template.ResolveResources(tt, list) {
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(raw); err != nil {
			out.problem(ReasonTemplateError, "object %d of template %s is not a Kubernetes object once its params are filled in (is there an object or array param, or a quote in fixed text?): %v", i+1, templateName(r.Trigger), err)
			continue
		}
		if obj.GetNamespace() == "" {
			obj.SetNamespace(r.Namespace)
		}
		labels := obj.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[triggersapi.GroupName+triggersapi.TriggerLabelKey] = r.Name
		labels[triggersapi.GroupName+triggersapi.EventListenerLabelKey] = out.Unknown
		labels[triggersapi.GroupName+triggersapi.EventIDLabelKey] = out.Unknown
		obj.SetLabels(labels)
		out.Objects = append(out.Objects, obj)
	}
	if len(out.Problems) > 0 {
		out.Objects = nil
	}
}

// named adds a problem unless the first object is a PipelineRun with the run's name. The
// first: an EventListener creates in order and stops at what exists already, so
// whatever stood before it would be made again by each post.
func (out *Rendered) named(r *triggers.Resolved, runName string) {
	if objs := out.Objects; len(objs) > 0 && objs[0].GetKind() == "PipelineRun" && strings.HasPrefix(objs[0].GetAPIVersion(), "tekton.dev/") &&
		objs[0].GetName() == runName && objs[0].GetNamespace() == r.Namespace {
		return
	}
	out.problem(ReasonRunNotNamed,
		"the first object that the template of trigger %s creates is not a PipelineRun named $(extensions.countersign.run) in namespace %s: bind a param to $(extensions.countersign.run) and set metadata.name: $(tt.params.THAT) instead of generateName, so that it can start only once",
		r.Name, r.Namespace)
}
