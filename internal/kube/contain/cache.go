package contain

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// EventReason is the reason of the Event on an object that is left alone.
const EventReason = "InternalError"

// Panics says of panics at objects.
type Panics struct {
	Log *slog.Logger
	// Count is told where: "handler", "index" or "transform".
	Count func(where string)
	// Events is where it is said on the object; nil: nowhere.
	Events events.EventRecorder
}

// NewCache makes a cache whose informers outlive whatever a handler, an index or a
// transform does at one object.
func (p *Panics) NewCache(config *rest.Config, opts cache.Options) (cache.Cache, error) {
	opts.DefaultTransform = p.transform(opts.DefaultTransform)
	by := map[client.Object]cache.ByObject{}
	for kind, o := range opts.ByObject {
		o.Transform = p.transform(o.Transform)
		by[kind] = o
	}
	opts.ByObject = by
	c, err := cache.New(config, opts)
	if err != nil {
		return nil, err
	}
	return p.Cache(c), nil
}

// Cache is c with its handlers and indexes contained.
func (p *Panics) Cache(c cache.Cache) cache.Cache { return contained{c, p} }

// recovered is to be deferred: it says of a panic at obj, and runs then.
func (p *Panics) recovered(where string, obj any, then func()) {
	r := recover()
	if r == nil {
		return
	}
	then()
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	o, ok := obj.(client.Object)
	name := "an object"
	if ok {
		name = fmt.Sprintf("%s/%s", o.GetNamespace(), o.GetName())
	}
	p.Count(where)
	p.Log.Error("an object is skipped, because the service panicked while processing it. All others are served", "where", where, "kind", fmt.Sprintf("%T", obj), "object", name,
		"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	if ok && p.Events != nil {
		p.Events.Eventf(o, nil, corev1.EventTypeWarning, EventReason, "Read", "%s", left("the "+where+" that reads it"))
	}
}

// left makes the message for people. The panic's text may contain somebody's data, and is in
// the log only.
func left(what string) string {
	return "Countersign skips this object, because " + what + " failed with an internal error. Everything else is served. " +
		"The cause is in the service's log; please report it as a bug of Countersign."
}

func (p *Panics) transform(f toolscache.TransformFunc) toolscache.TransformFunc {
	if f == nil {
		return nil
	}
	return func(obj any) (out any, err error) {
		defer p.recovered("transform", obj, func() { out, err = obj, nil })
		return f(obj)
	}
}

func (p *Panics) index(f client.IndexerFunc) client.IndexerFunc {
	return func(obj client.Object) (out []string) {
		defer p.recovered("index", obj, func() { out = nil })
		return f(obj)
	}
}

// contained is a cache of which no object ends the process.
type contained struct {
	cache.Cache
	panics *Panics
}

func (c contained) IndexField(ctx context.Context, obj client.Object, field string, f client.IndexerFunc) error {
	return c.Cache.IndexField(ctx, obj, field, c.panics.index(f))
}

func (c contained) GetInformer(ctx context.Context, obj client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	i, err := c.Cache.GetInformer(ctx, obj, opts...)
	if err != nil {
		return nil, err
	}
	return informer{i, c.panics}, nil
}

func (c contained) GetInformerForKind(ctx context.Context, gvk schema.GroupVersionKind, opts ...cache.InformerGetOption) (cache.Informer, error) {
	i, err := c.Cache.GetInformerForKind(ctx, gvk, opts...)
	if err != nil {
		return nil, err
	}
	return informer{i, c.panics}, nil
}

type informer struct {
	cache.Informer
	panics *Panics
}

func (i informer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandler(eventHandler{h, i.panics})
}

func (i informer) AddEventHandlerWithResyncPeriod(h toolscache.ResourceEventHandler, every time.Duration) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandlerWithResyncPeriod(eventHandler{h, i.panics}, every)
}

func (i informer) AddEventHandlerWithOptions(h toolscache.ResourceEventHandler, opts toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandlerWithOptions(eventHandler{h, i.panics}, opts)
}

// eventHandler has the predicates and the mapping of a controller in it, too.
type eventHandler struct {
	next   toolscache.ResourceEventHandler
	panics *Panics
}

func (h eventHandler) OnAdd(obj any, first bool) {
	defer h.panics.recovered("handler", obj, func() {})
	h.next.OnAdd(obj, first)
}

func (h eventHandler) OnUpdate(before, obj any) {
	defer h.panics.recovered("handler", obj, func() {})
	h.next.OnUpdate(before, obj)
}

func (h eventHandler) OnDelete(obj any) {
	defer h.panics.recovered("handler", obj, func() {})
	h.next.OnDelete(obj)
}
