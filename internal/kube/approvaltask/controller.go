package approvaltask

import (
	"context"
	"log/slog"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Tasks answers the approval tasks of other systems: it opens an Approval for each
// attempt of a CustomRun, and writes its outcome into the CustomRun.
type Tasks struct {
	Client   client.Client
	Store    *store.Store
	Proofs   *verifyrun.Proofs
	Opener   *hold.Opener
	Runs     *CustomRuns
	Kinds    *Kinds
	Mirrors  map[string]Mirror // by kind; a kind without one has no object
	Views    []client.Object   // the objects of kinds whose edits wake their tasks
	Outcomes approvals.OutcomeWriter
	Events   events.EventRecorder
	Now      func() time.Time
	Log      *slog.Logger
	Workers  int
}

var _ reconcile.Reconciler = (*Tasks)(nil)

// SetupWithManager registers the controller.
func (r *Tasks) SetupWithManager(mgr ctrl.Manager) error {
	b := kubeutil.Shared(mgr, "tasks", r.Workers, nil).
		For(&pipelinev1beta1.CustomRun{}, builder.WithPredicates(predicate.NewPredicateFuncs(isApprovalTask))).
		Watches(&v1alpha1.Approval{}, handler.EnqueueRequestsFromMapFunc(customRunOf))
	for _, view := range r.Views {
		b = b.Watches(view, handler.EnqueueRequestsFromMapFunc(ShownBy), builder.OnlyMetadata)
	}
	return b.Complete(kubeutil.Contained(mgr, "tasks", func() client.Object { return &pipelinev1beta1.CustomRun{} }, r))
}

// ShownBy is the CustomRun that a view shows, and is put back from when somebody has
// edited it.
func ShownBy(_ context.Context, o client.Object) []reconcile.Request {
	if o.GetLabels()[ManagedBy] != Manager {
		return nil
	}
	for _, owner := range o.GetOwnerReferences() {
		if owner.Kind == pipeline.CustomRunControllerName {
			return []reconcile.Request{kubeutil.RequestFor(o.GetNamespace(), owner.Name)}
		}
	}
	return nil
}

// customRunOf is the CustomRun that an Approval is to answer.
func customRunOf(_ context.Context, o client.Object) []reconcile.Request {
	a, ok := o.(*v1alpha1.Approval)
	if !ok || a.Spec.Source.CustomRun == nil {
		return nil
	}
	return []reconcile.Request{kubeutil.RequestFor(a.Namespace, a.Spec.Source.CustomRun.Name)}
}

// attempt carries values from step to step of one reconcile, which is about one attempt of a
// CustomRun.
type attempt struct {
	cr      *pipelinev1beta1.CustomRun // as the cache has it
	whole   *pipelinev1beta1.CustomRun // as the API server has it; read before an Approval is opened
	kind    tasks.Mapping
	service Service
	member  Member
	a       approvals.Approval // the zero value before it is opened
}

// step does one thing for an attempt. done: the rest waits for another time.
type step func(r *Tasks, ctx context.Context, x *attempt) (res ctrl.Result, done bool, err error)

var (
	// toOpen is for an attempt that has no Approval: one is opened, or what needs none is ended.
	toOpen = []step{
		(*Tasks).leaveForeign,
		(*Tasks).readWhole,
		(*Tasks).verify,
		(*Tasks).leaveToStranger,
		(*Tasks).endCancelled,
		(*Tasks).checkSpec,
		(*Tasks).endSettled,
		(*Tasks).endByStarter,
		(*Tasks).open,
	}
	// toAnswer is for one that has an Approval.
	toAnswer = []step{
		(*Tasks).believe,
		(*Tasks).abandonCancelled,
		(*Tasks).pickUp,
		(*Tasks).answer,
		(*Tasks).noteAnswered,
		(*Tasks).mirrorApproval,
	}
)

// Reconcile does the next step for one CustomRun.
func (r *Tasks) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var cr pipelinev1beta1.CustomRun
	if err := r.Client.Get(ctx, req.NamespacedName, &cr); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cr.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	x := &attempt{cr: &cr}
	todo := toAnswer
	cached, err := r.Store.Cached(ctx, approvals.Key{Namespace: cr.Namespace, Name: approvals.TaskName(cr.Name, string(cr.UID), Tried(&cr))})
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound:
		kind, ok := KindOf(&cr)
		if !ok || cr.IsDone() {
			return ctrl.Result{}, nil
		}
		x.kind, todo = kind, toOpen
	case err != nil:
		return ctrl.Result{}, err
	default: // the task's answer and its view have all of it
		if x.a, err = r.Store.Whole(ctx, cached); err != nil {
			return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
		}
	}
	for _, do := range todo {
		if res, done, err := do(r, ctx, x); done || err != nil {
			return res, err
		}
	}
	return ctrl.Result{}, nil
}

// Say writes an Event on the CustomRun, which kubectl describe shows.
func (r *Tasks) Say(cr *pipelinev1beta1.CustomRun, kind, reason, message string) {
	const most = 1024 // what the API server takes
	r.Events.Eventf(cr, nil, kind, reason, "Answer", "%s", approvals.Cut(message, most))
}
