package audit

import (
	"context"
	"log/slog"
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

// Ledger is the audit store.
type Ledger interface {
	// Append appends, in one transaction, those of lines that are not there yet.
	Append(ctx context.Context, lines []record.Line) ([]record.Entry, error)
	// Missing are those of ids that are not there.
	Missing(ctx context.Context, ids []string) ([]string, error)
}

// Record brings the audit log in line with the Approvals: it appends what their state
// tells and the audit log does not have, and then removes those whose time to be kept
// is over. It reads from the cache, so a decision costs the API server nothing more;
// it has its own queue, so a store that is down holds up the audit log and nothing
// else. One worker: the chain has one end.
type Record struct {
	Store    *store.Store
	Outcomes approvals.OutcomeWriter
	Ledger   Ledger
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

	written written
	breaker breaker
	gone    departed
	behind  behind
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

// step does one thing for the Approval of one reconcile. done: the rest waits for another time.
type step func(r *Record, ctx context.Context, x *work) (res ctrl.Result, done bool, err error)

// work carries values from step to step of one reconcile.
type work struct {
	name     types.NamespacedName
	key      approvals.Key
	leaving  time.Time // when somebody deleted it, zero for one that nobody has
	a        approvals.Approval
	verified bool // its signature verifies
}

var steps = []step{
	(*Record).cancelDeleted,
	(*Record).leaveAlone,
	(*Record).appendDeparted,
	(*Record).read,
	(*Record).letGo,
	(*Record).appendLines,
	(*Record).retain,
}

// Reconcile appends what is missing of one Approval, in one transaction, or removes
// it when its time is over.
func (r *Record) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.behind.note(req.NamespacedName, true)
	x := &work{name: req.NamespacedName, key: approvals.Key{Namespace: req.Namespace, Name: req.Name}}
	for _, do := range steps {
		if res, done, err := do(r, ctx, x); done || err != nil {
			return res, err
		}
	}
	return ctrl.Result{}, nil
}

func (r *Record) source() Source { return Source{r.Store} }

// read gets what the audit log is to tell of the Approval.
func (r *Record) read(ctx context.Context, x *work) (res ctrl.Result, done bool, err error) {
	x.a, x.verified, err = r.source().ForRecord(ctx, x.key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		r.behind.note(x.name, false)
		return res, true, nil
	}
	return res, false, err
}

// Behind returns the number of Approvals whose entries the audit log does not have yet.
func (r *Record) Behind() int { return r.behind.len() }

// Held returns what this process remembers: the number of Approvals that are known to be in
// the audit log, and the entries of deleted ones that may be missing there.
func (r *Record) Held() (written int, departed []record.Line) {
	return r.written.len(), r.gone.lines()
}

// behind are the Approvals that are looked at and not in the audit log yet.
type behind struct {
	mu    sync.Mutex
	names map[types.NamespacedName]bool
}

func (b *behind) note(key types.NamespacedName, behind bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !behind {
		delete(b.names, key)
		return
	}
	if b.names == nil {
		b.names = map[types.NamespacedName]bool{}
	}
	b.names[key] = true
}

func (b *behind) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.names)
}
