package app

import (
	"context"
	"sync"
)

// changes tells anyone who listens that some Approval has changed, not which: a full
// channel means that its owner will look anyway, so nothing waits and nothing is kept.
type changes struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
	over      bool
}

func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.listeners {
		select {
		case l <- struct{}{}:
		default:
		}
	}
}

// Changes returns a channel that has something when there was a change, and is
// closed when the process stops; stop ends it.
func (c *changes) Changes() (<-chan struct{}, func()) {
	l := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		close(l)
		return l, func() {}
	}
	if c.listeners == nil {
		c.listeners = map[chan struct{}]bool{}
	}
	c.listeners[l] = true
	return l, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listeners, l)
	}
}

// Start implements manager.Runnable: it ends the pages' streams with the process,
// which would wait for them otherwise.
func (c *changes) Start(ctx context.Context) error {
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for l := range c.listeners {
		close(l)
	}
	clear(c.listeners)
	return nil
}

// NeedLeaderElection is false: every replica serves pages.
func (c *changes) NeedLeaderElection() bool { return false }
