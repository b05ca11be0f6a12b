package app

import (
	"context"
	runtimemetrics "runtime/metrics"
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
func TestHeapSamples(t *testing.T) {
	t.Parallel()
	for _, s := range heapSamples() {
		if s.Value.Kind() != runtimemetrics.KindUint64 {
			t.Errorf("this Go has no %s", s.Name)
		}
	}
}
