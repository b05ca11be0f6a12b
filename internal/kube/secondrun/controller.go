package secondrun

import (
	"context"
	"log/slog"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// FollowFor bounds the time for which the end of an observed run is awaited. A process that
// starts to lead must not read the runs of years, one by one.
const FollowFor = 30 * 24 * time.Hour

// Runs waits for the end of each run that an outcome started. The run is the one that the
// Approval's status names, by name and UID; nothing that a run says of itself is believed. The
// end is the API server's word at the time that it is written, and what makes it written once
// is that it stands in the Approval. Whatever a restart forgets comes again: each Approval
// whose run goes on is looked at when a process begins to lead.
type Runs struct {
	Client  client.Client // reads from the informers' cache
	Live    client.Reader // reads from the API server
	Store   *store.Store
	Now     func() time.Time
	Log     *slog.Logger
	Ended   func(approvals.Approval) // called once for each end that was written
	Workers int

	last lastSeen
}

var _ reconcile.Reconciler = (*Runs)(nil)

// SetupWithManager registers the controller. Of a run only its end and its deletion wake it.
func (r *Runs) SetupWithManager(mgr ctrl.Manager) error {
	return kubeutil.Shared(mgr, "second-runs", r.Workers, queue.OfTrigger).
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(e event.CreateEvent) bool { return isRunning(e.Object) },
			UpdateFunc: func(e event.UpdateEvent) bool { return isRunning(e.ObjectNew) && !isRunning(e.ObjectOld) },
			DeleteFunc: func(event.DeleteEvent) bool { return false },
		})).
		Watches(&pipelinev1.PipelineRun{}, handler.EnqueueRequestsFromMapFunc(r.StartedBy), builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(e event.CreateEvent) bool { return isDone(e.Object) },
			UpdateFunc: func(e event.UpdateEvent) bool { return isDone(e.ObjectNew) && !isDone(e.ObjectOld) },
		})).
		Complete(kubeutil.Contained(mgr, "second-runs", func() client.Object { return &v1alpha1.Approval{} }, r))
}

// isRunning reports whether an Approval's run was observed, and its end was not.
func isRunning(o client.Object) bool {
	a, ok := o.(*v1alpha1.Approval)
	return ok && a.Status.SecondRun != nil && a.Status.SecondRun.Outcome == ""
}

func isDone(o client.Object) bool {
	pr, ok := o.(*pipelinev1.PipelineRun)
	return ok && pr.IsDone()
}

// StartedBy is the Approval whose status names o. It remembers how a run ended that may be
// deleted before anybody looks.
func (r *Runs) StartedBy(ctx context.Context, o client.Object) []reconcile.Request {
	pr, ok := o.(*pipelinev1.PipelineRun)
	if !ok {
		return nil
	}
	found := kubeutil.Requests(r.Store.Following(ctx, pr.Namespace, string(pr.UID)))
	if len(found) > 0 && pr.IsDone() {
		r.last.note(pr.Namespace, pr.UID, endOf(pr))
	}
	return found
}

// Reconcile writes the end of one Approval's run, if it has come.
func (r *Runs) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cached, err := r.Store.Cached(ctx, approvals.Key{Namespace: req.Namespace, Name: req.Name})
	if err != nil {
		return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
	}
	a, now := cached.State(), r.Now()
	if a.Resolved == nil || !a.Runs() || now.Sub(a.SecondRun.At) > FollowFor {
		return ctrl.Result{}, nil
	}
	seen, err := r.look(ctx, a)
	if err != nil {
		return ctrl.Result{}, err
	}
	if seen.UID == a.SecondRun.UID && seen.End == nil {
		return ctrl.Result{}, nil // it goes on: to ask the API server about a costs a read for each decision
	}
	did := approvals.NoChange
	ended, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		next, change := approvals.EndRun(a, seen, now)
		did = change
		return next, change, nil
	})
	if err != nil {
		return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
	}
	if did != approvals.RunOver {
		return ctrl.Result{}, nil // the end is there already
	}
	r.last.forget(a.Namespace, types.UID(a.SecondRun.UID))
	r.Ended(ended)
	r.Log.Info("second run ended", "namespace", a.Namespace, "approval", a.Name, "run", a.SecondRun.Name, "outcome", string(ended.RunEnd.Outcome))
	return ctrl.Result{}, nil
}

// look looks at the run that a names: in the cache whether it goes on, and at the API server
// how it ended.
func (r *Runs) look(ctx context.Context, a approvals.Approval) (approvals.ObservedRun, error) {
	name := types.NamespacedName{Namespace: a.Namespace, Name: a.SecondRun.Name}
	var pr pipelinev1.PipelineRun
	err := r.Client.Get(ctx, name, &pr, client.UnsafeDisableDeepCopy)
	if err == nil && string(pr.UID) == a.SecondRun.UID && !pr.IsDone() {
		return approvals.ObservedRun{UID: a.SecondRun.UID}, nil // its end comes as an event
	}
	pr = pipelinev1.PipelineRun{}
	err = r.Live.Get(ctx, name, &pr)
	switch {
	case apierrors.IsNotFound(err) || err == nil && string(pr.UID) != a.SecondRun.UID:
		return r.last.of(a.Namespace, a.SecondRun.UID), nil
	case err != nil:
		return approvals.ObservedRun{}, kubeutil.Translate(err, "run "+a.SecondRun.Name)
	}
	return observe(ctx, r.Live, &pr)
}
