package approvaltask

import (
	"context"
	"log/slog"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

const (
	// Soon is how soon a task is looked at again whose run does not list it yet.
	Soon = 250 * time.Millisecond
	// seldom is how often a task is looked at that is somebody else's.
	seldom = time.Minute
)

// lookAgain is when to look again at a task that has waited for age to be listed by its run:
// Tekton does so within milliseconds, and a Tekton that has much to do when it can. No
// task waits for us longer than a quarter of what it waited for Tekton.
func lookAgain(age time.Duration) time.Duration { return min(max(age/4, Soon), seldom) }

// Tasks answers the approval tasks of other systems: it opens an Approval for each
// attempt of a CustomRun, and writes its outcome into the CustomRun.
type Tasks struct {
	Client  client.Client
	Store   *store.Store
	Proofs  *verifyrun.Proofs
	Opener  *hold.Opener
	Runs    *CustomRuns
	Kinds   *Kinds
	Mirrors map[string]Mirror // by kind; a kind without one has no object
	Views   []client.Object   // the objects of kinds whose edits wake their tasks
	Results func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error)
	Ended   func(approvals.Approval)
	Events  events.EventRecorder
	Now     func() time.Time
	Log     *slog.Logger
	Workers int
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

// Reconcile does the next step for one CustomRun.
func (r *Tasks) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var cr pipelinev1beta1.CustomRun
	if err := r.Client.Get(ctx, req.NamespacedName, &cr); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cr.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	cached, err := r.Store.Cached(ctx, approvals.Key{Namespace: cr.Namespace, Name: approvals.TaskName(cr.Name, string(cr.UID), Tried(&cr))})
	switch code := approvals.CodeOf(err); {
	case code == approvals.CodeNotFound:
		kind, ok := KindOf(&cr)
		if !ok || cr.IsDone() {
			return ctrl.Result{}, nil
		}
		return r.begin(ctx, &cr, kind)
	case err != nil:
		return ctrl.Result{}, err
	}
	a, err := r.Store.Whole(ctx, cached) // the task's answer and its view have all of it
	if err != nil {
		return ctrl.Result{}, kubeutil.IgnoreNotFound(err)
	}
	return r.proceed(ctx, &cr, a)
}

// begin opens the Approval for an attempt that has none, or ends what needs none.
func (r *Tasks) begin(ctx context.Context, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping) (ctrl.Result, error) {
	service, err := r.Kinds.Of(ctx, kind)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !service.Serves {
		if service.Foreign {
			r.Say(cr, corev1.EventTypeNormal, "LeftAlone", service.Why)
		}
		return ctrl.Result{RequeueAfter: seldom}, nil
	}
	// The cache has of a CustomRun what is needed again and again, and not this.
	whole, err := r.Runs.Fresh(ctx, cr)
	if err != nil || whole == nil || whole.IsDone() || Tried(whole) != Tried(cr) {
		return ctrl.Result{}, err
	}
	if now, _ := KindOf(whole); now.Name != kind.Name {
		return ctrl.Result{}, nil // what the cache has is over, and its successor an event
	}
	member, err := MemberOf(ctx, r.Runs.Live, whole)
	switch approvals.CodeOf(err) {
	case "":
	case approvals.CodeForbidden:
		r.Say(cr, corev1.EventTypeWarning, "NotBelieved", approvals.Message(err))
		return ctrl.Result{}, nil
	case approvals.CodeNotReady:
		return ctrl.Result{RequeueAfter: lookAgain(r.Now().Sub(cr.CreationTimestamp.Time))}, nil
	default:
		return ctrl.Result{}, err
	}
	if m := r.mirror(kind, service); m != nil {
		stranger, err := m.Stranger(ctx, whole)
		if err != nil {
			return ctrl.Result{}, err
		}
		if stranger {
			r.Say(cr, corev1.EventTypeWarning, "LeftAlone", "an "+kind.Kind+" for this task is there that Countersign did not make, so another system answers it: remove one of the two")
			return ctrl.Result{RequeueAfter: seldom}, nil
		}
	}
	if whole.IsCancelled() {
		return ctrl.Result{}, r.Runs.Finish(ctx, whole, kind.Ends[approvals.Cancelled], nil, true)
	}
	if err := CheckSpec(whole, kind); err != nil {
		return ctrl.Result{}, r.refuse(ctx, whole, approvals.Message(err))
	}
	if done, err := r.decidedBefore(ctx, whole, member, kind); done || err != nil {
		return ctrl.Result{}, err
	}
	recorded, err := Recorded(ctx, r.Proofs, r.Store, whole, member)
	if approvals.CodeOf(err) == approvals.CodeNotReady {
		return ctrl.Result{RequeueAfter: lookAgain(r.Now().Sub(cr.CreationTimestamp.Time))}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if recorded != nil {
		return ctrl.Result{}, r.recite(ctx, whole, kind, *recorded)
	}
	err = OpenTask(ctx, r.Opener, whole, member, kind)
	switch approvals.CodeOf(err) {
	case "":
	case approvals.CodeInvalid, approvals.CodeNotFound:
		return ctrl.Result{}, r.refuse(ctx, whole, approvals.Message(err))
	case approvals.CodeLimited: // it waits for others to be decided, for as long as its timeout lets it
		r.Say(cr, corev1.EventTypeWarning, "OverLimit", approvals.Message(err))
		return ctrl.Result{RequeueAfter: hold.LimitedAgain}, nil
	default:
		return ctrl.Result{}, err
	}
	// The Approval's own event brings the rest, once the cache has it.
	return ctrl.Result{}, nil
}

// refuse ends what could never be decided, at once: it must not wait for its timeout.
func (r *Tasks) refuse(ctx context.Context, cr *pipelinev1beta1.CustomRun, why string) error {
	r.Say(cr, corev1.EventTypeWarning, "Refused", why)
	r.Log.Warn("task refused", "namespace", cr.Namespace, "customrun", cr.Name, "reason", why)
	return r.Runs.Finish(ctx, cr, tasks.End{Reason: "ApprovalTaskRefused", Message: why}, nil, true)
}

// decidedBefore ends an attempt of a task whose earlier attempt was rejected or cancelled:
// that is final, however this attempt came about. It reports whether there is no more to do.
func (r *Tasks) decidedBefore(ctx context.Context, cr *pipelinev1beta1.CustomRun, m Member, kind tasks.Mapping) (bool, error) {
	earlier, err := Settled(ctx, r.Store, cr, m)
	switch {
	case err != nil:
		return true, err
	case earlier != nil:
		if k, ok := tasks.Find(earlier.Source.Task.Mapping); ok {
			kind = k // what an outcome means is signed
		}
		r.Say(cr, corev1.EventTypeWarning, "DecidedBefore", "this task was decided before in this run, and is not asked again: "+string(earlier.Outcome)+" in approval "+earlier.Name+". Start the run again to ask again")
		return true, r.Runs.End(ctx, cr, kind, *earlier)
	case RejectedBefore(cr, kind):
		r.Say(cr, corev1.EventTypeWarning, "DecidedBefore", "an earlier attempt of this task was rejected, and it is not asked again. Start the run again to ask again")
		return true, r.Runs.Finish(ctx, cr, kind.Ends[approvals.Rejected], nil, true)
	}
	return false, nil
}

// recite answers the task that a part 2 begins with by the decision that started it.
func (r *Tasks) recite(ctx context.Context, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping, a approvals.Approval) error {
	terms := *a.Terms
	terms.Policy.Preset = kind.Name
	a.Terms = &terms
	results, err := r.Results(ctx, a)
	if err != nil {
		return err
	}
	r.Log.Info("task answered by the decision that started its run", "namespace", cr.Namespace, "customrun", cr.Name, "approval", a.Name)
	return r.Runs.Finish(ctx, cr, kind.Ends[a.Outcome], append(results, a.Inputs...), true)
}

// proceed does the next step for an attempt that has an Approval.
func (r *Tasks) proceed(ctx context.Context, cr *pipelinev1beta1.CustomRun, a approvals.Approval) (ctrl.Result, error) {
	if a.Terms == nil {
		if !cr.IsDone() {
			r.Say(cr, corev1.EventTypeWarning, convert.NotGenuine, "approval "+a.Name+" is not this service's, and is not believed: delete it, and a genuine one is opened")
		}
		return ctrl.Result{}, nil
	}
	// What an outcome means is sealed: whoever may edit CustomRuns could else have a
	// rejection succeed, by making theirs one of a kind in which it does.
	kind, ok := tasks.Find(a.Source.Task.Mapping)
	if !ok {
		return ctrl.Result{}, approvals.Errorf(approvals.CodeInternal, "approval %s is of kind %q, which this version does not know", a.Key, a.Source.Task.Mapping)
	}
	var err error
	switch {
	case cr.IsDone():
	case cr.IsCancelled():
		if a, err = r.cancel(ctx, a, cr); err == nil {
			err = r.Runs.Finish(ctx, cr, kind.Ends[approvals.Cancelled], append(a.Results, a.Inputs...), true)
		}
	case !a.Decided():
		err = r.Runs.PickUp(ctx, cr, a.Name)
	case a.ToAnswer() || stillAnswers(a):
		// The replica that took the deciding vote answers at once.
		if left := outcome.LeftToVoter(a, r.Now()); left > 0 {
			return ctrl.Result{RequeueAfter: left}, nil
		}
		// Its event brings the rest.
		return ctrl.Result{}, r.Runs.End(ctx, cr, kind, a)
	}
	if err == nil && cr.IsDone() && a.ToAnswer() {
		// What is noted of it leaves the API server to what goes on now.
		if left := outcome.LeftOf(outcome.QuietPeriod, a.DecidedAt, r.Now()); left > 0 {
			return ctrl.Result{RequeueAfter: left}, nil
		}
		a, err = r.answered(ctx, a)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.reflect(ctx, cr, kind, a)
}

// stillAnswers reports whether a task that runs again, after it had its answer, has the same
// one: somebody reset its status. What was cancelled before it was answered never is.
func stillAnswers(a approvals.Approval) bool {
	return a.Decided() && !a.AnsweredAt.IsZero() && (a.Cancellation == nil || a.Outcome == approvals.Cancelled)
}

// cancel ends a, whose task is cancelled.
func (r *Tasks) cancel(ctx context.Context, a approvals.Approval, cr *pipelinev1beta1.CustomRun) (approvals.Approval, error) {
	why := string(cr.Spec.StatusMessage)
	if why == "" {
		why = "its task was cancelled"
	}
	return r.abandon(ctx, a, why, false)
}

// abandon ends a, which nobody waits for. When its task has ended that may be by a's own
// decision, written by the replica that took the vote: the cache may hear of the end
// first, and what the API server has says which it is.
func (r *Tasks) abandon(ctx context.Context, a approvals.Approval, why string, ended bool) (approvals.Approval, error) {
	now := r.Now()
	return outcome.Writer{Store: r.Store, Results: r.Results, Ended: r.Ended}.Save(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change) {
		if ended && a.Decided() {
			return approvals.Answer(a, now)
		}
		return approvals.Abandon(a, why, now)
	})
}

// answered notes that the CustomRun has its answer.
func (r *Tasks) answered(ctx context.Context, a approvals.Approval) (approvals.Approval, error) {
	return r.Store.Update(ctx, a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a, did := approvals.Answer(a, r.Now())
		return a, did, nil
	})
}

// reflect brings the kind's own object in line. Its trouble holds up no answer, which
// is written by now.
func (r *Tasks) reflect(ctx context.Context, cr *pipelinev1beta1.CustomRun, kind tasks.Mapping, a approvals.Approval) error {
	service, err := r.Kinds.Of(ctx, kind)
	m := r.mirror(kind, service)
	if err != nil || m == nil {
		return err
	}
	err = m.Sync(ctx, cr, a)
	code := approvals.CodeOf(err)
	lasting := code == approvals.CodeConflict || code == approvals.CodeInvalid
	if lasting || apierrors.IsForbidden(err) {
		r.Say(cr, corev1.EventTypeWarning, "NotMirrored", approvals.Message(err))
	}
	if lasting {
		return nil
	}
	return err
}

func (r *Tasks) mirror(kind tasks.Mapping, s Service) Mirror {
	if !s.Mirrored {
		return nil
	}
	return r.Mirrors[kind.Name]
}

// Say tells whoever looks at the CustomRun.
func (r *Tasks) Say(cr *pipelinev1beta1.CustomRun, kind, reason, message string) {
	const most = 1024 // what the API server takes
	r.Events.Eventf(cr, nil, kind, reason, "Answer", "%s", approvals.Cut(message, most))
}
