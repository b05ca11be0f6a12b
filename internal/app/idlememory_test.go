package app

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back when nothing happened for a while and there is some, and at no other time.
func TestIdleMemory(t *testing.T) {
	t.Parallel()
	before := memory{allocated: 1 << 30, spare: 100 << 20}
	for name, c := range map[string]struct {
		now  memory
		want bool
	}{
		"idle, with room":    {memory{1<<30 + 1<<20, 30 << 20}, true},
		"idle, without room": {memory{1<<30 + 1<<20, 2 << 20}, false},
		"at work":            {memory{1<<30 + 300<<20, 30 << 20}, false},
	} {
		if got := c.now.idleSince(before); got != c.want {
			t.Errorf("%s: gives back: %t", name, got)
		}
	}
}

// What the runtime says is read by names that it has.
func TestReadMemory(t *testing.T) {
	before := readMemory()
	b := make([]byte, 32<<20)
	now := readMemory()
	runtime.KeepAlive(b)
	if now.allocated-before.allocated < 32<<20 || now.spare < 16<<20 {
		t.Errorf("32 MiB were allocated, and %+v became %+v", before, now)
	}
}

func TestIdleMemoryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed atomic.Int32
		m := &idleMemory{every: time.Minute, free: func() { freed.Add(1) }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Start(ctx) }()
		time.Sleep(10*time.Minute + time.Second)
		cancel()
		if err := <-done; err != nil || freed.Load() > 10 {
			t.Errorf("%v, freed %d times in 10 minutes", err, freed.Load())
		}
	})
}
