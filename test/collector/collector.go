// Package collector runs the real OpenTelemetry Collector for tests, and reads what it has
// written down of what was sent to it.
package collector

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/wait"
)

// Collector is a running one.
type Collector struct {
	HTTP, GRPC string // its addresses, host and port

	t       testing.TB
	traces  string // files
	metrics string
}

// Span is one as the Collector has it, in the words of its JSON.
type Span struct {
	Service    string            `json:"-"` // the resource's service.name
	TraceID    string            `json:"traceId"`
	SpanID     string            `json:"spanId"`
	ParentID   string            `json:"parentSpanId"`
	Name       string            `json:"name"`
	Status     Status            `json:"status"`
	Attributes map[string]string `json:"-"` // those that are text
}

// Status is a span's: code 2 is an error.
type Status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// config writes every request that came into a file, a line each.
const config = `
receivers: {otlp: {protocols: {http: {endpoint: %q}, grpc: {endpoint: %q}}}}
exporters:
  file/traces: {path: %q, flush_interval: 100ms}
  file/metrics: {path: %q, flush_interval: 100ms}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file/traces]}
    metrics: {receivers: [otlp], exporters: [file/metrics]}
`

// Start starts the Collector of COUNTERSIGN_OTELCOL at an IP address, on ports of its own. It ends
// with the test.
func Start(t testing.TB, address string) *Collector {
	t.Helper()
	program := os.Getenv("COUNTERSIGN_OTELCOL")
	if program == "" {
		t.Fatal("COUNTERSIGN_OTELCOL is not set: run test/run.sh otel")
	}
	dir := t.TempDir()
	c := &Collector{
		HTTP: free(t, address), GRPC: free(t, address), t: t,
		traces: filepath.Join(dir, "traces.json"), metrics: filepath.Join(dir, "metrics.json"),
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, c.HTTP, c.GRPC, c.traces, c.metrics), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--config="+file)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's context has ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the collector's log:\n%s", log.String())
		}
	})
	for _, at := range []string{c.HTTP, c.GRPC} {
		wait.Eventually(t, 30*time.Second, "the collector at "+at, func() error {
			conn, err := net.Dial("tcp", at) //nolint:noctx // a poll of this machine
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	return c
}

// free returns an address with a port that nobody listens on.
func free(t testing.TB, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0")) //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// attribute is one of OTLP's JSON.
type attribute struct {
	Key   string `json:"key"`
	Value struct {
		Text string `json:"stringValue"`
	} `json:"value"`
}

// request is what somebody sent.
type request struct {
	ResourceSpans []struct {
		Resource struct {
			Attributes []attribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []struct {
			Spans []struct {
				Span
				Attributes []attribute `json:"attributes"`
			} `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

func texts(of []attribute) map[string]string {
	out := map[string]string{}
	for _, a := range of {
		if a.Value.Text != "" {
			out[a.Key] = a.Value.Text
		}
	}
	return out
}

// Spans are those that came, sorted by name and message.
func (c *Collector) Spans() []Span {
	c.t.Helper()
	var out []Span
	lines := bufio.NewScanner(strings.NewReader(read(c.t, c.traces)))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // the last line is still being written
		}
		for _, resource := range r.ResourceSpans {
			service := texts(resource.Resource.Attributes)["service.name"]
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					s.Span.Service, s.Span.Attributes = service, texts(s.Attributes)
					out = append(out, s.Span)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return strings.Compare(a.Name+a.Status.Message, b.Name+b.Status.Message) })
	return out
}

// Traces is all that came of traces, as text.
func (c *Collector) Traces() string { return read(c.t, c.traces) }

// Metrics is all that came of metrics, as text.
func (c *Collector) Metrics() string { return read(c.t, c.metrics) }

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
