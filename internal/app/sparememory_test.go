package app

import (
	"context"
	runtimemetrics "runtime/metrics"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back when there is some, in turns, and until the process ends; and the larger the heap, the less it
// may grow before it is collected.
func TestSpareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed, settled := 0, []int(nil)
		var now heap
		m := &spareMemory{free: func() { freed++ }, settle: func(percent int) { settled = append(settled, percent) }, heap: func() heap { return now }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Start(ctx) }()
		time.Sleep(time.Second) // between two looks
		for _, now = range []heap{{10 << 20, 20 << 20}, {10 << 20, 11 << 20}, {48 << 20, 90 << 20}, {50 << 20, 57 << 20}, {200 << 20, 200 << 20}, {12 << 20, 200 << 20}} {
			time.Sleep(freeEvery * settleEvery)
		}
		cancel()
		if err := <-done; err != nil || freed != 3 || !slices.Equal(settled, []int{50, 33, 100}) {
			t.Errorf("%v; freed %d times, settled at %v", err, freed, settled)
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
