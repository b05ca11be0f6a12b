package openshift

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/contain"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// Voter takes a ballot.
type Voter interface {
	Vote(ctx context.Context, key approvals.Key, b approvals.Ballot) (approvals.Approval, approvals.Change, error)
}

// ApprovalTasks takes the answers in ApprovalTasks to the VoteService, and writes back how
// their Approvals stand.
//
// Each answer is cast once: it is written into status.answers, with the time, before
// it is cast, and its state after. What was cast and has no state yet is cast again,
// which changes nothing while the same vote stands in the Approval; a vote that its
// person cast elsewhere in the meantime is newer, and is left.
type ApprovalTasks struct {
	Client client.Client
	Store  *store.Store
	Desk   Voter
	Guards *identity.Guards
	Mirror *Mirror
	Events events.EventRecorder
	Now    func() time.Time
	Log    *slog.Logger
}

var _ reconcile.Reconciler = (*ApprovalTasks)(nil)

// workers are more than one, so that no namespace occupies all.
const workers = 4

// SetupWithManager registers the controller.
func (r *ApprovalTasks) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("approvaltasks").
		WithOptions(queue.Served(workers, nil)).
		For(&openshiftv1.ApprovalTask{}).
		Watches(&v1alpha1.Approval{}, handler.EnqueueRequestsFromMapFunc(taskOf)).
		Complete(contain.Served(mgr, "approvaltasks", func() client.Object { return &openshiftv1.ApprovalTask{} }, r))
}

// taskOf is the ApprovalTask that is a view of an Approval. Whether there is one, and
// of this Approval, is found out when it is looked at.
func taskOf(_ context.Context, o client.Object) []ctrl.Request {
	a, ok := o.(*v1alpha1.Approval)
	if !ok || a.Spec.Source.CustomRun == nil {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: a.Namespace, Name: a.Spec.Source.CustomRun.Name}}}
}

// Reconcile casts what is new in one ApprovalTask, and says on it how things stand.
func (r *ApprovalTasks) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var o openshiftv1.ApprovalTask
	if err := r.Client.Get(ctx, req.NamespacedName, &o); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	key := approvals.Key{Namespace: o.Namespace, Name: o.Annotations[annotationApproval], UID: o.Annotations[annotationApprovalUID]}
	if key.Name == "" || key.UID == "" || o.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // not of Countersign, or going
	}
	a, err := r.Store.Get(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil // nothing to be a view of any more
	}
	var answers []openshiftv1.Answer
	if err == nil {
		a, answers, err = r.fold(ctx, &o, a)
	}
	if err == nil {
		err = r.write(ctx, &o, viewOf(o.Spec, a, answers))
	}
	if errors.Is(err, errReplaced) {
		return ctrl.Result{}, nil
	}
	if apierrors.IsConflict(err) {
		// Somebody answered meanwhile: that is another look at another object.
		return ctrl.Result{RequeueAfter: again}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// errReplaced says that another object is in the place of the one that is looked at.
var errReplaced = errors.New("replaced")

// again is the pause before a look that came too early is repeated; the cache is behind for
// about as long.
const again = 200 * time.Millisecond

// fold casts the answers of o that were not cast yet. It returns how the Approval
// stands then, and what became of the answers, which is still to be written.
func (r *ApprovalTasks) fold(ctx context.Context, o *openshiftv1.ApprovalTask, a approvals.Approval) (approvals.Approval, []openshiftv1.Answer, error) {
	said := answersOf(o.Spec)
	answers, fresh := r.note(o.Status.Answers, said)
	if !slices.ContainsFunc(answers, func(x openshiftv1.Answer) bool { return x.State == "" }) {
		return a, answers, nil
	}
	since, err := r.Guards.Since(ctx, identity.GuardOfAnswers)
	if err != nil {
		return a, nil, err // nothing proves whose the answers are: they wait
	}
	if !believed(o, since) {
		r.Events.Eventf(o, nil, corev1.EventTypeWarning, "AnswerRefused", "Answer",
			"this ApprovalTask is older than the admission policy that verifies who answers, so Countersign replaces it: answer the new one")
		return a, nil, cmp.Or(r.Mirror.Recreate(ctx, o), errReplaced)
	}
	if fresh {
		if err := r.write(ctx, o, viewOf(o.Spec, a, answers)); err != nil {
			return a, nil, err
		}
		answers = slices.Clone(o.Status.Answers)
	}
	for _, x := range said {
		i := slices.IndexFunc(answers, func(old openshiftv1.Answer) bool { return x.seen(old) && old.State == "" })
		if i < 0 {
			continue
		}
		next, err := r.cast(ctx, o, a.Key, x, answers[i].SeenAt.Time)
		switch code := approvals.CodeOf(err); {
		case err == nil:
			a, answers[i].State = next, openshiftv1.AnswerRecorded
		case code == approvals.CodeUnavailable, code == approvals.CodeInternal, code == approvals.CodeLimited, kubeutil.FromAPIServer(err):
			return a, nil, err // only a rule refuses an answer
		default:
			why := clip(approvals.Message(err), maxReason)
			answers[i].State, answers[i].Message = openshiftv1.AnswerRefused, why
			r.Events.Eventf(o, nil, corev1.EventTypeWarning, "AnswerRefused", "Answer", "%s's answer does not count: %s", x.name, why)
		}
	}
	return a, answers, nil
}

// Bounds of the schema.
const (
	maxAnswers = 128
	maxReason  = 1024
)

// note is old with what is said now in it, and whether that is another list. Anyone who
// would be beyond its bound is not noted, and so not heard.
func (r *ApprovalTasks) note(old []openshiftv1.Answer, said []answer) ([]openshiftv1.Answer, bool) {
	out, fresh := slices.Clone(old), false
	for _, x := range said {
		n := openshiftv1.Answer{Name: x.name, Input: x.input, Digest: x.digest(), SeenAt: metav1.NewMicroTime(r.Now())}
		switch i := slices.IndexFunc(out, func(o openshiftv1.Answer) bool { return o.Name == x.name }); {
		case i >= 0 && x.seen(out[i]):
			continue
		case i >= 0:
			out[i] = n
		case len(out) < maxAnswers:
			out = append(out, n)
		default:
			r.Log.Warn("more people answered than an ApprovalTask can hold", "most", maxAnswers)
			continue
		}
		fresh = true
	}
	return out, fresh
}

// cast takes one answer to the VoteService. Its evidence is the object and the person: they
// have one live vote by it.
func (r *ApprovalTasks) cast(ctx context.Context, o *openshiftv1.ApprovalTask, key approvals.Key, x answer, seen time.Time) (approvals.Approval, error) {
	evidence := clip("approvaltask:"+string(o.UID)+":"+x.name, maxEvidence)
	a, err := r.Store.Fresh(ctx, key)
	if err != nil {
		return a, err
	}
	for _, v := range a.Votes {
		if v.CredentialID != evidence && approvals.SamePerson(v.Voter, x.name) && v.At.After(seen) {
			return a, approvals.Errorf(approvals.CodeConflict, "a newer vote of %s is recorded: nothing was changed", x.name)
		}
	}
	b := x.ballot(evidence)
	b.Sent = seen
	a, _, err = r.Desk.Vote(ctx, key, b)
	if err == nil {
		r.Log.Info("answer recorded", "namespace", o.Namespace, "approvaltask", o.Name, "approval", key.Name)
	}
	return a, err
}

// maxEvidence is the bound of an Approval's schema.
const maxEvidence = 253

// write brings o's status to what it should be, if o is still what was read; nothing
// is written when it is that already.
func (r *ApprovalTasks) write(ctx context.Context, o *openshiftv1.ApprovalTask, status openshiftv1.ApprovalTaskStatus) error {
	if equality.Semantic.DeepEqual(o.Status, status) {
		return nil
	}
	next := o.DeepCopy()
	next.Status = status
	if err := r.Client.Status().Patch(ctx, next, client.MergeFromWithOptions(o, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	*o = *next
	return nil
}
