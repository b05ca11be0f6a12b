package app

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back when there is some, in turns, and until the process ends.
func TestSpareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed, left := 0, []uint64{100 << 20, 1 << 20, 0, 20 << 20}
		m := &spareMemory{every: time.Minute, free: func() { freed++ }, read: func() uint64 {
			next := left[0]
			left = left[1:]
			return next
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Start(ctx) }()
		time.Sleep(4*time.Minute + time.Second)
		cancel()
		if err := <-done; err != nil || freed != 2 || len(left) != 0 {
			t.Errorf("%v; freed %d times, %d not looked at", err, freed, len(left))
		}
	})
}

// What the runtime says is read by names that it has.
func TestSpare(t *testing.T) {
	b := make([]byte, 32<<20)
	if got := spare(); got < 16<<20 {
		t.Errorf("32 MiB were allocated since the last collection, and %d bytes are spare", got)
	}
	runtime.KeepAlive(b)
}
