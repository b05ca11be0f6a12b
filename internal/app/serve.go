package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/countersign-dev/countersign/internal/intake"
)

const (
	// leaveAfter is the time for which a stopping process still takes requests: it is not ready any
	// more, and those who send to it have to notice.
	leaveAfter = 2 * time.Second
	// drain bounds the time that requests then have to finish.
	drain = 10 * time.Second
)

// server is one listener as a manager.Runnable of every replica.
type server struct {
	name    string
	address string
	handler http.Handler
	tls     *tls.Config // nil: plain
	intake  *intake.Guard
	log     *slog.Logger
}

// Start serves until ctx ends.
func (s *server) Start(ctx context.Context) error {
	// HTTP/1 alone: a connection then has one request at a time, and intake counts on that.
	var one http.Protocols
	one.SetHTTP1(true)
	srv := &http.Server{
		Handler: s.intake.Handler(s.handler), TLSConfig: s.tls, Protocols: &one, ConnContext: intake.ConnContext,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // handshakes of port scans and probes
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	l = s.intake.Listener(l)
	s.log.Info("serving", "server", s.name, "address", l.Addr().String())
	done := make(chan error, 1)
	go func() {
		if s.tls != nil {
			done <- srv.ServeTLS(l, "", "")
			return
		}
		done <- srv.Serve(l)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("%s: %w", s.name, err)
	case <-ctx.Done():
	}
	time.Sleep(leaveAfter)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: stop: %w", s.name, err)
	}
	return nil
}

// NeedLeaderElection is false: every replica serves.
func (s *server) NeedLeaderElection() bool { return false }
