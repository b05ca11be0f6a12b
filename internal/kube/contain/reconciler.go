package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// sayWithin bounds what is said of a panic.
const sayWithin = 5 * time.Second

// Reconciler says of each object at which next panics that it is left alone: by an Event,
// and on Approvals and Gates by the condition Stalled, until next gets through again. The
// panic goes on to controller-runtime, which logs and counts it, and tries again more and
// more seldom. What makes saying it idempotent is the condition: the same words write nothing.
type Reconciler struct {
	Name   string
	New    func() client.Object // of the kind that the requests name
	Next   reconcile.Reconciler
	Client client.Client // its reads are from the cache
	Events events.EventRecorder
	Now    func() time.Time
}

// Served is r as the controller of that name, of objects like kind, is served by mgr.
func Served(mgr ctrl.Manager, name string, kind func() client.Object, next reconcile.Reconciler) *Reconciler {
	return &Reconciler{Name: name, New: kind, Next: next, Client: mgr.GetClient(), Events: mgr.GetEventRecorder("countersign"), Now: time.Now} //nolint:forbidigo // of a condition
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	through := false
	defer func() { r.said(ctx, req, through) }() // it does not recover
	res, err := r.Next.Reconcile(ctx, req)
	through = true
	return res, err
}

// said says of the object that it is left alone, or no more.
func (r *Reconciler) said(ctx context.Context, req ctrl.Request, through bool) {
	defer func() {
		if p := recover(); p != nil { // saying it must not be what ends the process
			log.FromContext(ctx).Error(fmt.Errorf("panic: %v", p), "the problem could not be reported on the object")
		}
	}()
	obj := r.New()
	opts := []client.GetOption{}
	if through {
		opts = append(opts, client.UnsafeDisableDeepCopy)
	}
	if err := r.Client.Get(ctx, req.NamespacedName, obj, opts...); err != nil {
		return // it is gone
	}
	if through {
		if c := meta.FindStatusCondition(deref(conditionsOf(obj)), v1alpha1.ConditionStalled); c == nil || !strings.HasPrefix(c.Message, r.begins()) {
			return
		}
		obj = obj.DeepCopyObject().(client.Object)
	} else {
		r.Events.Eventf(obj, nil, corev1.EventTypeWarning, EventReason, "Reconcile", "%s", left("controller "+r.Name))
	}
	conditions := conditionsOf(obj)
	if conditions == nil {
		return
	}
	if through {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionStalled)
	} else if !meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: EventReason, Message: r.begins() + left("it"),
		ObservedGeneration: obj.GetGeneration(), LastTransitionTime: metav1.NewTime(r.Now()),
	}) {
		return
	}
	if err := r.write(context.WithoutCancel(ctx), obj, *conditions); err != nil {
		log.FromContext(ctx).Error(err, "the problem could not be reported on the object")
	}
}

// begins tells which controller a condition is by.
func (r *Reconciler) begins() string { return "Controller " + r.Name + ": " }

// write writes the conditions alone: what reads and writes the rest may be what panics.
func (r *Reconciler) write(ctx context.Context, obj client.Object, conditions []metav1.Condition) error {
	ctx, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	if conditions == nil {
		conditions = []metav1.Condition{}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": obj.GetUID(), "resourceVersion": obj.GetResourceVersion()},
		"status":   map[string]any{"conditions": conditions},
	})
	if err != nil {
		return err
	}
	return client.IgnoreNotFound(r.Client.Status().Patch(ctx, obj, client.RawPatch(types.MergePatchType, patch)))
}

// conditionsOf returns the conditions of our own kinds, nil for others.
func conditionsOf(obj client.Object) *[]metav1.Condition {
	switch o := obj.(type) {
	case *v1alpha1.Approval:
		return &o.Status.Conditions
	case *v1alpha1.Gate:
		return &o.Status.Conditions
	}
	return nil
}

func deref(conditions *[]metav1.Condition) []metav1.Condition {
	if conditions == nil {
		return nil
	}
	return *conditions
}
