package app

import (
	"context"
	"fmt"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// changes tells whoever listens that some Approval has changed, not which: a full
// channel means that its owner will look anyway, so nothing waits and nothing is kept.
type changes struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
	over      bool
}

// watch makes c follow the Approvals of the cache.
func (c *changes) watch(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &v1alpha1.Approval{}, cache.BlockUntilSynced(false))
	if err == nil {
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { c.tell() }, UpdateFunc: func(any, any) { c.tell() }, DeleteFunc: func(any) { c.tell() },
		})
	}
	if err != nil {
		return fmt.Errorf("watch Approvals for the pages: %w", err)
	}
	return nil
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

// NeedLeaderElection says that every replica serves pages.
func (c *changes) NeedLeaderElection() bool { return false }
