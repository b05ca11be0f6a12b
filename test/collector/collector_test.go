//go:build otel

package collector_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/tracing"
	"github.com/countersign-dev/countersign/test/collector"
	"github.com/countersign-dev/countersign/test/wait"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	firstID = "b7ad6b7169203331"
)

// span has what a trace is made of.
type span struct{ Name, Trace, Parent, Error string }

// TestTraceAndMetrics: the OpenTelemetry Collector itself takes what is sent, by both protocols, and
// has the first run, the Approval, its vote, the event and the second run in one trace. With
// Tekton's own spans, on a cluster: test/otel.
func TestTraceAndMetrics(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			c := collector.Start(t, "127.0.0.1")
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+map[string]string{"grpc": c.GRPC, "http/protobuf": c.HTTP}[protocol])
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_METRICS_EXPORTER", "otlp")
			a := ct.Make("apply-1").Requester("zoe").Voted("alice", approvals.Approve, "a secret remark").With(func(a *approvals.Approval) {
				a.Source.Annotations = map[string]string{tracecontext.Annotation: `{"traceparent":"00-` + traceID + "-" + firstID + `-01"}`}
				a.SecondRun = &approvals.Run{Name: "apply-x7", UID: "run-2", At: a.DecidedAt.Add(time.Second)}
				a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: a.SecondRun.At, EndedAt: a.SecondRun.At.Add(time.Minute)}
			}).Obj()
			ours := sent(t, a)

			want := []span{
				{"approval", traceID, firstID, ""},
				{"release", traceID, ours, ""},
				{"run", traceID, ours, "the run did not succeed"},
				{"start run", traceID, ours, ""},
				{"vote", traceID, ours, ""},
			}
			var got []span
			wait.Eventually(t, 30*time.Second, "the spans in the collector's file", func() error {
				got = nil
				for _, s := range c.Spans() {
					if s.Service != "countersign" || s.Name == "approval" && s.SpanID != ours {
						return fmt.Errorf("%+v: want service countersign, and the Approval's span %s", s, ours)
					}
					got = append(got, span{Name: s.Name, Trace: s.TraceID, Parent: s.ParentID, Error: s.Status.Message})
				}
				if len(got) < len(want) {
					return fmt.Errorf("%d of %d", len(got), len(want))
				}
				return nil
			})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			wait.Eventually(t, 30*time.Second, "the metrics in the collector's file", func() error {
				if !strings.Contains(c.Metrics(), `"name":"countersign_test_total"`) {
					return fmt.Errorf("not yet: %.200s", c.Metrics())
				}
				return nil
			})
			for _, word := range []string{"alice", "zoe", "secret remark"} {
				if strings.Contains(c.Traces()+c.Metrics(), word) {
					t.Errorf("the collector has %q", word)
				}
			}
		})
	}
}

// sent sends all of a, as a process that then ends, and returns the id of its span.
func sent(t *testing.T, a approvals.Approval) string {
	t.Helper()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "countersign_test_total", Help: "A metric of ours."}))
	starts := &firstLine{came: make(chan struct{})}
	p, err := tracing.New(t.Context(), tracing.Options{Env: os.Getenv, Metrics: metrics, Version: "v1.2.3", Pod: "pod-1", Log: slog.New(slog.NewTextHandler(starts, nil))})
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Start(ctx) }()
	<-starts.came
	_, done := p.Post(t.Context(), a)
	done("event-7", nil)
	p.HandleOutcome(a)
	p.Started(a)
	p.Ended(a)
	cancel() // and what is left is sent
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return strings.Split(p.Traceparent(a), "-")[2]
}

// firstLine is a log whose first line says that the exporters run.
type firstLine struct {
	once sync.Once
	came chan struct{}
}

func (l *firstLine) Write(line []byte) (int, error) {
	l.once.Do(func() { close(l.came) })
	return len(line), nil
}
