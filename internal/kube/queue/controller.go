package queue

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Served returns the options of a controller whose queue is served fairly. part names what an object
// belongs to within its namespace; nil: it belongs to nothing. One namespace may occupy half of the
// workers.
func Served(workers int, part func(reconcile.Request) string) ctrlcontroller.Options {
	return ctrlcontroller.Options{
		MaxConcurrentReconciles: workers,
		NewQueue: func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
			q := New(Options[reconcile.Request]{Workers: workers, Limiter: limiter, Place: func(r reconcile.Request) (string, string) {
				if part == nil {
					return r.Namespace, ""
				}
				return r.Namespace, part(r)
			}})
			Measure(ctrlmetrics.Registry, name, q.Len, q.Oldest)
			return q
		},
	}
}

// OfTrigger is the part that an Approval belongs to: its Trigger, by whose name its own
// begins. Anyone who may create Approvals may choose a name; that of another namespace is no
// matter, and in their own they take turns from nobody but themselves.
func OfTrigger(r reconcile.Request) string { return Trigger(r.Name) }

// Trigger returns the Trigger's part of an Approval's name.
func Trigger(approval string) string {
	if i := strings.LastIndexByte(approval, '-'); i > 0 {
		return approval[:i]
	}
	return ""
}

// Measure shows how a queue is served, in place of an earlier one of that name. There is no
// label for the namespace: there may be thousands.
func Measure(reg prometheus.Registerer, name string, depth func() int, oldest func() time.Duration) {
	labels := prometheus.Labels{"queue": name}
	for _, g := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "countersign", Name: "queue_depth", ConstLabels: labels, Help: "Items that wait for their turn or for a worker.",
		}, func() float64 { return float64(depth()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "countersign", Name: "queue_oldest_seconds", ConstLabels: labels, Help: "How long the oldest item has been waiting. It usually belongs to the namespace with the most items.",
		}, func() float64 { return oldest().Seconds() }),
	} {
		reg.Unregister(g)
		_ = reg.Register(g) // it was just made room for
	}
}
