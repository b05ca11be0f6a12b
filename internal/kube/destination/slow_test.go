package destination

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// hanging is a way out on which connections hang while it is set, and are refused while it is not.
type hanging struct {
	hangs  atomic.Bool
	dialed atomic.Int64
}

func (h *hanging) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	h.dialed.Add(1)
	if !h.hangs.Load() {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// A destination that hangs has as many waiting for it as came before that was known, and then
// one at a time, more and more seldom; the others are told at once, and so is who looks
// whether it can be reached. Once it answers all is as before.
func TestSilentDestination(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, out := hooks(t, false), &hanging{}
		c := &Client{Dial: out.dial}
		defer c.Close()
		post := func() error {
			_, err := c.Post(t.Context(), d, "/", http.Header{}, nil)
			return err
		}
		silent := func(err error) bool {
			return approvals.CodeOf(err) == approvals.CodeUnavailable && errors.Is(err, errSilent)
		}
		out.hangs.Store(true)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := post(); silent(err) {
					t.Errorf("before anything was known: %v", err)
				}
			})
		}
		wg.Wait()
		if n := out.dialed.Load(); n != 16 {
			t.Fatalf("%d of 16 were tried", n)
		}
		start := time.Now()
		for range 1000 {
			if err := post(); !silent(err) {
				t.Fatalf("known to hang: %v", err)
			}
		}
		if err := c.Reach(t.Context(), d); !silent(err) {
			t.Errorf("reach: %v", err)
		}
		if out.dialed.Load() != 16 || time.Since(start) != 0 {
			t.Errorf("%d tried more, in %s", out.dialed.Load()-16, time.Since(start))
		}
		// A hundred want to, each second, for ten minutes: one at a time may.
		for range 600 {
			time.Sleep(time.Second)
			for range 100 {
				go func() { _ = post() }()
			}
			synctest.Wait()
		}
		if n := out.dialed.Load() - 16; n < 10 || n > 20 {
			t.Errorf("%d tries in ten minutes", n)
		}
		out.hangs.Store(false)
		time.Sleep(time.Minute)
		if err := post(); silent(err) || err == nil {
			t.Errorf("the one that finds out: %v", err)
		}
		before := out.dialed.Load()
		for range 10 {
			if err := post(); silent(err) {
				t.Errorf("it costs no time any more: %v", err)
			}
		}
		if out.dialed.Load() != before+10 {
			t.Errorf("%d of 10 were tried", out.dialed.Load()-before)
		}
	})
}

// A process that is stopped while a post is under way has learnt nothing of the destination.
func TestStoppedWhilePosting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, out := hooks(t, false), &hanging{}
		out.hangs.Store(true)
		c := &Client{Dial: out.dial}
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = c.Post(ctx, d, "/", http.Header{}, nil) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if c.slow.silent(d) {
			t.Error("it counts as silent")
		}
	})
}

func TestTimedOut(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		os.ErrDeadlineExceeded: true, context.DeadlineExceeded: true, context.Canceled: false, syscall.ECONNREFUSED: false, answered(503): false, nil: false,
	} {
		if timedOut(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

// What is remembered is bounded.
func TestSlowIsBounded(t *testing.T) {
	t.Parallel()
	var s slow
	for i := range 3 * maxSlow {
		d := hooks(t, false)
		d.listener = strings.Repeat("x", 1+i%50)
		d.namespace = string(rune('a' + i))
		leave, ok := s.enter(d, time.Now())
		if !ok {
			t.Fatal("refused")
		}
		leave(context.DeadlineExceeded, time.Now())
	}
	if len(s.m) > maxSlow {
		t.Errorf("%d are remembered", len(s.m))
	}
}
