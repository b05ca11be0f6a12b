package tracing

import (
	"fmt"
	"strings"
)

// protocol is the wire format of spans or metrics, as OTEL_EXPORTER_OTLP_PROTOCOL names it.
type protocol string

const (
	grpc protocol = "grpc"
	http protocol = "http/protobuf"
)

// settings has what is read of the environment here, by the OpenTelemetry specification. The
// exporters and the SDK read the other names themselves: endpoint, headers, certificates, time
// limits, the sampler, the batches, the resource.
type settings struct {
	traces, metrics protocol // "": not sent
}

// read reads the environment. Spans are sent when OTEL_TRACES_EXPORTER is otlp, or is not set and
// an endpoint is; metrics only when OTEL_METRICS_EXPORTER is otlp, since Prometheus has them.
func read(env func(string) string) (settings, error) {
	var s settings
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return s, nil
	}
	traces := env("OTEL_TRACES_EXPORTER")
	if traces == "" && (env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "") {
		traces = "otlp"
	}
	var err error
	if s.traces, err = exporter(env, "OTEL_TRACES_EXPORTER", traces, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"); err != nil {
		return settings{}, err
	}
	if s.metrics, err = exporter(env, "OTEL_METRICS_EXPORTER", env("OTEL_METRICS_EXPORTER"), "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"); err != nil {
		return settings{}, err
	}
	return s, nil
}

// exporter is the protocol of the exporter that variable names, by the variable of its own or
// the common one.
func exporter(env func(string) string, variable, value, own string) (protocol, error) {
	switch value {
	case "", "none":
		return "", nil
	case "otlp":
	default:
		return "", fmt.Errorf("environment variable %s is %q: set it to otlp or none", variable, value)
	}
	for _, name := range []string{own, "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch p := protocol(env(name)); p {
		case "":
		case grpc, http:
			return p, nil
		default:
			return "", fmt.Errorf("environment variable %s is %q: set it to %s or %s", name, p, grpc, http)
		}
	}
	return http, nil
}
