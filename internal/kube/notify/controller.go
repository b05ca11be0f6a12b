package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// Notify tells people over one channel. Each channel has a queue and workers of its
// own: one that hangs holds up nothing else.
type Notify struct {
	Store   *store.Store
	Channel notify.Channel
	Now     func() time.Time
	Log     *slog.Logger
	Sent    func(ok bool)
	Workers int
	// Preflight returns what is known about what an Approval would start, for the messages that ask
	// people. Nil: nobody looks.
	Preflight func(ctx context.Context, a approvals.Approval) *approvals.Preflight
	// Budget has messages wait when a namespace sends too many. Nil: none waits.
	Budget *Budget

	mu    sync.Mutex
	Known map[string]*progress // by Approval UID
}

var _ reconcile.Reconciler = (*Notify)(nil)

// SetupWithManager registers the controller.
func (r *Notify) SetupWithManager(mgr ctrl.Manager) error {
	return kubeutil.Shared(mgr, "notify-"+r.Channel.Route().Name, r.Workers, queue.OfTrigger).
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(e event.UpdateEvent) bool { return store.IsNews(e.ObjectOld, e.ObjectNew) },
			DeleteFunc: func(e event.DeleteEvent) bool { r.forget(string(e.Object.GetUID())); return false },
		})).
		Complete(kubeutil.Contained(mgr, "notify-"+r.Channel.Route().Name, func() client.Object { return &v1alpha1.Approval{} }, r))
}

// round carries values from step to step of one reconcile.
type round struct {
	key   approvals.Key
	a     approvals.Approval // with what was delivered and is not in the ledger yet
	p     progress
	found *approvals.Preflight // what is known about what a would start
	read  time.Time            // when a was read
	due   []notify.Due
	again time.Duration // when more is due
	acted bool          // something was due
}

// step does one part of a round. done: nothing is left to do in this one.
type step func(r *Notify, ctx context.Context, x *round) (done bool, err error)

// steps are done in this order. The ledger's key is (event, channel, recipient). A process
// killed between the server's 250 and the ledger's write sends the same mail, with the same
// Message-ID, once more; a failed write alone does not.
var steps = []step{(*Notify).plan, (*Notify).readAgain, (*Notify).send, (*Notify).record}

// Reconcile sends what is due for one Approval, then writes the ledger once.
func (r *Notify) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	cached, err := r.Store.Cached(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	x := &round{key: key, a: cached.State()} // enough to see that nothing is due
	for _, do := range steps {
		done, err := do(r, ctx, x)
		if err != nil {
			return ctrl.Result{}, err
		}
		if done {
			break
		}
	}
	return ctrl.Result{RequeueAfter: x.again}, nil
}
