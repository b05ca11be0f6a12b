package tracing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// leaveWithin bounds the time that a process which ends waits for a collector to take the rest.
const leaveWithin = 3 * time.Second

// Options has a process's environment, its metrics, and the names by which collectors know it.
type Options struct {
	Env     func(string) string // the environment, as os.Getenv gives it
	Metrics prometheus.Gatherer // what is sent when metrics are
	Version string
	Pod     string
	Log     *slog.Logger
}

// Tracing sends spans, and metrics where that is wanted.
type Tracing struct {
	settings settings
	metrics  prometheus.Gatherer
	resource *resource.Resource
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// New reads the environment. It is nil where nothing is to be sent: no exporter, no goroutine,
// and nobody calls anything.
func New(ctx context.Context, o Options) (*Tracing, error) {
	s, err := read(o.Env)
	if err != nil || s == (settings{}) {
		return nil, err
	}
	t := &Tracing{settings: s, metrics: o.Metrics, log: o.Log}
	t.resource, err = resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "countersign"),
		attribute.String("service.version", o.Version),
		attribute.String("service.instance.id", o.Pod),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	// It has no processor until Start, so nothing runs and nothing is kept.
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(t.resource), sdktrace.WithIDGenerator(ids{}))
	t.tracer = t.provider.Tracer("github.com/countersign-dev/countersign", trace.WithInstrumentationVersion(o.Version))
	return t, nil
}

// Traces reports whether spans are sent; without them it is metrics alone. A nil t sends nothing.
func (t *Tracing) Traces() bool { return t != nil && t.settings.traces != "" }

// Start sends until ctx ends, and then what is left, for a short time. A collector that is not
// there is logged by the SDK's error handler, and what it did not take is dropped.
func (t *Tracing) Start(ctx context.Context) error {
	// The SDK has one handler of errors in a process, and without one prints them as it likes.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		t.log.Warn("nothing was sent to OpenTelemetry this time", "error", err.Error())
	}))
	reader, err := t.export(ctx)
	if err != nil {
		return err
	}
	t.log.Info("sending to OpenTelemetry", "traces", string(t.settings.traces), "metrics", string(t.settings.metrics))
	<-ctx.Done()
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	err = t.provider.Shutdown(leave)
	if reader != nil {
		err = errors.Join(err, reader.Shutdown(leave))
	}
	if err != nil {
		t.log.Warn("what was left was not sent to OpenTelemetry", "error", err.Error())
	}
	return nil
}

// NeedLeaderElection has every replica send what it does.
func (*Tracing) NeedLeaderElection() bool { return false }

// export starts the exporters. None of them waits for its collector.
func (t *Tracing) export(ctx context.Context) (*sdkmetric.MeterProvider, error) {
	if t.settings.traces != "" {
		var to sdktrace.SpanExporter
		var err error
		if t.settings.traces == grpc {
			to, err = otlptracegrpc.New(ctx)
		} else {
			to, err = otlptracehttp.New(ctx)
		}
		if err != nil {
			return nil, err
		}
		t.provider.RegisterSpanProcessor(sdktrace.NewBatchSpanProcessor(to))
	}
	if t.settings.metrics == "" {
		return nil, nil
	}
	var to sdkmetric.Exporter
	var err error
	if t.settings.metrics == grpc {
		to, err = otlpmetricgrpc.New(ctx)
	} else {
		to, err = otlpmetrichttp.New(ctx)
	}
	if err != nil {
		return nil, err
	}
	from := bridge.NewMetricProducer(bridge.WithGatherer(t.metrics))
	return sdkmetric.NewMeterProvider(sdkmetric.WithResource(t.resource),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(to, sdkmetric.WithProducer(from)))), nil
}
