package audit

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

const (
	// AskAgain is how long after a failure the store is asked again, at first, and
	// maxAskAgain at most: by one Approval, for all.
	AskAgain, maxAskAgain = time.Second, time.Minute
	// maxGone bounds the Approvals that were deleted while the store is down and had no
	// finalizer, which are in this process's memory alone.
	maxGone = 10_000
)

// Ledger is where the record is appended to.
type Ledger interface {
	// Append appends, in one transaction, those of lines that are not there yet.
	Append(ctx context.Context, lines []record.Line) ([]record.Entry, error)
	// Missing are those of ids that are not there.
	Missing(ctx context.Context, ids []string) ([]string, error)
}

// Record brings the record in line with the Approvals: it appends what their state
// tells and the record does not have, and then removes those whose time to be kept
// is over. It reads from the cache, so a decision costs the API server nothing more;
// it has its own queue, so a store that is down holds up the record and nothing
// else. One worker: the chain has one end.
type Record struct {
	Store  *store.Store
	Ledger Ledger
	// Keeps: what is in the Ledger outlives the process, so what is there may go from
	// the cluster.
	Keeps bool
	Now   func() time.Time
	Log   *slog.Logger
	// Appended counts lines, Failed tries that failed.
	Appended func(lines int)
	Failed   func()
	// Forget is told the UID of each Approval that is gone.
	Forget func(uid string)

	mu      sync.Mutex
	Done    map[string][sha256.Size]byte // by UID, a digest of the ids that are known to be in the ledger
	behind  map[types.NamespacedName]bool
	Gone    map[types.NamespacedName][]departed
	lost    int // departed that are waiting
	until   time.Time
	backoff time.Duration // zero: the store answers
}

// departed is an Approval that is gone: the lines that the ledger may not have yet, and
// no more of it. There are none where it was kept by its finalizer; one that was opened
// before there was a store has none.
type departed struct {
	uid   string
	Lines []record.Line
}

var _ reconcile.Reconciler = (*Record)(nil)

// SetupWithManager registers the controller.
func (r *Record) SetupWithManager(mgr ctrl.Manager) error {
	return kubeutil.Shared(mgr, "record", 1, queue.OfTrigger).
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			DeleteFunc: func(e event.DeleteEvent) bool {
				o, ok := e.Object.(*v1alpha1.Approval)
				return ok && r.Deleted(o)
			},
		})).
		Complete(kubeutil.Contained(mgr, "record", func() client.Object { return &v1alpha1.Approval{} }, r))
}

// Reconcile appends what is missing of one Approval, in one transaction, or removes
// it when its time is over.
func (r *Record) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.note(req.NamespacedName, true)
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	leaving, err := r.Store.Leaving(ctx, key)
	if err != nil && approvals.CodeOf(err) != approvals.CodeNotFound {
		return ctrl.Result{}, err
	}
	if !leaving.IsZero() { // at once: what is deleted is nobody's to decide any more
		if err := r.cancel(ctx, key); err != nil {
			return ctrl.Result{}, err
		}
	}
	if left := r.paused(); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if err := r.departed(ctx, req.NamespacedName); err != nil {
		return r.failed(ctx, err)
	}
	a, genuine, err := r.Store.ForRecord(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		r.note(req.NamespacedName, false)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if !leaving.IsZero() {
		return r.letGo(ctx, req.NamespacedName, leaving)
	}
	if genuine {
		if err := r.append(ctx, a.UID, record.Lines(a)); err != nil {
			return r.failed(ctx, err)
		}
	}
	r.note(req.NamespacedName, false)
	return r.retain(ctx, a, genuine)
}

// cancel ends what somebody deleted: what waits ends, and what is decided starts no run.
func (r *Record) cancel(ctx context.Context, key approvals.Key) error {
	_, err := r.Store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if !a.ToCancel() {
			return a, approvals.NoChange, nil
		}
		return approvals.Cancel(a, approvals.Cancellation{Why: "it was deleted from the cluster"}, r.Now())
	})
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil
	}
	return err
}

// letGo writes down the last of an Approval that somebody deleted, by the API server's
// word and not the cache's, and has it removed: the finalizer goes once the ledger has
// the lines. The lines' ids make it idempotent.
func (r *Record) letGo(ctx context.Context, key types.NamespacedName, at time.Time) (ctrl.Result, error) {
	a, genuine, err := r.Store.LastOf(ctx, approvals.Key{Namespace: key.Namespace, Name: key.Name})
	switch {
	case approvals.CodeOf(err) == approvals.CodeNotFound:
		r.note(key, false)
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	if genuine {
		if err := r.append(ctx, a.UID, append(record.Lines(a), record.Removal(a, at))); err != nil {
			return r.failed(ctx, err)
		}
	}
	r.note(key, false)
	return ctrl.Result{}, r.Store.LetGo(ctx, a.Key)
}

// Behind is how many Approvals are looked at and not in the record yet.
func (r *Record) Behind() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.behind)
}

func (r *Record) append(ctx context.Context, uid string, lines []record.Line) error {
	ids := digestOf(lines)
	r.mu.Lock()
	done := r.Done[uid] == ids
	r.mu.Unlock()
	if done {
		return nil
	}
	added, err := r.Ledger.Append(ctx, lines)
	if err != nil {
		return err
	}
	r.answers()
	r.Appended(len(added))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Done == nil {
		r.Done = map[string][sha256.Size]byte{}
	}
	r.Done[uid] = ids
	return nil
}

func digestOf(lines []record.Line) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(record.IDs(lines), " ")))
}

// retain removes an Approval that was decided long enough ago, that nothing is still
// to come of, and all of whose lines the ledger says it has.
func (r *Record) retain(ctx context.Context, a approvals.Approval, genuine bool) (ctrl.Result, error) {
	if !r.Keeps || a.Terms == nil || a.Terms.Policy.KeepFor <= 0 || !a.Decided() || a.ToRelease() || a.ToAnswer() {
		return ctrl.Result{}, nil
	}
	if left := a.DecidedAt.Add(a.Terms.Policy.KeepFor).Sub(r.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	var storeErr error
	removed, err := r.Store.Remove(ctx, a.Key, func(fresh approvals.Approval) (bool, error) {
		if !fresh.Decided() || fresh.ToRelease() || fresh.ToAnswer() {
			return false, nil
		}
		var missing []string
		missing, storeErr = r.Ledger.Missing(ctx, record.IDs(record.Lines(fresh)))
		return storeErr == nil && len(missing) == 0, storeErr
	})
	code := approvals.CodeOf(err)
	switch {
	case storeErr != nil:
		return r.failed(ctx, storeErr)
	case code == approvals.CodeNotFound, code == approvals.CodeConflict:
		return ctrl.Result{}, nil // somebody was first, which comes as an event
	case err != nil:
		return ctrl.Result{}, err
	case removed:
		r.Log.Info("approval removed: its time to be kept is over and its history is in the record", "namespace", a.Namespace, "approval", a.Name)
		return ctrl.Result{}, nil
	case genuine:
		// The cache is behind, or the ledger has lost what it had: once more.
		r.mu.Lock()
		delete(r.Done, a.UID)
		r.mu.Unlock()
		return ctrl.Result{RequeueAfter: AskAgain}, nil
	default:
		r.Log.Warn("approval is kept beyond its time: its history is not in the record, and its key is gone", "namespace", a.Namespace, "approval", a.Name)
		return ctrl.Result{}, nil
	}
}

// Deleted keeps what the last that was seen of an Approval tells the record. But for
// its end the lines are there already, unless the store is down or somebody was very
// quick.
func (r *Record) Deleted(o *v1alpha1.Approval) bool {
	a, genuine := r.Store.Recordable(o)
	told := record.Lines(a)
	if a.Source.Lean.Words { // what people said is not in memory, and the rest is no line of theirs
		told = slices.DeleteFunc(told, func(l record.Line) bool { return l.Kind == record.Voted })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done, known := r.Done[a.UID]
	if !genuine && !known {
		return true
	}
	if at := o.DeletionTimestamp; at != nil && known && done == digestOf(append(slices.Clone(told), record.Removal(a, at.UTC()))) {
		delete(r.Done, a.UID) // it was let go, which was the last of it
		r.Forget(a.UID)
		return true
	}
	if r.lost >= maxGone {
		r.Log.Error("a deleted approval is not in the record: too many wait for its store", "namespace", a.Namespace, "approval", a.Name)
		return true
	}
	if r.Gone == nil {
		r.Gone = map[types.NamespacedName][]departed{}
	}
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	gone := departed{uid: a.UID, Lines: told}
	if known && done == digestOf(gone.Lines) {
		gone.Lines = nil
	}
	gone.Lines = append(gone.Lines, record.Removal(a, r.Now()))
	r.Gone[key] = append(r.Gone[key], gone)
	r.lost++
	return true
}

// departed writes down what was deleted under a name.
func (r *Record) departed(ctx context.Context, key types.NamespacedName) error {
	for {
		r.mu.Lock()
		waiting := r.Gone[key]
		if len(waiting) == 0 {
			delete(r.Gone, key)
			r.mu.Unlock()
			return nil
		}
		d := waiting[0]
		r.mu.Unlock()
		if err := r.append(ctx, d.uid, d.Lines); err != nil {
			return err
		}
		r.Forget(d.uid)
		r.mu.Lock()
		r.Gone[key] = r.Gone[key][1:]
		r.lost--
		delete(r.Done, d.uid)
		r.mu.Unlock()
	}
}

// paused is how long the store is left alone.
func (r *Record) paused() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until.Sub(r.Now())
}

// failed leaves the store alone for a while, and says so once, not for every
// Approval and every try.
func (r *Record) failed(ctx context.Context, err error) (ctrl.Result, error) {
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err() // shutting down
	}
	r.Failed()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backoff == 0 {
		r.Log.Error("the record is behind: its store does not take lines. Decisions go on; nothing is lost while the Approvals are there", "error", err.Error())
	}
	r.backoff = min(max(2*r.backoff, AskAgain), maxAskAgain)
	r.until = r.Now().Add(r.backoff)
	return ctrl.Result{RequeueAfter: r.backoff}, nil
}

func (r *Record) answers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backoff != 0 {
		r.Log.Info("the record's store takes lines again")
	}
	r.backoff, r.until = 0, time.Time{}
}

func (r *Record) note(key types.NamespacedName, behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !behind {
		delete(r.behind, key)
		return
	}
	if r.behind == nil {
		r.behind = map[types.NamespacedName]bool{}
	}
	r.behind[key] = true
}
