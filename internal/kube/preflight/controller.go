package preflight

import (
	"context"
	"log/slog"
	"sync"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/apimachinery/pkg/api/equality"
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
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

const (
	// ConditionsAfter is the delay before the conditions are written for their own sake: until
	// then somebody who writes anyhow may bring them along, such as the one who notifies people.
	// After that they are written for those who wait for one: kubectl wait must end.
	ConditionsAfter = 1500 * time.Millisecond
	// LookSoon and what follows it: rights, volumes and Pipelines are looked at again now and then, since nobody tells of
	// them: often at first, while people read and their author is at work, and then
	// more and more seldom, since thousands may wait for days.
	LookSoon   = 15 * time.Second // after something was wrong, and at what a run refers to that is to be compared
	lookLater  = time.Minute
	lookSeldom = 10 * time.Minute
	// startsWithin is left to a release before what stands in its way is looked for here.
	startsWithin = 10 * time.Second
)

// Preflight says on each Approval, before anybody decides, whether what it would start could
// be started, and again whenever something changes that it depends on. What is not what it
// was opened for is asked about again, by an Approval in its place. It has workers of its
// own: no decision waits for it.
type Preflight struct {
	Store    *store.Store
	Opener   *hold.Opener
	Check    *Preflights
	Outcomes approvals.OutcomeWriter
	Now      func() time.Time
	Log      *slog.Logger
	Workers  int

	mu      sync.Mutex
	changed map[string]change // by UID
}

// change has the digest of what would start, and the time at which that digest was first seen.
type change struct {
	digest string
	since  time.Time
}

var _ reconcile.Reconciler = (*Preflight)(nil)

// SetupWithManager registers the controller.
func (r *Preflight) SetupWithManager(mgr ctrl.Manager) error {
	here := handler.EnqueueRequestsFromMapFunc(r.toStart)
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return kubeutil.Shared(mgr, "preflight", r.Workers, queue.OfTrigger).
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(e event.UpdateEvent) bool { return store.IsNews(e.ObjectOld, e.ObjectNew) },
			DeleteFunc: func(e event.DeleteEvent) bool { r.forget(string(e.Object.GetUID())); return false },
		})).
		Watches(&v1alpha1.Gate{}, here, changed).
		Watches(&triggersv1.Trigger{}, here, changed).
		Watches(&triggersv1.TriggerTemplate{}, here, changed).
		Watches(&triggersv1.TriggerBinding{}, here, changed).
		Watches(&triggersv1.ClusterTriggerBinding{}, here, changed).
		Watches(&triggersv1.EventListener{}, handler.EnqueueRequestsFromMapFunc(r.RunBy), builder.WithPredicates(predicate.Funcs{UpdateFunc: ListenerChanged})).
		Complete(kubeutil.Contained(mgr, "preflight", func() client.Object { return &v1alpha1.Approval{} }, r))
}

// ListenerChanged reports whether an EventListener's spec changed, or it became ready or
// unready.
func ListenerChanged(e event.UpdateEvent) bool {
	was, ok := e.ObjectOld.(*triggersv1.EventListener)
	is, yes := e.ObjectNew.(*triggersv1.EventListener)
	return ok && yes && (was.Generation != is.Generation || !equality.Semantic.DeepEqual(was.Status.Address, is.Status.Address) ||
		!was.Status.GetCondition("Available").IsTrue() == is.Status.GetCondition("Available").IsTrue())
}

// toStart are the Approvals of o's namespace, of all for what has none.
func (r *Preflight) toStart(ctx context.Context, o client.Object) []reconcile.Request {
	return kubeutil.Requests(r.Store.ToStart(ctx, o.GetNamespace()))
}

// RunBy are the Approvals whose Triggers an EventListener may run: it may select those of
// any namespace.
func (r *Preflight) RunBy(ctx context.Context, o client.Object) []reconcile.Request {
	el, ok := o.(*triggersv1.EventListener)
	if !ok {
		return nil
	}
	elsewhere := len(el.Spec.NamespaceSelector.MatchNames) > 0
	for _, g := range el.Spec.TriggerGroups {
		elsewhere = elsewhere || len(g.TriggerSelector.NamespaceSelector.MatchNames) > 0
	}
	if elsewhere {
		return kubeutil.Requests(r.Store.ToStart(ctx, ""))
	}
	return r.toStart(ctx, o)
}

// Reconcile looks at one Approval.
func (r *Preflight) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cached, err := r.Store.Cached(ctx, approvals.Key{Namespace: req.Namespace, Name: req.Name})
	a := cached.State()
	if approvals.CodeOf(err) == approvals.CodeNotFound || err == nil && (a.Resolved == nil || a.Source.Task != nil) {
		return ctrl.Result{}, nil // that it is resolved is an event
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if a.Decided() && !a.ToRelease() {
		r.forget(a.UID)
		return ctrl.Result{}, r.barred(ctx, a)
	}
	if done, err := r.lineage(ctx, a); done || err != nil {
		return ctrl.Result{}, err
	}
	if a.Decided() {
		if left := outcome.LeftOf(startsWithin, a.DecidedAt, r.Now()); left > 0 {
			return ctrl.Result{RequeueAfter: left}, nil
		}
	}
	if a, err = r.Store.Whole(ctx, cached); err != nil || a.Resolved == nil {
		return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
	}
	found := r.Check.Look(ctx, a)
	if found.Has(approvals.ReasonContentChanged) && !a.Decided() && (a.Replaces == nil || a.Replaces.Number < approvals.MaxAgain) {
		if left, err := r.renew(ctx, a, found); left > 0 || err != nil {
			return ctrl.Result{RequeueAfter: left}, err
		}
		return ctrl.Result{}, nil
	}
	r.steady(a.UID)
	return r.tell(ctx, a, found)
}

// tell writes what was found, when it is news. Nothing wrong is no news for a moment: it is
// left to a write that is made anyhow.
func (r *Preflight) tell(ctx context.Context, a approvals.Approval, found *approvals.Preflight) (ctrl.Result, error) {
	least := lookLater
	if found.State != approvals.PreflightReady || len(a.Resolved.References) > 0 {
		least = LookSoon
	}
	next := ctrl.Result{RequeueAfter: min(max(least, r.Now().Sub(a.OpenedAt)/4), lookSeldom)}
	if a.Preflight == nil && found.State == approvals.PreflightReady && len(found.Warnings) == 0 {
		if left := outcome.LeftOf(ConditionsAfter, a.Since(), r.Now()); left > 0 {
			return ctrl.Result{RequeueAfter: left}, nil
		}
	}
	if found.Same(a.Preflight) {
		return next, nil
	}
	_, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if a.Decided() && !a.ToRelease() || found.Same(a.Preflight) {
			return a, approvals.NoChange, nil
		}
		a.Preflight = found
		return a, approvals.Blocking, nil
	})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	return next, err
}

// renew asks again about a, whose Trigger would start something else now, once that has
// stayed the same for a while. What is put back meanwhile is no change.
func (r *Preflight) renew(ctx context.Context, a approvals.Approval, found *approvals.Preflight) (left time.Duration, err error) {
	resolved, err := r.Opener.Resolve(ctx, a.Namespace, a.Trigger, a.Source)
	switch approvals.CodeOf(err) {
	case "":
	case approvals.CodeInvalid, approvals.CodeNotFound: // nothing that could be asked
		r.steady(a.UID)
		found = approvals.NewPreflight(append(found.Problems, approvals.Problem{Reason: "NotResolved", Message: "approval can't be requested yet: " + approvals.Message(err)}))
		res, err := r.tell(ctx, a, found)
		return res.RequeueAfter, err
	default:
		return 0, err
	}
	if left := r.settles(a, resolved.Digest); left > 0 {
		return left, nil
	}
	next, err := r.Opener.Reopen(ctx, a, "")
	switch approvals.CodeOf(err) {
	case "":
		return 0, r.takeOver(ctx, a, next, found)
	case approvals.CodeConflict: // it says what to do
		found = approvals.NewPreflight(append(found.Problems, approvals.Problem{Reason: "CannotAskAgain", Message: approvals.Message(err)}))
		res, err := r.tell(ctx, a, found)
		return res.RequeueAfter, err
	default:
		return 0, err
	}
}

// takeOver ends a, or the attempts to start its run, since next asks in its place.
func (r *Preflight) takeOver(ctx context.Context, a, next approvals.Approval, found *approvals.Preflight) error {
	now := r.Now()
	_, err := r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		if found != nil && !a.Decided() {
			a.Preflight = found
		}
		return approvals.TakeOver(a, next, now)
	})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil
	}
	if err == nil {
		r.Log.Info("asked again", "namespace", a.Namespace, "approval", a.Name, "by", next.Name)
	}
	return err
}

// lineage keeps one of two that ask about the same source: what was asked again, by a
// process that died before it said so, ends; and so does what asks in the place of one whose
// run has come after all, or that was refused or cancelled meanwhile.
func (r *Preflight) lineage(ctx context.Context, a approvals.Approval) (done bool, err error) {
	next, err := r.successor(ctx, a)
	switch approvals.CodeOf(err) {
	case "":
		return true, r.takeOver(ctx, a, next.State(), approvals.NewPreflight([]approvals.Problem{ChangedProblem(a)}))
	case approvals.CodeNotFound:
	default:
		return false, err
	}
	if a.Replaces == nil {
		return false, nil
	}
	before, err := r.Store.Cached(ctx, approvals.Key{Namespace: a.Namespace, Name: a.Replaces.Name, UID: a.Replaces.UID})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return r.notInPlace(ctx, a, before.State())
}

// successor is the Approval that asks again in a's place, as the cache has it. CodeNotFound
// when there is none that this service opened.
func (r *Preflight) successor(ctx context.Context, a approvals.Approval) (store.Lean, error) {
	l, err := r.Store.Cached(ctx, approvals.Key{Namespace: a.Namespace, Name: approvals.AgainName(a)})
	next := l.State()
	if err == nil && (next.Resolved == nil || next.Replaces == nil || next.Replaces.UID != a.UID) {
		err = approvals.Errorf(approvals.CodeNotFound, "approval %s was not requested again", a.Name)
	}
	return l, err
}

// barred ends what asks again in the place of a, which was decided while that was opened:
// whichever of the two is seen last ends it.
func (r *Preflight) barred(ctx context.Context, a approvals.Approval) error {
	if a.BarsAgain() == "" {
		return nil
	}
	next, err := r.successor(ctx, a)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil
	}
	if err == nil {
		_, err = r.notInPlace(ctx, next.State(), a)
	}
	return err
}

// notInPlace saves approvals.NotInPlace of a, if it changes anything.
func (r *Preflight) notInPlace(ctx context.Context, a, before approvals.Approval) (done bool, err error) {
	now := r.Now()
	if _, did := approvals.NotInPlace(a, before, now); did == approvals.NoChange {
		return false, nil
	}
	_, err = r.Outcomes.End(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		return approvals.NotInPlace(a, before, now)
	})
	return true, err
}

// settles notes the digest of what would start, and returns the time for which it must still stay the
// same, 0 when that is over.
func (r *Preflight) settles(a approvals.Approval, digest string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = map[string]change{}
	}
	c := r.changed[a.UID]
	if c.digest != digest {
		c = change{digest, r.Now()}
		r.changed[a.UID] = c
	}
	return max(c.since.Add(approvals.SettleFor(a)).Sub(r.Now()), 0)
}

// steady forgets a change: what would start is again what is asked about.
func (r *Preflight) steady(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.changed, uid)
}

func (r *Preflight) forget(uid string) {
	r.steady(uid)
	r.Check.Forget(uid)
}
