package app

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/countersign-dev/countersign/approvals"
)

// scraper authenticates clients that ask for metrics, and asks RBAC whether they may get a path.
type scraper interface {
	Authenticate(ctx context.Context, token string) (approvals.Identity, error)
	MayGet(ctx context.Context, id approvals.Identity, path string) (bool, error)
}

// metricsHandler is /metrics, for everybody whom RBAC lets get the path, as the metrics of
// Kubernetes' own components are. Names of namespaces and triggers are in them.
func metricsHandler(log logr.Logger, who scraper, from prometheus.Gatherer) http.Handler {
	all := http.NewServeMux()
	all.Handle("/metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	return scraped(log, who, all)
}

// metricsTLS has metrics served with the certificate that the interceptor has.
func metricsTLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate} // HTTP/1.1 is enough for a scrape
}

// scraped answers 401 to anyone who is not authenticated, 403 to anyone who may not get the path, and
// 503 when the API server does not say.
func scraped(log logr.Logger, who scraper, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, message string) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, message, status)
		}
		if r.Method != http.MethodGet {
			refuse(http.StatusMethodNotAllowed, "metrics are read by GET")
			return
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || token == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="countersign metrics"`)
			refuse(http.StatusUnauthorized, "send the bearer token of a ServiceAccount that may get /metrics (ClusterRole countersign-metrics-reader)")
			return
		}
		id, err := who.Authenticate(r.Context(), token)
		if err == nil {
			var may bool
			if may, err = who.MayGet(r.Context(), id, r.URL.Path); err == nil && !may {
				refuse(http.StatusForbidden, "RBAC does not let you get this path: bind ClusterRole countersign-metrics-reader to the ServiceAccount that scrapes")
				return
			}
		}
		switch approvals.CodeOf(err) {
		case "":
			h.ServeHTTP(w, r)
		case approvals.CodeUnauthenticated:
			w.Header().Set("WWW-Authenticate", `Bearer realm="countersign metrics"`)
			refuse(http.StatusUnauthorized, approvals.Message(err))
		case approvals.CodeLimited:
			w.Header().Set("Retry-After", "1")
			refuse(http.StatusTooManyRequests, approvals.Message(err))
		default:
			log.Error(err, "metrics not served")
			refuse(http.StatusServiceUnavailable, approvals.Message(err))
		}
	})
}
