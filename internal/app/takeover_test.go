package app

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What a connection to a replica comes to.
var (
	errTakes   error // it is taken
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errNoRoute = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
)

// port fakes a replica's address: it answers connections with err, nil for one that is taken.
type port struct{ err atomic.Pointer[error] }

func (p *port) set(err error) { p.err.Store(&err) }

func (p *port) dial(context.Context, string) error { return *p.err.Load() }

// TestTakeover: the lease of a process that is dead is taken at once, and of one that only does
// not answer, or lives behind a firewall that refuses, when it is over.
func TestTakeover(t *testing.T) {
	t.Parallel()
	soon := 2*knockEvery + 3*retryPeriod
	for name, c := range map[string]struct {
		before, then error // what the leader's address answers
		within       time.Duration
		after        time.Duration
		takesOver    bool // what it had decided is released before another leads
	}{
		"killed":                       {errTakes, errRefused, soon, 0, true},
		"cut off, or its node is dead": {errTakes, errNoRoute, leaseDuration + 5*retryPeriod, leaseDuration - 2*retryPeriod, false},
		"paused":                       {errTakes, errTakes, leaseDuration + 5*retryPeriod, leaseDuration - 2*retryPeriod, false},
		"a port that never answered":   {errRefused, errRefused, leaseDuration + 5*retryPeriod, leaseDuration - 2*retryPeriod, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, way := &lease{}, &port{}
				way.set(c.before)
				a, b := newReplica(l, "a_10.0.0.1:8081"), newReplica(l, "b_10.0.0.2:8081")
				a.dial, b.dial = way.dial, way.dial
				var tookOver time.Time
				b.refusal = func(context.Context) {
					if tookOver.IsZero() {
						tookOver = time.Now()
					}
				}
				actx, kill := context.WithCancel(t.Context())
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 2)
				go func() { ended <- a.Start(actx) }()
				time.Sleep(time.Second)
				go func() { ended <- b.Start(ctx) }()
				time.Sleep(time.Minute)
				if b.leads.Load() {
					t.Fatal("the other one leads before anything happened")
				}
				gone := func() error { return errors.New("killed") }
				a.fault.Store(&gone)
				kill()
				way.set(c.then)
				killed, waited := time.Now(), time.Duration(0)
				for ; !b.leads.Load() && waited < time.Minute; waited += 100 * time.Millisecond {
					time.Sleep(100 * time.Millisecond)
				}
				if waited > c.within || waited < c.after {
					t.Errorf("the other one leads after %s, want %s to %s", waited, c.after, c.within)
				}
				stop()
				for range 2 {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
				if tookOver.IsZero() == c.takesOver || c.takesOver && tookOver.Sub(killed) > knockEvery {
					t.Errorf("decisions were taken over at %s after %s, want %t, and at the first refusal", tookOver, killed, c.takesOver)
				}
			})
		})
	}
}

// TestNoTakeover: who renews its lease lives, whatever its address answers.
func TestNoTakeover(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(n int) error{
		"refused from some time on": func(n int) error {
			if n < 20 {
				return nil
			}
			return errRefused
		},
		"refused now and then": func(n int) error {
			if n%2 == 0 {
				return nil
			}
			return errRefused
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, n := &lease{}, 0
				a, b := newReplica(l, "a_10.0.0.1:8081"), newReplica(l, "b_10.0.0.2:8081")
				a.dial = func(context.Context, string) error { return nil }
				b.dial = func(context.Context, string) error { n++; return answer(n) }
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 2)
				go func() { ended <- a.Start(ctx) }()
				time.Sleep(time.Second)
				go func() { ended <- b.Start(ctx) }()
				time.Sleep(5 * time.Minute)
				if a.terms.Load() != 1 || b.terms.Load() != 0 {
					t.Errorf("%d and %d terms in five minutes, want one alone of the first", a.terms.Load(), b.terms.Load())
				}
				stop()
				for range 2 {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestConnect: what the kernel says of a port where somebody listens, and of one where nobody
// does any more.
func TestConnect(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := connect(t.Context(), address); err != nil {
		t.Errorf("somebody listens, and nobody takes connections yet: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := connect(t.Context(), address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens any more: %v, want that it is refused", err)
	}
}

// TestIdentity: a process says where it can be asked, if it can.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"x":                      {Pod: "x", HealthAddress: ":8081"},
		"y":                      {Pod: "y", PodAddress: "10.0.0.1", HealthAddress: "0"},
		"z_10.0.0.1:8081":        {Pod: "z", PodAddress: "10.0.0.1", HealthAddress: ":8081"},
		"six_[2001:db8::1]:8081": {Pod: "six", PodAddress: "2001:db8::1", HealthAddress: "0.0.0.0:8081"},
	} {
		if got := identityOf(o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
