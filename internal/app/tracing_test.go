package app

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/interceptor"
	kuberelease "github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/tracing"
)

// TestTracingHooks: without settings nobody calls anything for traces, and with metrics alone
// neither; with traces every hook is there.
func TestTracingHooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env    map[string]string
		traces bool
	}{
		"nothing is set": {},
		"metrics alone":  {env: map[string]string{"OTEL_METRICS_EXPORTER": "otlp"}},
		"traces":         {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, traces: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sends, err := tracing.New(t.Context(), tracing.Options{Env: func(name string) string { return c.env[name] }})
			if err != nil {
				t.Fatal(err)
			}
			core := &core{tracing: sends, event: &kuberelease.Event{}, releaser: &kuberelease.Releaser{}}
			p := &interceptor.Processor{}
			core.traceReleases()
			core.traceAnswers(p)
			handlers := core.decided(ct.OutcomeFunc(func(approvals.Approval) {}))
			if got := []bool{core.releaser.Trace != nil, core.event.Traceparent != nil, p.Traceparent != nil, len(handlers) == 2}; got[0] != c.traces || got[1] != c.traces || got[2] != c.traces || got[3] != c.traces {
				t.Errorf("hooks of posts, headers, answers and outcomes: %v, want all %t", got, c.traces)
			}
		})
	}
}
