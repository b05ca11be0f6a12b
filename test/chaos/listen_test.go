//go:build chaos

package chaos

import (
	"context"
	"net"
	"time"
)

// listen listens where a listener of before may be going just now.
func listen(ctx context.Context, address string) (l net.Listener, err error) {
	for range 50 {
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err == nil {
			return l, nil
		}
		wait(ctx, 100*time.Millisecond)
	}
	return nil, err
}
