package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/internal/kube/servingcert"
	"github.com/countersign-dev/countersign/internal/version"
)

// leader writes the version that leads on the ClusterInterceptor, where a command line looks for
// it. The replicas of two versions would overwrite each other.
type leader struct {
	certs   *servingcert.Manager
	version string
	log     *slog.Logger
}

// Start implements manager.Runnable. It runs in the leader alone.
func (l *leader) Start(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := l.certs.Stamp(ctx, version.Annotation, l.version); err != nil && ctx.Err() == nil {
			l.log.Warn("version not written to the ClusterInterceptor", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
