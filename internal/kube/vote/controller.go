package vote

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// Voter takes a ballot, and what else a Vote may want.
type Voter interface {
	Vote(ctx context.Context, key approvals.Key, b approvals.Ballot) (approvals.Approval, approvals.Change, error)
	RevokeLink(ctx context.Context, key approvals.Key, id approvals.Identity, of string) (approvals.Approval, approvals.Change, error)
	AskAgain(ctx context.Context, key approvals.Key, id approvals.Identity) (approvals.Approval, error)
	Operator
}

// Operator does what those want who operate a namespace, or whom a Gate allows.
type Operator interface {
	Cancel(ctx context.Context, key approvals.Key, id approvals.Identity, why string) (approvals.Approval, approvals.Change, error)
	Retry(ctx context.Context, key approvals.Key, id approvals.Identity) (approvals.Approval, approvals.Change, error)
	Rerun(ctx context.Context, key approvals.Key, id approvals.Identity, why string) (approvals.Approval, approvals.Change, error)
}

// Votes folds Vote objects into their Approvals. What makes it idempotent is the
// object's UID, the vote's evidence: one that stands in the Approval is done.
type Votes struct {
	Client client.Client
	Store  *store.Store
	Desk   Voter
	Guards *identity.Guards
	Now    func() time.Time
	Log    *slog.Logger
	// Workers are more than one, so that no namespace, and no Vote that takes long, holds up
	// those of others.
	Workers int
	// Quota is what a namespace may have. Nil: nothing is bounded.
	Quota func(ctx context.Context, namespace string) (approvals.Quota, error)

	Turns Turns
	Count Count
}

var _ reconcile.Reconciler = (*Votes)(nil)

// SetupWithManager registers the controller.
func (r *Votes) SetupWithManager(mgr ctrl.Manager) error {
	served := queue.Served(r.Workers, r.triggerOf)
	served.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, maxVoteAgain)
	return ctrl.NewControllerManagedBy(mgr).
		Named("votes").
		Watches(&v1alpha1.Vote{}, r.events()).
		WithOptions(served).
		Complete(kubeutil.Contained(mgr, "votes", func() client.Object { return &v1alpha1.Vote{} }, r))
}

// triggerOf is the part of its namespace that a Vote belongs to: the Trigger of its Approval.
func (r *Votes) triggerOf(req reconcile.Request) string {
	var v v1alpha1.Vote
	if r.Client.Get(context.Background(), req.NamespacedName, &v, client.UnsafeDisableDeepCopy) != nil { // from the cache
		return ""
	}
	return queue.OfTrigger(kubeutil.RequestFor(v.Namespace, v.Spec.Approval))
}

// maxVoteAgain bounds how long after an outage a Vote waits still: of the audit store,
// where the Gate requires it, or of the API server.
const maxVoteAgain = time.Minute

// Reconcile folds one Vote in, and says on it how that went.
func (r *Votes) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var v v1alpha1.Vote
	if err := r.Client.Get(ctx, req.NamespacedName, &v); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	switch {
	case v.DeletionTimestamp != nil:
		return ctrl.Result{}, nil
	case v.Status.State != "":
		return r.remove(ctx, &v)
	}
	since, err := r.Guards.Since(ctx, identity.GuardOfVotes)
	if err != nil {
		return ctrl.Result{}, err // nothing proves whose vote it is: it waits
	}
	if v.CreationTimestamp.Time.Before(since) {
		return ctrl.Result{}, r.say(ctx, &v, v1alpha1.VoteRefused, "this Vote is older than the admission policy that verifies its author: create another one")
	}
	if err := r.overLimit(ctx, &v); approvals.CodeOf(err) == approvals.CodeLimited {
		return ctrl.Result{RequeueAfter: keepVotes}, r.say(ctx, &v, v1alpha1.VoteRefused, approvals.Message(err))
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if !r.Turns.first(&v) {
		return ctrl.Result{}, nil // the end of the one before it makes this one's turn
	}
	key := approvals.Key{Namespace: v.Namespace, Name: v.Spec.Approval, UID: v.Spec.ApprovalUID}
	a, err := r.Store.Fresh(ctx, key)
	says := ""
	if err == nil {
		says, err = r.fold(ctx, a, &v)
	}
	// A comment that is one too many within a minute is refused: while it waited, so would the Votes
	// behind it, and they would count against the namespace.
	discusses := approvals.Verdict(v.Spec.Verdict).Discusses()
	switch code := approvals.CodeOf(err); {
	case err == nil:
		return ctrl.Result{RequeueAfter: keepVotes}, r.say(ctx, &v, v1alpha1.VoteRecorded, says)
	case code == approvals.CodeUnavailable, code == approvals.CodeInternal, kubeutil.FromAPIServer(err), code == approvals.CodeLimited && !discusses:
		return ctrl.Result{}, err // only a rule refuses a Vote
	default:
		return ctrl.Result{RequeueAfter: keepVotes}, r.say(ctx, &v, v1alpha1.VoteRefused, approvals.Discreet(err)) // anyone who may make a Vote may not see all
	}
}

// keepVotes is the lifetime of a Vote, so that its creator can read the result.
const keepVotes = time.Hour

// remove removes a Vote that has been looked at long ago: the Approval has the audit log,
// and every replica would hold it for ever.
func (r *Votes) remove(ctx context.Context, v *v1alpha1.Vote) (ctrl.Result, error) {
	if left := v.CreationTimestamp.Add(r.keepFor(ctx, v)).Sub(r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(r.Client.Delete(ctx, v, client.Preconditions{UID: &v.UID}))
}

// MadeBefore reports whether o was created before v. Creation times have whole seconds. Within
// one the resource version decides: a Vote is immutable, and nothing was written to what is
// asked about since.
func MadeBefore(o, v *v1alpha1.Vote) bool {
	if !o.CreationTimestamp.Equal(&v.CreationTimestamp) {
		return o.CreationTimestamp.Before(&v.CreationTimestamp)
	}
	n, err := resourceversion.CompareResourceVersion(o.ResourceVersion, v.ResourceVersion)
	if err == nil && n != 0 {
		return n < 0
	}
	return o.Name < v.Name
}

// clockStep is the error of a creation time, which has whole seconds.
const clockStep = time.Second

// voterOf returns the creator of v, whom the admission policy has verified.
func voterOf(v *v1alpha1.Vote) approvals.Identity {
	return approvals.Identity{Name: v.Spec.Voter, Groups: slices.Clone(v.Spec.Groups), AuthMethod: approvals.AuthObject, CredentialID: "vote:" + string(v.UID)}
}

// fold has the desk take v, and says what came of that.
func (r *Votes) fold(ctx context.Context, a approvals.Approval, v *v1alpha1.Vote) (string, error) {
	switch v.Spec.Verdict {
	case v1alpha1.VerdictAgain:
		next, err := r.Desk.AskAgain(ctx, a.Key, voterOf(v))
		return "asked again: " + next.Name, err
	case v1alpha1.VerdictRevokeLink:
		return r.revoke(ctx, a, v)
	case v1alpha1.VerdictCancel, v1alpha1.VerdictRetry, v1alpha1.VerdictRerun:
		return r.operate(ctx, a, v)
	}
	b := approvals.Ballot{
		Voter:   voterOf(v),
		Verdict: approvals.Verdict(v.Spec.Verdict), Comment: v.Spec.Comment, BreakGlass: v.Spec.BreakGlass,
		ID:   string(v.UID),
		Made: v.CreationTimestamp.Add(clockStep), Sent: v.CreationTimestamp.Time,
	}
	for _, in := range v.Spec.Inputs {
		b.Inputs = append(b.Inputs, approvals.Param{Name: in.Name, Value: in.Value})
	}
	a, did, err := r.Desk.Vote(ctx, a.Key, b)
	if err != nil {
		return "", err
	}
	if did == approvals.Commented || did == approvals.NoChange && len(v.Spec.Comment) > 0 && commentOf(a, v) {
		return "the comment was saved", nil
	}
	r.Log.Info("vote recorded", "namespace", v.Namespace, "approval", v.Spec.Approval, "vote", v.Name)
	return standing(a), nil
}

// revoke ends the link that v means, of its voter or of somebody whom they may end it of.
// What makes it idempotent is the person's name in the Approval: ended twice is ended once.
func (r *Votes) revoke(ctx context.Context, a approvals.Approval, v *v1alpha1.Vote) (string, error) {
	a, did, err := r.Desk.RevokeLink(ctx, a.Key, voterOf(v), cmp.Or(v.Spec.Of, v.Spec.Voter))
	switch {
	case err != nil:
		return "", err
	case did == approvals.NoChange:
		return "the link was already revoked; nothing was changed", nil
	}
	r.Log.Info("mail link revoked", "namespace", v.Namespace, "approval", v.Spec.Approval, "vote", v.Name)
	// It names nobody: anyone who may read Votes may not see whom a Gate names.
	return fmt.Sprintf("the link was revoked: nobody can decide with it any more; %d more to come", approvals.Missing(a)), nil
}

// commentOf says whether a has v's comment.
func commentOf(a approvals.Approval, v *v1alpha1.Vote) bool {
	return slices.ContainsFunc(a.Discussion, func(c approvals.Comment) bool {
		return c.ID == string(v.UID) && approvals.SamePerson(c.By, v.Spec.Voter) // others choose the ids of their comments
	})
}

// standing says how a stands after the vote.
func standing(a approvals.Approval) string {
	if a.Decided() {
		return "the approval is " + string(a.Outcome)
	}
	return fmt.Sprintf("recorded; %d more to come", approvals.Missing(a))
}

// maxVoteMessage is the schema's bound.
const maxVoteMessage = 4096

func (r *Votes) say(ctx context.Context, v *v1alpha1.Vote, state v1alpha1.VoteState, message string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": v.UID},
		"status":   v1alpha1.VoteStatus{State: state, Message: strings.ToValidUTF8(message[:min(len(message), maxVoteMessage)], "")},
	})
	if err != nil {
		return err
	}
	return client.IgnoreNotFound(r.Client.Status().Patch(ctx, v.DeepCopy(), client.RawPatch(types.MergePatchType, patch)))
}
