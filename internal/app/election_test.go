package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// lease fakes the one object that replicas compete for.
type lease struct {
	mu     sync.Mutex
	record *resourcelock.LeaderElectionRecord
}

// leaseOf is one replica's way to it.
type leaseOf struct {
	*lease

	id    string
	fails func() error
}

func (l *leaseOf) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if err := l.fails(); err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.record == nil {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, leaseName)
	}
	r := *l.record
	raw, err := json.Marshal(r)
	return &r, raw, err
}

func (l *leaseOf) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	if err := l.fails(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = &r
	return nil
}

func (l *leaseOf) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, r)
}
func (l *leaseOf) RecordEvent(string) {}
func (l *leaseOf) Identity() string   { return l.id }
func (l *leaseOf) Describe() string   { return l.id }

// replica leads when it may, and says until when it does.
type replica struct {
	election

	leads atomic.Bool
	terms atomic.Int32
	fault atomic.Pointer[func() error]
}

func newReplica(l *lease, id string) *replica {
	r := &replica{}
	r.lock = &leaseOf{l, id, func() error {
		if f := r.fault.Load(); f != nil {
			return (*f)()
		}
		return nil
	}}
	r.log = slog.New(slog.DiscardHandler)
	r.refusal = func(context.Context) {}
	r.lead = func(ctx context.Context) error {
		r.leads.Store(true)
		r.terms.Add(1)
		<-ctx.Done()
		r.leads.Store(false)
		return nil
	}
	return r
}

// TestElection: a replica that loses the lease stops leading before another begins, goes on
// as a process, and leads again when it may. One that ends gives the lease up.
func TestElection(t *testing.T) {
	t.Parallel()
	hang := func() error { time.Sleep(time.Minute); return errors.New("paused") }
	for name, fault := range map[string]func() error{
		"the API server is out of reach": func() error { return errors.New("dial tcp: connection refused") },
		"its calls hang":                 hang, // or the process is paused with one under way
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared := &lease{}
				a, b := newReplica(shared, "a"), newReplica(shared, "b")
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 2)
				go func() { ended <- a.Start(ctx) }()
				time.Sleep(time.Second)
				bctx, stopB := context.WithCancel(ctx)
				go func() { ended <- b.Start(bctx) }()
				time.Sleep(time.Minute)
				if !a.leads.Load() || b.leads.Load() {
					t.Fatal("not the first one alone leads")
				}
				a.fault.Store(&fault)
				for range (leaseDuration + 5*retryPeriod) / (100 * time.Millisecond) {
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
					if a.leads.Load() && b.leads.Load() {
						t.Fatal("two lead at once")
					}
				}
				if a.leads.Load() || !b.leads.Load() {
					t.Fatal("the other one does not lead")
				}
				a.fault.Store(nil)
				time.Sleep(3 * time.Minute)
				if a.leads.Load() || b.terms.Load() != 1 {
					t.Error("the old leader took the lease back")
				}
				stopB()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				time.Sleep(3 * retryPeriod) // less than a lease that has to run out
				if !a.leads.Load() || a.terms.Load() != 2 {
					t.Error("the lease of a replica that ended was not given up, or the other process does not lead again")
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if shared.record.HolderIdentity != "" {
					t.Errorf("the lease is still held by %q", shared.record.HolderIdentity)
				}
			})
		})
	}
}

// TestKilledLeader: nobody gives up the lease of a leader that was killed.
func TestKilledLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &lease{}
		a, b := newReplica(shared, "a"), newReplica(shared, "b")
		actx, kill := context.WithCancel(t.Context())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- a.Start(actx) }()
		time.Sleep(time.Second)
		go func() { ended <- b.Start(ctx) }()
		time.Sleep(10 * time.Second)
		gone := func() error { return errors.New("killed") }
		a.fault.Store(&gone)
		kill()
		waited := time.Duration(0)
		for ; !b.leads.Load() && waited < time.Minute; waited += 100 * time.Millisecond {
			time.Sleep(100 * time.Millisecond)
		}
		if most := leaseDuration + 5*retryPeriod; waited > most { // client-go spreads its tries
			t.Errorf("the other one leads after %s, want %s at most", waited, most)
		}
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestLeadFails: what can't begin is tried again, and does not end the process.
func TestLeadFails(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]resourcelock.Interface{"elected": &leaseOf{&lease{}, "a", func() error { return nil }}, "alone": nil} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			e := election{lock: lock, log: slog.New(slog.DiscardHandler), lead: func(ctx context.Context) error {
				if tries++; tries < 3 {
					return errors.New("no informer")
				}
				<-ctx.Done()
				return nil
			}}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- e.Start(ctx) }()
			time.Sleep(time.Minute)
			stop()
			if err := <-ended; err != nil || tries != 3 || e.NeedLeaderElection() {
				t.Errorf("%s: %v after %d tries", name, err, tries)
			}
		})
	}
}

// TestTerm: what one term began ends with it, its handlers too.
func TestTerm(t *testing.T) {
	t.Parallel()
	informer := &countedInformer{}
	c := &termCache{Cache: oneInformer{of: informer}}
	i, err := c.GetInformer(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := i.AddEventHandlerWithOptions(toolscache.ResourceEventHandlerFuncs{}, toolscache.HandlerOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c.end()
	if _, err := i.AddEventHandlerWithOptions(toolscache.ResourceEventHandlerFuncs{}, toolscache.HandlerOptions{}); err != nil {
		t.Fatal(err) // of a controller that was slow to begin
	}
	if informer.handlers != 0 {
		t.Errorf("%d handlers stay on the informer", informer.handlers)
	}
	wrong := errors.New("no such kind")
	var ended atomic.Int32
	run := func(f func(ctx context.Context) error) manager.RunnableFunc {
		return func(ctx context.Context) error { defer ended.Add(1); return f(ctx) }
	}
	waits := run(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	x := &term{}
	for _, r := range []manager.Runnable{waits, run(func(context.Context) error { return wrong }), waits} {
		if err := x.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.run(t.Context()); !errors.Is(err, wrong) || ended.Load() != 3 {
		t.Errorf("%v, %d ended", err, ended.Load())
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := (&term{work: []manager.Runnable{waits}}).run(ctx); err != nil {
		t.Errorf("a term that is over: %v", err)
	}
}

type oneInformer struct {
	cache.Cache

	of cache.Informer
}

func (c oneInformer) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return c.of, nil
}

type countedInformer struct {
	cache.Informer

	handlers int
}

func (i *countedInformer) AddEventHandlerWithOptions(toolscache.ResourceEventHandler, toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	i.handlers++
	return nil, nil
}

func (i *countedInformer) RemoveEventHandler(toolscache.ResourceEventHandlerRegistration) error {
	i.handlers--
	return nil
}
