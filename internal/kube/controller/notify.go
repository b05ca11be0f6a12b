package controller

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/kube"
)

// Notify tells the approvers. It has workers of its own: a mail server that hangs
// holds up mails and nothing else.
type Notify struct {
	Store   *kube.Store
	Channel notify.Channel
	Now     func() time.Time
	Log     *slog.Logger
	Sent    func(ok bool)
	Workers int

	mu    sync.Mutex
	known map[string]*progress // by Approval UID
}

// progress is what this process did for one Approval that the ledger may not have
// yet.
type progress struct {
	tries      map[string]notify.Try
	unrecorded []approvals.Delivery
}

var _ reconcile.Reconciler = (*Notify)(nil)

// SetupWithManager registers the controller.
func (r *Notify) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("notify").
		For(&v1alpha1.Approval{}, builder.WithPredicates(predicate.Funcs{
			// Only the coming of the terms makes somebody to be told.
			UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() },
			DeleteFunc: func(e event.DeleteEvent) bool { r.forget(string(e.Object.GetUID())); return false },
		})).
		WithOptions(ctrlcontroller.Options{MaxConcurrentReconciles: r.Workers}).
		Complete(r)
}

// Reconcile sends what is due for one Approval, then writes the ledger once. The
// ledger's key is (event, channel, recipient). A process killed between the
// server's 250 and that write sends the same mail, with the same Message-ID, once
// more; a failed write alone does not.
func (r *Notify) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	key := approvals.Key{Namespace: req.Namespace, Name: req.Name}
	a, err := r.Store.Cached(ctx, key)
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	p := r.progressOf(a.UID)
	if due, again := notify.Plan(a, r.Channel.Name(), r.Now(), p.tries); len(due) == 0 && len(p.unrecorded) == 0 {
		if again == 0 {
			r.forget(a.UID)
		}
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
	due, again := notify.Plan(a, r.Channel.Name(), r.Now(), p.tries)
	for _, d := range due {
		err := r.Channel.Send(ctx, d.Message)
		if ctx.Err() != nil {
			return ctrl.Result{}, ctx.Err() // shutting down: whether it went out is not known
		}
		delivery := approvals.Delivery{
			Event: notify.Opened, Channel: r.Channel.Name(), Recipient: d.Message.Approver,
			MessageID: d.Message.ID, Attempts: d.Attempt,
		}
		if err != nil {
			delivery.Error = err.Error()
			p.tries[d.Message.Approver] = notify.Try{Count: d.Attempt, Last: r.Now()}
			r.Log.Warn("not delivered", "namespace", a.Namespace, "approval", a.Name, "channel", r.Channel.Name(), "attempt", d.Attempt, "error", err.Error())
		} else {
			delivery.SentAt = r.Now()
		}
		r.Sent(err == nil)
		p.unrecorded = append(p.unrecorded, delivery)
		a = notify.Record(a, delivery)
	}
	r.remember(a.UID, p)
	if len(p.unrecorded) > 0 {
		_, err := r.Store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			for _, d := range p.unrecorded {
				a = notify.Record(a, d)
			}
			return a, approvals.Told, nil
		})
		if err != nil {
			return ctrl.Result{}, err
		}
		p.unrecorded = nil
		r.remember(a.UID, p)
	}
	if len(due) > 0 {
		_, again = notify.Plan(a, r.Channel.Name(), r.Now(), p.tries)
	}
	if again == 0 {
		r.forget(a.UID)
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

func (r *Notify) progressOf(uid string) progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.known[uid]; p != nil {
		return progress{maps.Clone(p.tries), slices.Clone(p.unrecorded)}
	}
	return progress{tries: map[string]notify.Try{}}
}

func (r *Notify) remember(uid string, p progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]*progress{}
	}
	r.known[uid] = &p
}

func (r *Notify) forget(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, uid)
}
