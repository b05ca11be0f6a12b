package release

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Diagnosis finds out why no run came of an event that the EventListener took: it
// does what the EventListener does, with the same code, and stops short of
// creating anything. The service's right to create runs is for dry runs alone; an
// admission policy that is shipped with it holds it to that.
type Diagnosis struct {
	Client   client.Client
	Triggers *triggers.Triggers
}

// Why follows the way of the event for the reason that no run appeared: the Trigger, its template,
// the EventListener, the rights of its account, a dry run. RunNotFound when all of that is good.
func (d *Diagnosis) Why(ctx context.Context, a approvals.Approval) approvals.Problem {
	problem := func(reason, format string, args ...any) approvals.Problem {
		return approvals.Problem{Reason: reason, Message: fmt.Sprintf(format, args...) + ". The event is posted again until the run exists"}
	}
	trigger, err := d.Triggers.Resolve(ctx, a.Namespace, a.Trigger)
	if err == nil {
		err = trigger.Unresolved
	}
	if err != nil {
		return problem("TriggerNotReady", "%s", approvals.Message(err))
	}
	// Under another name than its run's: what the API server says of it is read by people.
	made, err := render.Render(ctx, d.Triggers, trigger, a, approvals.Name("dry-run", a.UID))
	if err != nil {
		return problem("TemplateError", "the template of trigger %s can't be filled in: %s", a.Trigger, approvals.Message(err))
	}
	if len(made.Problems) > 0 {
		return problem(made.Problems[0].Reason, "%s", made.Problems[0].Message)
	}
	l, err := d.Triggers.ListenerFor(ctx, a.Namespace, a.Trigger)
	if err != nil {
		return problem("NoEventListener", "%s", approvals.Message(err))
	}
	for _, obj := range made.Objects {
		if why := d.mayCreate(ctx, l, trigger, obj); why != "" {
			return problem("Forbidden", "%s", why)
		}
		err := d.Client.Create(ctx, obj.DeepCopy(), client.DryRunAll)
		switch {
		case err == nil:
		case apierrors.IsForbidden(err) && kubeutil.IsRBAC(err):
			// Our own lack of the right to look says nothing about the EventListener.
		default:
			return problem("Refused", "the API server refuses the %s that the template creates: %v", obj.GetKind(), err)
		}
	}
	return problem("RunNotFound", "EventListener %s/%s accepted the event, but the run does not exist yet, and Countersign finds no reason: a dry run of the template succeeds, and the service account may create the run. Check that the pods of deployment el-%s in namespace %s are running, and that the EventListener selects this Trigger",
		l.Namespace, l.Name, l.Name, l.Namespace)
}

// mayCreate asks the API server whether the EventListener's account may create
// obj, "" when it may.
func (d *Diagnosis) mayCreate(ctx context.Context, l triggers.Listener, trigger *triggers.Resolved, obj *unstructured.Unstructured) string {
	as := l.Account()
	if name := trigger.Spec.ServiceAccountName; name != "" {
		as = triggers.Account{Namespace: trigger.Namespace, Name: name}
		if may, err := l.Account().MayBe(ctx, d.Client, as); err == nil && !may {
			return triggers.MayNotBe(l.Account(), as)
		}
	}
	gvk := obj.GroupVersionKind()
	resource := triggers.ResourceOf(obj)
	may, err := as.May(ctx, d.Client, &authorizationv1.ResourceAttributes{
		Namespace: obj.GetNamespace(), Verb: "create", Group: gvk.Group, Version: gvk.Version, Resource: resource,
	})
	if err != nil || may {
		return ""
	}
	return fmt.Sprintf("service account %s/%s may not create %s.%s in namespace %s: bind it to ClusterRole tekton-triggers-eventlistener-roles there",
		as.Namespace, as.Name, resource, gvk.Group, obj.GetNamespace())
}
