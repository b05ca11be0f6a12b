package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
)

// Diagnosis finds out why no run came of an event that the EventListener took: it
// does what the EventListener does, with the same code, and stops short of
// creating anything. The service's right to create runs is for dry runs alone; an
// admission policy that is shipped with it holds it to that.
type Diagnosis struct {
	Client   client.Client
	Triggers *Triggers
	Ring     func() keyring.Ring
}

// Why returns the problem, never nil.
func (d *Diagnosis) Why(ctx context.Context, a approvals.Approval) approvals.Problem {
	problem := func(reason, format string, args ...any) approvals.Problem {
		return approvals.Problem{Reason: reason, Message: fmt.Sprintf(format, args...) + ". The event is posted again until the run is there"}
	}
	trigger, err := d.Triggers.find(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return problem("TriggerNotReady", "%s", approvals.Message(err))
	}
	objs, err := d.render(ctx, a, trigger)
	if err != nil {
		return problem("TemplateError", "the template of trigger %s can't be filled in: %s", a.Trigger, approvals.Message(err))
	}
	l, err := d.Triggers.listenerFor(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return problem("NoEventListener", "%s", approvals.Message(err))
	}
	if p := d.named(a, objs); p != nil {
		return *p
	}
	for _, obj := range objs {
		if why := d.mayCreate(ctx, l, trigger, obj); why != "" {
			return problem("Forbidden", "%s", why)
		}
		err := d.Client.Create(ctx, obj.DeepCopy(), client.DryRunAll)
		switch {
		case err == nil:
		case apierrors.IsAlreadyExists(err) && obj.GetName() == a.RunName():
			return NameTaken(a)
		case apierrors.IsForbidden(err) && isRBAC(err):
			// Our own lack of the right to look says nothing about the EventListener.
		default:
			return problem("Refused", "the API server refuses the %s that the template makes: %v", obj.GetKind(), err)
		}
	}
	return problem("NotSeen", "EventListener %s/%s took the event and the run is not there yet, for no reason that can be seen from here: kubectl -n %s logs deploy/el-%s",
		l.Namespace, l.Name, l.Namespace, l.Name)
}

// NameTaken is the problem that a run of somebody else's has the Approval's name.
func NameTaken(a approvals.Approval) approvals.Problem {
	return approvals.Problem{Reason: "NameTaken", Message: fmt.Sprintf(
		"PipelineRun %s exists and was not started by trigger %s for this approval: look at it, and delete it to let the right one start", a.RunName(), a.Trigger)}
}

// CheckTemplate says what is wrong with what trigger would start for a, before
// anything is posted: nil when its run has the one name that makes it start once.
func (d *Diagnosis) CheckTemplate(ctx context.Context, a approvals.Approval) error {
	trigger, err := d.Triggers.find(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return err
	}
	objs, err := d.render(ctx, a, trigger)
	if err != nil {
		return reason("TemplateError", err)
	}
	if p := d.named(a, objs); p != nil {
		return reason(p.Reason, approvals.Errorf(approvals.CodeInvalid, "%s", p.Message))
	}
	return nil
}

// foreignExtension is in a binding that reads what another interceptor of the
// chain brings, which can't be made here.
var foreignExtension = regexp.MustCompile(`\$\(extensions\.(?:[^c]|c[^o]|co[^u])`)

// render does what the EventListener would do with the signed event.
func (d *Diagnosis) render(ctx context.Context, a approvals.Approval, trigger *triggersv1.Trigger) ([]*unstructured.Unstructured, error) {
	rt, err := d.Triggers.resolve(ctx, trigger)
	if err != nil {
		return nil, err
	}
	for i, p := range rt.BindingParams {
		if foreignExtension.MatchString(p.Value) {
			rt.BindingParams[i].Value = "of-another-interceptor"
		}
	}
	e, err := eventFor(a, d.Ring(), nil, a.DecidedAt)
	if err != nil {
		return nil, err
	}
	// Extensions reach bindings as plain JSON.
	var ext any
	raw, err := json.Marshal(interceptor.ExtensionOf(a))
	if err == nil {
		err = json.Unmarshal(raw, &ext)
	}
	if err != nil {
		return nil, err
	}
	params, err := template.ResolveParams(rt, e.body, e.header, map[string]any{interceptor.Name: ext}, template.NewTriggerContext("dry-run"))
	if err != nil {
		return nil, approvals.Errorf(approvals.CodeInvalid, "%v", err)
	}
	var objs []*unstructured.Unstructured
	for _, raw := range template.ResolveResources(rt.TriggerTemplate, params) {
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(raw); err != nil {
			return nil, approvals.Errorf(approvals.CodeInvalid, "with the params filled in it is not a Kubernetes object (an object or array param, or a quote in fixed text?): %v", err)
		}
		if obj.GetNamespace() == "" {
			obj.SetNamespace(a.Namespace)
		}
		objs = append(objs, obj)
	}
	return objs, nil
}

// named says that the first object is not a PipelineRun with the Approval's name.
// The first: an EventListener creates in order and stops at what exists already,
// so whatever stood before it would be made again by each post.
func (d *Diagnosis) named(a approvals.Approval, objs []*unstructured.Unstructured) *approvals.Problem {
	if len(objs) > 0 && objs[0].GetKind() == "PipelineRun" && objs[0].GetName() == a.RunName() && objs[0].GetNamespace() == a.Namespace {
		return nil
	}
	return &approvals.Problem{Reason: "RunNotNamed", Message: fmt.Sprintf(
		"the template of trigger %s does not make, as its first object, a PipelineRun named %s in namespace %s: bind a param to $(extensions.countersign.run) and set metadata.name: $(tt.params.THAT) instead of generateName, so that it can start only once",
		a.Trigger, a.RunName(), a.Namespace)}
}

// mayCreate asks the API server whether the EventListener's account may create
// obj, "" when it may.
func (d *Diagnosis) mayCreate(ctx context.Context, l listener, trigger *triggersv1.Trigger, obj *unstructured.Unstructured) string {
	as := l.account()
	if name := trigger.Spec.ServiceAccountName; name != "" {
		as = account{trigger.Namespace, name}
	}
	gvk := obj.GroupVersionKind()
	resource := strings.ToLower(gvk.Kind) + "s"
	may, err := as.may(ctx, d.Client, &authorizationv1.ResourceAttributes{
		Namespace: obj.GetNamespace(), Verb: "create", Group: gvk.Group, Version: gvk.Version, Resource: resource,
	})
	if err != nil || may {
		return ""
	}
	return fmt.Sprintf("service account %s/%s may not create %s.%s in namespace %s: bind it to ClusterRole tekton-triggers-eventlistener-roles there",
		as.namespace, as.name, resource, gvk.Group, obj.GetNamespace())
}

// isRBAC tells the authorizer's refusal from an admission plugin's, which is
// Forbidden too.
func isRBAC(err error) bool { return rbacWords.MatchString(err.Error()) }

var rbacWords = regexp.MustCompile(`cannot \w+ resource "`)
