package app

import (
	"crypto/tls"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/intake"
	"github.com/countersign-dev/countersign/internal/kube/servingcert"
)

const (
	secretTLS       = "countersign-tls"
	interceptorPort = 8443
)

// certificateEnds is a metric to alert on: it is renewed long before.
func certificateEnds(certs *servingcert.Manager) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "countersign", Name: "certificate_expiry_timestamp_seconds", Help: "When the interceptor's certificate expires. It is renewed a month before.",
	}, certs.Ends)
}

// interceptor returns the server for EventListeners. It fills in certs, the certificate by
// which they know it.
func (c *core) interceptor(certs *servingcert.Manager) *server {
	certs.Client, certs.Secret = c.direct, types.NamespacedName{Namespace: c.Namespace, Name: secretTLS}
	certs.Service, certs.Port = types.NamespacedName{Namespace: c.Namespace, Name: c.Service}, interceptorPort
	certs.Dir = c.CertificateDir
	certs.Interceptor, certs.Now, certs.Log = interceptor.Name, c.Now, c.Log
	processor := &interceptor.Processor{
		Triggers: c.triggers, Opener: c.opener, Releases: c.store, Ring: c.keys.Ring, Now: c.Now, Log: c.Log,
		Refused: c.reports.Refused, Proved: intake.Proved,
		Count: func(answer string) { c.metrics.interceptor.WithLabelValues(answer).Inc() },
	}
	c.traceAnswers(processor)
	guard := c.interceptorIntake()
	guard.Large = func(r *http.Request) { processor.TooLarge(r.Context(), r.ContentLength, r.Body) }
	return &server{
		name: "interceptor", address: c.InterceptorAddress, handler: interceptor.Handler(processor), intake: guard, log: c.Log,
		tls: &tls.Config{GetCertificate: certs.Certificate, MinVersion: tls.VersionTLS12},
	}
}
