package tracing_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracespb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/tracing"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	firstID = "b7ad6b7169203331"
)

// approval is one that went all the way, whose first run is in a trace or not.
func approval(traced bool) approvals.Approval {
	return ct.Make("apply-1").Requester("zoe").Voted("alice", approvals.Approve, "a secret remark").With(func(a *approvals.Approval) {
		if traced {
			a.Source.Annotations = map[string]string{tracecontext.Annotation: `{"traceparent":"00-` + traceID + "-" + firstID + `-01"}`}
		}
		a.SecondRun = &approvals.Run{Name: "apply-x7", UID: "run-2", At: a.DecidedAt.Add(time.Second)}
		a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, StartedAt: a.SecondRun.At, EndedAt: a.SecondRun.At.Add(time.Minute)}
	}).Obj()
}

// span has what a collector got of one, with its ids in the form of a traceparent.
type span struct{ Name, Trace, ID, Parent, Error string }

// TestTrace: the first run, the Approval, its vote, the event and the second run are one trace,
// in a collector that speaks the protocol, whichever process sent which part of it.
func TestTrace(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		for name, traced := range map[string]bool{"the first run is in a trace": true, "nothing before is": false} {
			t.Run(protocol+", "+name, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				t.Cleanup(func() { goleak.VerifyNone(t, before) }) // when the collector is closed, too
				c := serve(t, protocol)
				a := approval(traced)
				var below string                             // Traceparent as each process gives it
				for _, do := range []func(*tracing.Tracing){ // a process each
					func(p *tracing.Tracing) {
						_, done := p.Post(t.Context(), a)
						done("", errors.New("refused by somebody with his own words"))
					},
					func(p *tracing.Tracing) {
						ctx, done := p.Post(t.Context(), a)
						if ctx == nil {
							t.Error("no context")
						}
						done("event-7", nil)
					},
					func(p *tracing.Tracing) { p.HandleOutcome(a) },
					func(p *tracing.Tracing) { p.Started(a); p.Ended(a) },
				} {
					p, stop := start(t)
					do(p)
					if got := p.Traceparent(a); below != "" && got != below {
						t.Errorf("another process names the span %s, and one before named it %s", got, below)
					} else {
						below = got
					}
					stop()
				}
				got := c.spans()
				parts := strings.Split(below, "-")
				wantTrace, wantParent := traceID, firstID
				if !traced {
					wantTrace, wantParent = parts[1], ""
				}
				ours := parts[2]
				for i := range got {
					if got[i].Name != "approval" {
						got[i].ID = "" // made up
					}
				}
				want := []span{
					{"approval", wantTrace, ours, wantParent, ""},
					{"release", wantTrace, "", ours, ""},
					{"release", wantTrace, "", ours, "Internal error. The service's log has the details."},
					{"run", wantTrace, "", ours, "the run did not succeed"},
					{"start run", wantTrace, "", ours, ""},
					{"vote", wantTrace, "", ours, ""},
				}
				if parts[1] != wantTrace || parts[3] != "01" {
					t.Errorf("traceparent %s, want trace %s, sampled", below, wantTrace)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("(-want +got)\n%s", d)
				}
				for _, word := range []string{"alice", "zoe", "secret remark", "his own words"} {
					if strings.Contains(c.all(), word) {
						t.Errorf("a span has %q", word)
					}
				}
				for _, word := range []string{"countersign.auth_method", "apply-x7", "event-7", "service.name", "countersign.outcome"} {
					if !strings.Contains(c.all(), word) {
						t.Errorf("no span has %q", word)
					}
				}
			})
		}
	}
}

// TestSampledAsBefore: a trace that is not recorded is not recorded here either, and the next
// run hears of that.
func TestSampledAsBefore(t *testing.T) {
	c := serve(t, "grpc")
	p, stop := start(t)
	a := approval(true)
	a.Source.Annotations[tracecontext.Annotation] = `{"traceparent":"00-` + traceID + "-" + firstID + `-00"}`
	p.HandleOutcome(a)
	p.Started(a)
	got := p.Traceparent(a)
	stop()
	if !strings.HasPrefix(got, "00-"+traceID) || !strings.HasSuffix(got, "-00") || len(c.spans()) != 0 {
		t.Errorf("%s, and %d spans were sent; want it not sampled and none", got, len(c.spans()))
	}
}

// TestMetrics: the registry that Prometheus scrapes is sent as it is.
func TestMetrics(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			c := serve(t, protocol)
			t.Setenv("OTEL_TRACES_EXPORTER", "none")
			t.Setenv("OTEL_METRICS_EXPORTER", "otlp")
			p, stop := start(t)
			if p.Traces() {
				t.Error("it traces")
			}
			stop() // what is left is sent
			if !strings.Contains(c.all(), "countersign_test_total") {
				t.Errorf("the collector has no metric of the registry: %s", c.all())
			}
		})
	}
}

// TestNoCollector: whatever the collector does, nobody waits for it.
func TestNoCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	p, stop := start(t)
	began := time.Now()
	for range 10_000 { // more than a batch's queue has
		p.HandleOutcome(approval(true))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("10,000 outcomes took %s with a collector that is down", took)
	}
	stop()
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		env     map[string]string
		on      bool // something is sent
		traces  bool
		refused bool
	}{
		"nothing":             {},
		"an endpoint":         {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, on: true, traces: true},
		"one for traces":      {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, on: true, traces: true},
		"the exporter":        {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, on: true, traces: true},
		"none":                {env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}},
		"disabled":            {env: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp"}},
		"metrics alone":       {env: map[string]string{"OTEL_METRICS_EXPORTER": "otlp"}, on: true},
		"grpc":                {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, on: true, traces: true},
		"another exporter":    {env: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, refused: true},
		"another one":         {env: map[string]string{"OTEL_METRICS_EXPORTER": "prometheus"}, refused: true},
		"another protocol":    {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, refused: true},
		"its own goes before": {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, on: true, traces: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := tracing.New(t.Context(), tracing.Options{Env: func(name string) string { return c.env[name] }})
			if (err != nil) != c.refused {
				t.Fatalf("error %v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
			}
			if (p != nil) != c.on || p.Traces() != c.traces {
				t.Errorf("something is sent: %t, traces: %t; want %t and %t", p != nil, p.Traces(), c.on, c.traces)
			}
		})
	}
}

// TestOff: where nothing is sent, there is nothing to start, and to ask whether there is costs
// nothing.
func TestOff(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p, err := tracing.New(t.Context(), tracing.Options{Env: func(string) string { return "" }})
	if p != nil || err != nil {
		t.Fatalf("%v, %v; want nothing", p, err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = p.Traces() }); n != 0 {
		t.Errorf("%v allocations to ask whether it is on, want none", n)
	}
}

// start is a process that sends to the collector of the environment; what it returns ends it.
func start(t *testing.T) (*tracing.Tracing, func()) {
	t.Helper()
	reg := prometheus.NewRegistry()
	n := prometheus.NewCounter(prometheus.CounterOpts{Name: "countersign_test_total", Help: "A metric of ours."})
	n.Inc()
	reg.MustRegister(n)
	started := &firstLine{came: make(chan struct{})}
	p, err := tracing.New(t.Context(), tracing.Options{Env: os.Getenv, Metrics: reg, Version: "v1.2.3", Pod: "pod-1", Log: slog.New(slog.NewTextHandler(started, nil))})
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	if p.NeedLeaderElection() {
		t.Error("every replica sends what it does")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Start(ctx) }()
	<-started.came
	return p, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
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

// collector keeps what was sent to it.
type collector struct {
	tracespb.UnimplementedTraceServiceServer
	mu      sync.Mutex
	traces  []*tracespb.ExportTraceServiceRequest
	metrics []*metricspb.ExportMetricsServiceRequest
}

func (c *collector) Export(_ context.Context, r *tracespb.ExportTraceServiceRequest) (*tracespb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.traces = append(c.traces, r)
	return &tracespb.ExportTraceServiceResponse{}, nil
}

type metricsCollector struct {
	metricspb.UnimplementedMetricsServiceServer
	*collector
}

func (c metricsCollector) Export(_ context.Context, r *metricspb.ExportMetricsServiceRequest) (*metricspb.ExportMetricsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.metrics = append(c.metrics, r)
	return &metricspb.ExportMetricsServiceResponse{}, nil
}

// serve is a collector, which the environment names.
func serve(t *testing.T, protocol string) *collector {
	t.Helper()
	c := &collector{}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if protocol == "grpc" {
		s := grpc.NewServer()
		tracespb.RegisterTraceServiceServer(s, c)
		metricspb.RegisterMetricsServiceServer(s, metricsCollector{collector: c})
		go func() { _ = s.Serve(l) }()
		t.Cleanup(s.Stop)
	} else {
		s := &http.Server{Handler: c, ReadHeaderTimeout: time.Second}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var traces tracespb.ExportTraceServiceRequest
	var metrics metricspb.ExportMetricsServiceRequest
	switch {
	case r.URL.Path == "/v1/traces" && proto.Unmarshal(body, &traces) == nil:
		_, _ = c.Export(r.Context(), &traces)
	case r.URL.Path == "/v1/metrics" && proto.Unmarshal(body, &metrics) == nil:
		_, _ = metricsCollector{collector: c}.Export(r.Context(), &metrics)
	default:
		http.Error(w, "not OTLP", http.StatusBadRequest)
	}
}

// spans returns the spans that came, sorted by name and error.
func (c *collector) spans() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []span
	for _, r := range c.traces {
		for _, resource := range r.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					x := span{Name: s.Name, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId)}
					if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
						x.Error = s.Status.Message
					}
					out = append(out, x)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b span) int { return strings.Compare(a.Name+a.Error, b.Name+b.Error) })
	return out
}

// all is everything that came, as text.
func (c *collector) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, r := range c.traces {
		b.WriteString(r.String())
	}
	for _, r := range c.metrics {
		b.WriteString(r.String())
	}
	return b.String()
}
