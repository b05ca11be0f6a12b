package app

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// spareMemory gives memory back to the system. What waits, waits for days, and the room that Go's collector leaves
// for work to come (as much again as is in use) is the system's meanwhile. It is taken again when work comes.
type spareMemory struct {
	every time.Duration
	read  func() uint64
	free  func()
}

const (
	// spareEvery makes that rare: a collection takes some 60 ms of processor time with ten thousand that wait.
	spareEvery = time.Minute
	// worthFreeing is what it is for, in bytes.
	worthFreeing = 8 << 20
)

func newSpareMemory() *spareMemory {
	return &spareMemory{every: spareEvery, read: spare, free: debug.FreeOSMemory}
}

// Start implements manager.Runnable.
func (m *spareMemory) Start(ctx context.Context) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if m.read() >= worthFreeing {
				m.free()
			}
		}
	}
}

// NeedLeaderElection makes it run in each replica.
func (m *spareMemory) NeedLeaderElection() bool { return false }

// spare is what of the heap was not in use after the last collection and was not given back, in bytes.
func spare() uint64 {
	s := heapSamples()
	live, held := s[0].Value.Uint64(), s[1].Value.Uint64()+s[2].Value.Uint64()+s[3].Value.Uint64()
	return max(held, live) - live
}

// heapSamples are what was live after the last collection, and what the heap consists of.
func heapSamples() []runtimemetrics.Sample {
	s := []runtimemetrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	runtimemetrics.Read(s)
	return s
}
