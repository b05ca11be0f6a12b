package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// TestProbes: both say how it is, while somebody leaves a thousand connections open.
func TestProbes(t *testing.T) {
	t.Parallel()
	mgr, err := manager.New(&rest.Config{Host: "http://127.0.0.1:1"}, manager.Options{
		HealthProbeBindAddress: "0", Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	p, err := withProbes(t.Context(), mgr, Options{HealthAddress: address, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	notYet := errors.New("not yet")
	if err := errors.Join(
		p.AddHealthzCheck("alive", func(*http.Request) error { return nil }),
		p.AddReadyzCheck("caches", func(*http.Request) error { return notYet }),
	); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Start(t.Context()) }()
	for range 1000 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for path, want := range map[string]int{"/healthz": 200, "/healthz/alive": 200, "/readyz": 500, "/readyz/caches": 500, "/metrics": 404, "/": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if resp.Body.Close(); resp.StatusCode != want || err != nil {
			t.Errorf("%s: %s, want %d", path, fmt.Sprint(resp.StatusCode, string(b), err), want)
		}
	}
}
