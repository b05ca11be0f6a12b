package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/countersign-dev/countersign/internal/intake"
)

// probed is a manager that answers probes within limits. Its own server has none: anyone who
// reaches the port could leave connections open until there is no memory for more.
type probed struct {
	manager.Manager
	alive, ready *healthz.Handler
}

// withProbes is mgr with /healthz and /readyz at o.HealthAddress, "0" for nowhere. Checks are added
// before it starts.
func withProbes(ctx context.Context, mgr manager.Manager, o Options) (manager.Manager, error) {
	p := &probed{mgr, &healthz.Handler{Checks: map[string]healthz.Checker{}}, &healthz.Handler{Checks: map[string]healthz.Checker{}}}
	mux := http.NewServeMux()
	for path, h := range map[string]http.Handler{"/healthz": p.alive, "/readyz": p.ready} {
		mux.Handle(path, http.StripPrefix(path, h))
		mux.Handle(path+"/", http.StripPrefix(path, h))
	}
	return p, early(ctx, mgr, "health", o.HealthAddress, mux, nil, probesIntake(o.Now), o.Log)
}

// AddHealthzCheck implements manager.Manager.
func (p *probed) AddHealthzCheck(name string, check healthz.Checker) error {
	p.alive.Checks[name] = check
	return nil
}

// AddReadyzCheck implements manager.Manager.
func (p *probed) AddReadyzCheck(name string, check healthz.Checker) error {
	p.ready.Checks[name] = check
	return nil
}

// early has mgr serve h before anything else of it starts, and until all of it has stopped.
func early(ctx context.Context, mgr manager.Manager, name, address string, h http.Handler, secure *tls.Config, bound *intake.Guard, log *slog.Logger) error {
	if address == "0" {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l = bound.Listener(l)
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	return mgr.Add(&manager.Server{Name: name, Listener: l, ShutdownTimeout: new(time.Second), Server: &http.Server{
		Handler: bound.Handler(h), ConnContext: intake.ConnContext, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // handshakes of port scans
	}})
}
