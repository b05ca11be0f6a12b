package app

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
)

// scrapers know the tokens prometheus, which may get /metrics, and mallory.
type scrapers struct{}

func (scrapers) Authenticate(_ context.Context, token string) (approvals.Identity, error) {
	switch token {
	case "prometheus", "mallory", "unlucky":
		return approvals.Identity{Name: token}, nil
	case "down":
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check the bearer token")
	}
	return approvals.Identity{}, approvals.Errorf(approvals.CodeUnauthenticated, "the bearer token was not accepted by the cluster")
}

func (scrapers) MayGet(_ context.Context, id approvals.Identity, path string) (bool, error) {
	if id.Name == "unlucky" {
		return false, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check your rights")
	}
	return id.Name == "prometheus" && path == "/metrics", nil
}

// TestScraped: metrics are for those whom RBAC lets read them.
func TestScraped(t *testing.T) {
	t.Parallel()
	const text = "countersign_approvals_pending 3"
	h := scraped(logr.Discard(), scrapers{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	for name, c := range map[string]struct {
		method, path, authorization string
		status                      int
		want                        string
	}{
		"Prometheus":        {http.MethodGet, "/metrics", "Bearer prometheus", 200, text},
		"scheme by case":    {http.MethodGet, "/metrics", "bearer prometheus", 200, text},
		"another path":      {http.MethodGet, "/debug/pprof/heap", "Bearer prometheus", 403, "RBAC does not let you"},
		"no token":          {http.MethodGet, "/metrics", "", 401, "countersign-metrics-reader"},
		"an empty token":    {http.MethodGet, "/metrics", "Bearer ", 401, "countersign-metrics-reader"},
		"a password":        {http.MethodGet, "/metrics", "Basic prometheus", 401, "countersign-metrics-reader"},
		"not accepted":      {http.MethodGet, "/metrics", "Bearer nobody", 401, "not accepted"},
		"no right":          {http.MethodGet, "/metrics", "Bearer mallory", 403, "RBAC does not let you"},
		"token not checked": {http.MethodGet, "/metrics", "Bearer down", 503, "could not check"},
		"right not checked": {http.MethodGet, "/metrics", "Bearer unlucky", 503, "could not check"},
		"a POST":            {http.MethodPost, "/metrics", "Bearer prometheus", 405, "by GET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || (w.Code == 401) != (w.Header().Get("Www-Authenticate") != "") {
				t.Errorf("%d %s %v, want %d with %q", w.Code, w.Body, w.Header(), c.status, c.want)
			}
			if w.Code != 200 && strings.Contains(w.Body.String(), text) {
				t.Error("it has the metrics")
			}
		})
	}
}

// TestMetricsAreServed: what is registered, by TLS, and to those alone who may read it; and
// probes beside them, in the clear.
func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "countersign_test_total", Help: "x"})
	reg.MustRegister(c)
	h := metricsHandler(logr.Discard(), scrapers{}, reg)
	for token, want := range map[string]int{"prometheus": 200, "mallory": 403, "": 401} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || (want == 200) != strings.Contains(w.Body.String(), "countersign_test_total 0") {
			t.Errorf("%q: %d %s", token, w.Code, w.Body)
		}
	}
	if secure := metricsTLS(nil); secure.MinVersion < tls.VersionTLS12 {
		t.Error("metrics are served by an old TLS")
	}
}
