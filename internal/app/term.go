package app

import (
	"context"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// lead sets up and runs the leader's background work for one term. A controller starts once,
// so each term has new ones; what they reconcile with is the process's.
func (c *core) lead(ctx context.Context, background []setup, more ...manager.Runnable) error {
	t := &term{Manager: c.mgr, cache: &termCache{Cache: c.mgr.GetCache()}, work: more}
	defer t.cache.end()
	for _, s := range background {
		if err := s.SetupWithManager(t); err != nil {
			return err
		}
	}
	return t.run(ctx)
}

// term is the process's manager, as controllers see it that end before it does.
type term struct {
	manager.Manager

	cache *termCache
	work  []manager.Runnable
}

// Add implements manager.Manager.
func (t *term) Add(r manager.Runnable) error {
	t.work = append(t.work, r)
	return nil
}

// GetCache implements cluster.Cluster.
func (t *term) GetCache() cache.Cache { return t.cache }

// GetControllerOptions implements manager.Manager. Each term's controllers have the names of
// those of the one before.
func (t *term) GetControllerOptions() config.Controller {
	o := t.Manager.GetControllerOptions()
	o.SkipNameValidation = new(true)
	return o
}

// run runs all of it until ctx ends, or one of them fails, and returns when all have ended.
func (t *term) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	for _, r := range t.work {
		wg.Go(func() {
			if err := r.Start(ctx); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && err != ctx.Err() { //nolint:errorlint // the very one
		return err
	}
	return nil
}

// termCache takes its controllers' handlers off the informers, which go on without them.
type termCache struct {
	cache.Cache

	mu   sync.Mutex
	over bool
	off  []func()
}

// GetInformer implements cache.Informers.
func (c *termCache) GetInformer(ctx context.Context, o client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	i, err := c.Cache.GetInformer(ctx, o, opts...)
	if err != nil {
		return nil, err
	}
	return &termInformer{i, c}, nil
}

func (c *termCache) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, off := range c.off {
		off()
	}
	c.off = nil
}

type termInformer struct {
	cache.Informer

	of *termCache
}

// AddEventHandlerWithOptions implements cache.Informer.
func (i *termInformer) AddEventHandlerWithOptions(h toolscache.ResourceEventHandler, o toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	r, err := i.Informer.AddEventHandlerWithOptions(h, o)
	if err != nil {
		return r, err
	}
	off := func() { _ = i.RemoveEventHandler(r) } // an informer that has stopped has none
	i.of.mu.Lock()
	defer i.of.mu.Unlock()
	if i.of.over {
		off()
		return r, nil
	}
	i.of.off = append(i.of.off, off)
	return r, nil
}
