package lifecycle

import (
	"context"
	"log/slog"
	"sync"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
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
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// Approvals moves every Approval on: resolves it, ends it when its time is
// up, releases it and confirms by seeing the run.
type Approvals struct {
	Client    client.Client
	Live      client.Reader
	Store     *store.Store
	Opener    *hold.Opener
	Releaser  *release.Releaser
	Proofs    *verifyrun.Proofs
	Starter   *verifyrun.Starter
	Reports   *triggers.Reports
	Diagnosis *release.Diagnosis
	Now       func() time.Time
	Log       *slog.Logger
	Outcomes  approvals.OutcomeWriter
	Confirmed func(approvals.Approval)
	Workers   int
	// Evidence is kept as long as an Approval that shows it; nil: there is none.
	Evidence interface {
		Own(ctx context.Context, a approvals.Approval) error
	}

	owned    sync.Map // by name, the UID of an Approval whose evidence is known to be kept, or unkept
	Throttle Throttle
	seen     observedRuns
	since    sync.Once
	began    time.Time // when this process began to look
}

var _ reconcile.Reconciler = (*Approvals)(nil)

// SetupWithManager registers the controller.
func (r *Approvals) SetupWithManager(mgr ctrl.Manager) error {
	r.since = sync.Once{} // another may have led meanwhile
	blocked := handler.EnqueueRequestsFromMapFunc(r.BlockedIn)
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return kubeutil.Shared(mgr, "approvals", r.Workers, queue.OfTrigger).
		For(&v1alpha1.Approval{}).
		Watches(&pipelinev1.PipelineRun{}, handler.EnqueueRequestsFromMapFunc(r.awaiting), builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(e event.UpdateEvent) bool {
				return r.Proofs.Awaited.Follows(client.ObjectKeyFromObject(e.ObjectNew))
			},
		})).
		Watches(&v1alpha1.Gate{}, blocked, changed).
		Watches(&v1alpha1.GatePolicy{}, blocked, changed).
		Watches(&corev1.Namespace{}, blocked, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&triggersv1.Trigger{}, blocked, changed).
		Watches(&triggersv1.TriggerTemplate{}, blocked, changed).
		Watches(&triggersv1.TriggerBinding{}, blocked, changed).
		Watches(&triggersv1.ClusterTriggerBinding{}, blocked, changed).
		Watches(&triggersv1.EventListener{}, blocked, changed).
		Complete(kubeutil.Contained(mgr, "approvals", func() client.Object { return &v1alpha1.Approval{} }, r))
}

type phase struct {
	// whole says whether its steps need what the cache may have left out; nil: none of them.
	whole func(a approvals.Approval) bool
	// steps are done in this order, until one says that it was the last for now.
	steps []step
}

// step does one thing for an Approval. done: the rest waits for another time.
type step func(r *Approvals, ctx context.Context, x *work) (res ctrl.Result, done bool, err error)

// work carries values from step to step of one reconcile.
type work struct {
	a       approvals.Approval
	now     time.Time
	found   verifyrun.Sighting // what is there under the name of a's run
	attempt release.Attempt    // what this process did to release a
}

// The phases. In each the next step follows from what is there, so that a step that was not
// finished is simply done again.
var (
	toResolve = &phase{whole: always, steps: []step{(*Approvals).resolve}}
	toDecide  = &phase{steps: []step{(*Approvals).supersede, (*Approvals).expire}}
	toPost    = &phase{whole: always, steps: []step{
		(*Approvals).forceRetry,
		(*Approvals).leaveToPosts,
		(*Approvals).observe,
		(*Approvals).observeDeleted,
		(*Approvals).giveUp,
		(*Approvals).reportStranger,
		(*Approvals).leaveToVoter,
		(*Approvals).observeLive,
		(*Approvals).explain,
		(*Approvals).post,
	}}
	toWrite = &phase{whole: always, steps: []step{
		(*Approvals).forceRetry,
		(*Approvals).giveUp,
		(*Approvals).writeTarget,
		(*Approvals).observeTarget,
	}}
	toSettle = &phase{whole: someStarted, steps: []step{(*Approvals).settle}}
	toFollow = &phase{whole: always, steps: []step{(*Approvals).follow}}
)

func always(approvals.Approval) bool { return true }

// someStarted is false for most of those that start nothing: the cache has enough of them.
func someStarted(a approvals.Approval) bool {
	return a.Cancellation != nil || a.Resolved.Target != nil || a.Source.Lean.Claims
}

// phaseOf is the phase that a is in, nil when there is nothing to do here.
func phaseOf(a approvals.Approval) *phase {
	switch {
	case a.Resolved == nil && a.Decided():
		return nil // a record whose key has been rotated away long ago: it stays as it is
	case a.Resolved == nil:
		return toResolve
	case !a.Decided():
		return toDecide
	case a.Source.Task != nil:
		return nil // approvaltask answers it
	case a.ToRelease() && a.Resolved.Target != nil:
		return toWrite
	case a.ToRelease():
		return toPost
	case a.SecondRun == nil:
		return toSettle
	case a.Resolved.Policy.VerifyBeforeStart:
		return toFollow
	default:
		return nil // nothing more is to come
	}
}

// Reconcile does the next step for one Approval.
func (r *Approvals) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.since.Do(func() { r.began = r.Now() })
	cached, err := r.Store.Cached(ctx, approvals.Key{Namespace: req.Namespace, Name: req.Name})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		r.Throttle.Gone(req.NamespacedName)
		r.seen.forget(req.NamespacedName)
		r.Proofs.Awaited.Forget(req.NamespacedName)
		r.owned.Delete(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	a := cached.State()
	again := r.keepEvidence(ctx, a)
	res, err := r.advance(ctx, cached, a)
	if again > 0 && err == nil && (res.RequeueAfter == 0 || res.RequeueAfter > again) {
		res.RequeueAfter = again
	}
	return res, err
}

// advance does the steps of the phase that a is in.
func (r *Approvals) advance(ctx context.Context, cached store.Lean, a approvals.Approval) (ctrl.Result, error) {
	now := phaseOf(a)
	if now == nil {
		return ctrl.Result{}, nil
	}
	if now.whole != nil && now.whole(a) {
		var err error
		if a, err = r.Store.Whole(ctx, cached); err != nil {
			return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
		}
		if phaseOf(a) != now { // it was read just now, and the cache is about to tell
			return ctrl.Result{}, nil
		}
	}
	x := &work{a: a, now: r.Now()}
	for _, do := range now.steps {
		if res, done, err := do(r, ctx, x); done || err != nil {
			return res, err
		}
	}
	return ctrl.Result{}, nil
}

func key(k approvals.Key) types.NamespacedName {
	return types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
}

// awaiting is the Approval that awaits a run of o's name.
func (r *Approvals) awaiting(_ context.Context, o client.Object) []reconcile.Request {
	if key, ok := r.Proofs.Awaited.By(client.ObjectKeyFromObject(o)); ok {
		return []reconcile.Request{{NamespacedName: key}}
	}
	return nil
}

// BlockedIn are the Approvals of a namespace that are not resolved yet, or wait
// for their release.
func (r *Approvals) BlockedIn(ctx context.Context, o client.Object) []reconcile.Request {
	return kubeutil.Requests(r.Store.PendingRelease(ctx, kubeutil.NamespaceOf(o)))
}
