package notify

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
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
	// Preflight is what is known about what an Approval would start: who is asked is told. Nil:
	// nobody looks.
	Preflight func(ctx context.Context, a approvals.Approval) *approvals.Preflight
	// Budget has messages wait when a namespace sends too many. Nil: none waits.
	Budget *Budget

	mu    sync.Mutex
	Known map[string]*progress // by Approval UID
}

// ledgerTime is how long the ledger's write may take. It is made even when the process
// is told to stop meanwhile: the next one must not tell the same people again.
const ledgerTime = 5 * time.Second

// ledgerFresh is how old the ledger may be, as it was read, when somebody is told by it. A
// process that was paused in between, or whose mails are slow, reads it again: another may lead.
const ledgerFresh = 2 * time.Second

// progress is what this process did for one Approval that the ledger may not have
// yet.
type progress struct {
	asked      time.Time // the Approval's RetryAt that the tries count from
	tries      map[notify.Slot]notify.Try
	unrecorded []approvals.Delivery
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

// Reconcile sends what is due for one Approval, then writes the ledger once. The
// ledger's key is (event, channel, recipient). A process killed between the
// server's 250 and that write sends the same mail, with the same Message-ID, once
// more; a failed write alone does not.
func (r *Notify) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	cached, err := r.Store.Cached(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	a := cached.State() // enough to see that nothing is due
	p, route := r.progressOf(a.UID), r.Channel.Route()
	if !a.RetryAt.Equal(p.asked) { // the wish is the key: what failed before it is due once
		clear(p.tries)
		p.asked = a.RetryAt
	}
	if a.Decided() { // what failed before is over
		maps.DeleteFunc(p.tries, func(s notify.Slot, _ notify.Try) bool { return s.Kind != notify.Decided })
		r.remember(a.UID, p)
	}
	if due, again := notify.Plan(a, route, r.Now(), p.tries); len(due) == 0 && len(p.unrecorded) == 0 {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	// The API server's word: the cache may not have the ledger's last write yet.
	if a, err = r.Store.Fresh(ctx, key); approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, d := range p.unrecorded {
		a = notify.Record(a, d)
	}
	if !a.Decided() && a.Preflight == nil && r.Preflight != nil {
		a.Preflight = r.Preflight(ctx, a)
	}
	found, read := a.Preflight, r.Now()
	due, again := notify.Plan(a, route, read, p.tries)
	acted := len(due) > 0
	for len(due) > 0 {
		if r.Now().Sub(read) > ledgerFresh { // another may lead and have told the others meanwhile
			fresh, err := r.Store.Fresh(ctx, key)
			if err != nil {
				break // what was sent is recorded all the same
			}
			a = fresh
			for _, d := range p.unrecorded {
				a = notify.Record(a, d)
			}
			a.Preflight, read = cmp.Or(a.Preflight, found), r.Now()
			due, again = notify.Plan(a, route, read, p.tries)
			continue
		}
		d := due[0]
		due = due[1:]
		if wait := r.Budget.postpone(ctx, a, d, p.tries, r.Now()); wait != nil {
			p.unrecorded = append(p.unrecorded, *wait)
			a = notify.Record(a, *wait)
			continue
		}
		id, err := r.Channel.Send(ctx, d.Message)
		if err != nil && ctx.Err() != nil {
			break // shutting down: whether it went out is not known, of those before it is
		}
		delivery := approvals.Delivery{
			Event: d.Message.Event, Channel: route.Name, Recipient: d.Message.Recipient, MessageID: id, Attempts: d.Attempt,
		}
		if err != nil {
			if delivery = notify.Failed(a, delivery, err, r.Now()); delivery.SentAt.IsZero() {
				try := notify.Tried(d.Attempt, err, r.Now())
				try.Paid = true
				p.tries[d.Message.Slot()] = try
			} else {
				delete(p.tries, d.Message.Slot())
			}
			r.Log.Warn("not delivered", "namespace", a.Namespace, "approval", a.Name, "channel", route.Name, "event", d.Message.Event, "attempt", d.Attempt, "error", err.Error())
		} else {
			delivery.SentAt = r.Now()
			delete(p.tries, d.Message.Slot())
		}
		r.Sent(err == nil)
		p.unrecorded = append(p.unrecorded, delivery)
		a = notify.Record(a, delivery)
	}
	r.remember(a.UID, p)
	if len(p.unrecorded) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTime)
		defer cancel()
		_, err := r.Store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			for _, d := range p.unrecorded {
				a = notify.Record(a, d)
			}
			if a.Preflight == nil && !a.Decided() { // one write for both
				a.Preflight = found
			}
			return a, approvals.Notified, nil
		})
		if err != nil {
			return ctrl.Result{}, err
		}
		p.unrecorded = nil
		r.remember(a.UID, p)
	}
	if acted {
		_, again = notify.Plan(a, route, r.Now(), p.tries)
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

func (r *Notify) progressOf(uid string) progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.Known[uid]; p != nil {
		return progress{p.asked, maps.Clone(p.tries), slices.Clone(p.unrecorded)}
	}
	return progress{tries: map[notify.Slot]notify.Try{}}
}

// remember keeps p while there is something in it: what failed for good must not be
// tried again at the next event.
func (r *Notify) remember(uid string, p progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.tries) == 0 && len(p.unrecorded) == 0 {
		delete(r.Known, uid)
		return
	}
	if r.Known == nil {
		r.Known = map[string]*progress{}
	}
	r.Known[uid] = &p
}

func (r *Notify) forget(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.Known, uid)
}
