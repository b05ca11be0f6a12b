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
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// StrangerAgain is how often a taken name is looked at again.
const StrangerAgain = 30 * time.Second

// Approvals moves every Approval on: fixes its terms, ends it when its time is
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
	Results   func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error)
	Ended     func(approvals.Approval)
	Confirmed func(approvals.Approval)
	Workers   int

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

// Reconcile does the next step for one Approval.
func (r *Approvals) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.since.Do(func() { r.began = r.Now() })
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	cached, err := r.Store.Cached(ctx, key)
	a := cached.State()
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound:
		r.Throttle.Gone(req.NamespacedName)
		r.seen.forget(req.NamespacedName)
		r.Proofs.Awaited.Forget(req.NamespacedName)
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, err
	case a.Terms == nil && a.Decided():
		// A record whose key has been rotated away long ago: it stays as it is.
		return ctrl.Result{}, nil
	case a.Terms != nil && !a.Decided():
		return r.waitOrExpire(ctx, a)
	case a.Terms != nil && (a.Source.Task != nil || a.Next != nil && !a.Terms.Policy.VerifyBeforeStart):
		return ctrl.Result{}, nil // Tasks answers it, or nothing more is to come
	case a.Terms != nil && !a.ToRelease() && a.Next == nil && a.Cancellation == nil && a.Terms.Target == nil && !a.Source.Lean.Claims:
		return ctrl.Result{}, r.settle(ctx, a) // as most that start nothing
	}
	if a, err = r.Store.Whole(ctx, cached); err != nil {
		return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
	}
	switch {
	case a.Terms == nil && !a.Decided():
		return r.fixTerms(ctx, a)
	case a.Terms == nil || !a.Decided(): // it was read just now, and the cache is about to tell
		return ctrl.Result{}, nil
	case a.ToRelease():
		return r.release(ctx, a)
	case a.Next == nil:
		return ctrl.Result{}, r.settle(ctx, a)
	case a.Terms.Policy.VerifyBeforeStart:
		return r.follow(ctx, a)
	default:
		return ctrl.Result{}, nil
	}
}

// supersede ends the older ones in whose place a came, and a itself when it is the
// older one: whichever is looked at first, the outcome is the same.
func (r *Approvals) supersede(ctx context.Context, a approvals.Approval) error {
	list, err := r.Store.SupersessionCandidates(ctx, a)
	if err != nil {
		return err
	}
	for _, other := range list {
		for _, pair := range [][2]approvals.Approval{{other.State(), a}, {a, other.State()}} {
			if !approvals.Supersedes(pair[1], pair[0]) {
				continue
			}
			now := r.Now()
			if err := r.end(ctx, pair[0].Key, func(old approvals.Approval) (approvals.Approval, approvals.Change) {
				return approvals.Supersede(old, pair[1], now)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Approvals) waitOrExpire(ctx context.Context, a approvals.Approval) (ctrl.Result, error) {
	if a.Terms.Policy.Supersede == approvals.SupersedeNewest {
		if err := r.supersede(ctx, a); err != nil {
			return ctrl.Result{}, err
		}
	}
	if left := a.ExpiresAt().Sub(r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if waits, err := r.voteWaits(ctx, a); err != nil || waits {
		return ctrl.Result{RequeueAfter: LookForVotes}, err
	}
	policies, err := gate.Policies{Client: r.Client}.Of(ctx, a.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.Now()
	return ctrl.Result{}, r.end(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		return approvals.Expire(a, now, policies...)
	})
}

func (r *Approvals) end(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change)) error {
	_, err := outcome.Writer{Store: r.Store, Results: r.Results, Ended: r.Ended}.Save(ctx, key, change)
	return err
}

// release posts until the run is seen. The run's name, which follows from the Approval's
// UID and the key that its seal is by, is what makes that start it once: whatever is posted
// again meets the run that is there.
func (r *Approvals) release(ctx context.Context, a approvals.Approval) (ctrl.Result, error) {
	r.Releaser.Attempts.ForceRetry(a.Key, a.RetryAt)
	if a.Terms.Target != nil {
		return r.releaseTarget(ctx, a)
	}
	now := r.Now()
	if left := r.leaveToPosts(a, now); left > 0 {
		r.Proofs.Expect(ctx, a)
		if pr := r.Proofs.Peek(ctx, a); pr != nil {
			r.seen.peek(a, pr)
		}
		return ctrl.Result{RequeueAfter: left}, nil
	}
	found, err := r.Proofs.Look(ctx, a)
	if err != nil || found.Run != nil {
		return r.sighted(ctx, a, found, err)
	}
	switch gone, err := r.goneSince(ctx, a); {
	case err != nil:
		return ctrl.Result{}, err
	case gone.Run != nil:
		return ctrl.Result{}, r.confirm(ctx, a, gone)
	}
	if _, did := approvals.GiveUp(a, now); did == approvals.Stopped {
		return ctrl.Result{}, r.end(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
			return approvals.GiveUp(a, now)
		})
	}
	r.Throttle.Waits(key(a), a.DecidedAt)
	if found.Problem != nil {
		return r.strange(ctx, a, *found.Problem)
	}
	r.Proofs.Expect(ctx, a)
	attempt, due := r.Releaser.Attempts.Get(a.Key, now)
	if left := outcome.LeftToVoter(a, now); left > 0 && attempt.Posts == 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if due > 0 {
		return ctrl.Result{RequeueAfter: due}, r.reportError(ctx, a, attempt)
	}
	// The cache may lag behind what was posted before, by whomever.
	found, err = r.Proofs.LookLive(ctx, a)
	switch {
	case err != nil || found.Run != nil:
		return r.sighted(ctx, a, found, err)
	case found.Problem != nil:
		return r.strange(ctx, a, *found.Problem)
	}
	if attempt.Posts > 0 && attempt.Err == nil {
		// It was taken, its time is up, and there is no run.
		if err := r.Unreleased(ctx, a, r.Diagnosis.Why(ctx, a)); err != nil {
			return ctrl.Result{}, err
		}
	}
	// So may the cache of Approvals: one whose run was seen and then deleted starts no other.
	fresh, err := r.Store.Fresh(ctx, a.Key)
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound || err == nil && !fresh.ToRelease():
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	postErr := r.Releaser.Release(ctx, fresh)
	attempt, due = r.Releaser.Attempts.Get(a.Key, r.Now())
	if postErr != nil {
		return ctrl.Result{RequeueAfter: due}, r.reportError(ctx, a, attempt)
	}
	return ctrl.Result{RequeueAfter: max(due, 100*time.Millisecond)}, nil
}

// leaveToPosts is how long nothing is to be done for a, whose voter's process posts just now,
// as others of its namespace do: in a burst the processors are for the posts.
func (r *Approvals) leaveToPosts(a approvals.Approval, now time.Time) time.Duration {
	left := outcome.LeftToVoter(a, now)
	if left <= 0 || a.Terms.Policy.VerifyBeforeStart { // whose run waits for us
		return 0
	}
	if attempt, _ := r.Releaser.Attempts.Get(a.Key, now); attempt.Err != nil {
		return 0 // which people are to be told
	}
	r.Throttle.Waits(key(a), a.DecidedAt)
	return min(left, r.Throttle.lastIn(a.Namespace).Add(outcome.QuietPeriod).Sub(now))
}

// goneSince is the run that a started and that somebody has deleted since. It has been there
// all the same, and must not be started again.
func (r *Approvals) goneSince(ctx context.Context, a approvals.Approval) (verifyrun.Sighting, error) {
	seen, pr := r.seen.of(a)
	if seen.Run != nil || pr == nil {
		return seen, nil
	}
	found, err := r.Proofs.See(ctx, a, pr)
	if err != nil || found.Run == nil { // it was a stranger's
		return verifyrun.Sighting{}, err
	}
	return found, nil
}

// sighted records the run that a started, when the API server has time for that.
func (r *Approvals) sighted(ctx context.Context, a approvals.Approval, found verifyrun.Sighting, err error) (ctrl.Result, error) {
	if err != nil {
		return ctrl.Result{}, err
	}
	if a.Terms.Policy.VerifyBeforeStart {
		if started, res, err := r.start(ctx, a, found); !started || err != nil {
			return res, err
		}
	}
	r.seen.note(a, found)
	r.Throttle.Seen(key(a), a.DecidedAt)
	if left := r.Yield(a, r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	return ctrl.Result{}, r.confirm(ctx, a, found)
}

// settle does what is left when no run is to come. One that was posted just before it
// was cancelled came all the same: it is recorded.
func (r *Approvals) settle(ctx context.Context, a approvals.Approval) error {
	r.Throttle.Gone(key(a))
	if a.Terms.Target != nil && a.Effect == nil && a.Outcome == approvals.Approved {
		// Written just before it was cancelled; what is not there is nobody's problem now.
		if seen, ok, err := r.Releaser.Targets.Confirm(ctx, a, r.Now()); ok && err == nil {
			return r.confirmTarget(ctx, seen)
		}
	} else if a.Terms.Target == nil && a.Cancellation != nil && a.Outcome != approvals.Cancelled {
		found, err := r.Proofs.Look(ctx, a)
		if err != nil {
			return err
		}
		if a.Terms.Policy.VerifyBeforeStart && found.Run != nil {
			return r.notStarted(ctx, a, found)
		}
		if found.Run == nil {
			if found, err = r.goneSince(ctx, a); err != nil {
				return err
			}
		}
		if found.Run != nil {
			return r.confirm(ctx, a, found)
		}
	}
	r.seen.forget(key(a))
	if !a.AwaitsRun() || r.Now().Sub(a.DecidedAt) > approvals.ReleaseWithin+time.Hour { // else one may still come
		r.Proofs.Forget(a)
	}
	if len(a.Source.Claims) == 0 {
		return nil
	}
	return hold.HandClaims(ctx, r.Client, r.Live, a)
}

// Yield is how long the record of a's run is still to be put off.
func (r *Approvals) Yield(a approvals.Approval, now time.Time) time.Duration {
	quiet := r.Throttle.quietAt(a.Namespace, now)
	return min(quiet.Sub(now), outcome.LeftOf(MaxYield, a.DecidedAt, now))
}

func (r *Approvals) reportError(ctx context.Context, a approvals.Approval, attempt release.Attempt) error {
	if attempt.Err == nil {
		return nil
	}
	return r.Unreleased(ctx, a, release.ProblemOf(attempt.Err))
}

// Unreleased writes why there is no run yet; the same words again write nothing.
func (r *Approvals) Unreleased(ctx context.Context, a approvals.Approval, p approvals.Problem) error {
	_, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if !a.ToRelease() { // it has come meanwhile, or is not wanted any more
			return a, approvals.NoChange, nil
		}
		a.Unreleased = &p
		return a, approvals.Blocking, nil
	})
	return err
}

// confirm records the run that was seen: the last write of an Approval's life.
func (r *Approvals) confirm(ctx context.Context, a approvals.Approval, found verifyrun.Sighting) error {
	next := a
	next.Next = found.Run
	if err := hold.HandClaims(ctx, r.Client, r.Live, next); err != nil {
		return err
	}
	a, err := r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if a.Next != nil {
			return a, approvals.NoChange, nil
		}
		a.Next, a.EventID, a.Unreleased = found.Run, found.EventID, nil
		return a, approvals.Released, nil
	})
	if err != nil {
		return err
	}
	r.Releaser.Attempts.Forget(a.UID)
	r.seen.forget(key(a))
	if !a.Terms.Policy.VerifyBeforeStart {
		r.Proofs.Forget(a)
	}
	r.Confirmed(a)
	r.Log.Info("release confirmed", "namespace", a.Namespace, "approval", a.Name, "run", found.Run.Name)
	return nil
}

func key(a approvals.Approval) types.NamespacedName {
	return types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
}

// awaiting is the Approval that awaits a run of o's name.
func (r *Approvals) awaiting(_ context.Context, o client.Object) []reconcile.Request {
	if key, ok := r.Proofs.Awaited.By(client.ObjectKeyFromObject(o)); ok {
		return []reconcile.Request{{NamespacedName: key}}
	}
	return nil
}

// BlockedIn are the Approvals of a namespace that still wait for their terms, or
// for their release.
func (r *Approvals) BlockedIn(ctx context.Context, o client.Object) []reconcile.Request {
	return kubeutil.Requests(r.Store.PendingRelease(ctx, kubeutil.NamespaceOf(o)))
}
