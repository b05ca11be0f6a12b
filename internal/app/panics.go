package app

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/internal/kube/contain"
)

// newPanics makes the messages about objects at which the service panics. What panics in a
// controller is counted by controller-runtime.
func newPanics(reg prometheus.Registerer, log *slog.Logger) (*contain.Panics, error) {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "countersign", Name: "panics_total", Help: "Times that an object was skipped because the service panicked while processing it, outside of controllers. The log has its name.",
	}, []string{"where"})
	if err := reg.Register(count); err != nil {
		return nil, err
	}
	for _, where := range []string{"handler", "index", "transform", "release"} {
		count.WithLabelValues(where) // an alert's rate has something to begin with
	}
	return &contain.Panics{Log: log, Count: func(where string) { count.WithLabelValues(where).Inc() }}, nil
}
