package approvaltask

import (
	"context"
	"maps"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Mirror keeps the object that a kind of approval task has of its own, for dashboards
// and command lines that know it. The Approval is what counts: the object is worked out
// from it, each time again, and nothing is ever read from it here.
type Mirror interface {
	// Stranger says whether an object of the name is there that this service did not
	// make: somebody else looks after the task.
	Stranger(ctx context.Context, cr *pipelinev1beta1.CustomRun) (bool, error)
	// Sync makes the object say what a says. Where it does already, nothing is written.
	Sync(ctx context.Context, cr *pipelinev1beta1.CustomRun, a approvals.Approval) error
}

// mirrorApproval brings the kind's own object in line. Its trouble holds up no answer, which
// is written by now.
func (r *Tasks) mirrorApproval(ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error) {
	service, err := r.Kinds.Of(ctx, x.kind)
	m := r.mirror(x.kind, service)
	if err != nil || m == nil {
		return res, true, err
	}
	err = m.Sync(ctx, x.cr, x.a)
	code := approvals.CodeOf(err)
	lasting := code == approvals.CodeConflict || code == approvals.CodeInvalid
	if lasting || apierrors.IsForbidden(err) {
		r.Say(x.cr, corev1.EventTypeWarning, "NotMirrored", approvals.Message(err))
	}
	if lasting {
		return res, true, nil
	}
	return res, true, err
}

func (r *Tasks) mirror(kind tasks.Mapping, s Service) Mirror {
	if !s.Mirrored {
		return nil
	}
	return r.Mirrors[kind.Name]
}

// View is a Mirror whose object nobody else writes.
type View struct {
	Client client.Client // reads the API server: there are few, and the cache has no more than their metadata
	Kind   tasks.Mapping
	Suffix string // of the CustomRun's name
	Say    func(cr *pipelinev1beta1.CustomRun, a approvals.Approval) Said
}

// Said is the content of a mirrored object. Status is nil for a kind without one.
type Said struct {
	Labels       map[string]string
	Spec, Status map[string]any
}

var _ Mirror = View{}

// Stranger implements Mirror.
func (v View) Stranger(ctx context.Context, cr *pipelinev1beta1.CustomRun) (bool, error) {
	o, err := v.get(ctx, cr)
	return o != nil && o.GetLabels()[ManagedBy] != Manager, err
}

// Sync implements Mirror. The object's name is the key.
func (v View) Sync(ctx context.Context, cr *pipelinev1beta1.CustomRun, a approvals.Approval) error {
	want := v.Say(cr, a)
	labels := map[string]string{ManagedBy: Manager}
	maps.Copy(labels, want.Labels)
	o, err := v.get(ctx, cr)
	switch {
	case err != nil:
		return err
	case o == nil:
		if o, err = v.create(ctx, cr, labels, want.Spec); err != nil {
			return err
		}
	case o.GetLabels()[ManagedBy] != Manager:
		return approvals.Errorf(approvals.CodeConflict, "%s %s was not created by Countersign, so it is left unchanged", v.Kind.Kind, o.GetName())
	case !kubeutil.Owns(o.GetOwnerReferences(), string(cr.UID)):
		return approvals.Errorf(approvals.CodeUnavailable, "%s %s belongs to an earlier task of that name and is being deleted", v.Kind.Kind, o.GetName())
	}
	if !includes(o.GetLabels(), labels) || !equality.Semantic.DeepEqual(o.Object["spec"], any(want.Spec)) {
		patch := client.MergeFromWithOptions(o.DeepCopy(), client.MergeFromWithOptimisticLock{})
		all := maps.Clone(o.GetLabels())
		maps.Copy(all, labels)
		o.SetLabels(all)
		o.Object["spec"] = want.Spec
		if err := v.Client.Patch(ctx, o, patch); err != nil {
			return kubeutil.Translate(err, v.Kind.Kind+" "+o.GetName())
		}
	}
	if want.Status == nil || equality.Semantic.DeepEqual(o.Object["status"], any(want.Status)) {
		return nil
	}
	patch := client.MergeFromWithOptions(o.DeepCopy(), client.MergeFromWithOptimisticLock{})
	o.Object["status"] = want.Status
	return kubeutil.Translate(v.Client.Status().Patch(ctx, o, patch), v.Kind.Kind+" "+o.GetName())
}

func (v View) get(ctx context.Context, cr *pipelinev1beta1.CustomRun) (*unstructured.Unstructured, error) {
	o := v.empty(cr)
	err := v.Client.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, kubeutil.Translate(err, v.Kind.Kind+" "+cr.Name+v.Suffix)
}

func (v View) create(ctx context.Context, cr *pipelinev1beta1.CustomRun, labels map[string]string, spec map[string]any) (*unstructured.Unstructured, error) {
	o := v.empty(cr)
	o.SetLabels(labels)
	// It goes with its CustomRun.
	o.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: pipelinev1beta1.SchemeGroupVersion.String(), Kind: pipeline.CustomRunControllerName, Name: cr.Name, UID: cr.UID,
	}})
	o.Object["spec"] = spec
	return o, kubeutil.Translate(v.Client.Create(ctx, o), v.Kind.Kind+" "+o.GetName())
}

func (v View) empty(cr *pipelinev1beta1.CustomRun) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.FromAPIVersionAndKind(v.Kind.APIVersion, v.Kind.Kind))
	o.SetNamespace(cr.Namespace)
	o.SetName(cr.Name + v.Suffix)
	return o
}

func includes(all, some map[string]string) bool {
	for k, v := range some {
		if x, ok := all[k]; !ok || x != v {
			return false
		}
	}
	return true
}
