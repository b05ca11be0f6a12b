package app

import (
	"context"
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// spareMemory keeps what Go's collector leaves for work to come small, and gives it back to the system when none comes.
// Go doubles the heap before it collects: of a service in which ten thousand Approvals wait for days, half would be
// such room.
type spareMemory struct {
	heap   func() heap
	settle func(percent int) // how much the heap may grow until the next collection
	free   func()
}

// heap is in bytes.
type heap struct {
	live uint64 // after the last collection
	held uint64 // from the system
}

const (
	// settleEvery is the interval at which the room is adapted to what is live, and freeEvery the number of
	// those after which spare memory is given back. That is rare: the collection which it takes costs some 60 ms of
	// processor time with ten thousand that wait.
	settleEvery = 5 * time.Second
	freeEvery   = 12
	// worthFreeing is what it is for, in bytes.
	worthFreeing = 8 << 20
	// maxRoom is what the heap may grow by, in bytes, unless a third of what is live is more: collections would come
	// too often.
	maxRoom = 24 << 20
)

// newSpareMemory leaves $GOGC to anyone who has set it.
func newSpareMemory() *spareMemory {
	m := &spareMemory{heap: readHeap, settle: func(percent int) { debug.SetGCPercent(percent) }, free: debug.FreeOSMemory}
	if os.Getenv("GOGC") != "" {
		m.settle = func(int) {}
	}
	return m
}

// Start implements manager.Runnable.
func (m *spareMemory) Start(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	last := roomFor(0)
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		h := m.heap()
		// Setting it stops the process for a moment, so small changes are left.
		if percent := roomFor(h.live); percent < last-5 || percent > last+5 {
			m.settle(percent)
			last = percent
		}
		if n%freeEvery == 0 && h.held >= h.live+worthFreeing {
			m.free()
		}
	}
}

// NeedLeaderElection makes it run in each replica.
func (m *spareMemory) NeedLeaderElection() bool { return false }

// roomFor returns by how many percent a heap of this size may grow: Go's own 100 of a small one.
func roomFor(live uint64) int {
	if live <= maxRoom {
		return 100
	}
	return int(100 * max(maxRoom, live/3) / live) //nolint:gosec // it is at most 100
}

func readHeap() heap {
	s := heapSamples()
	return heap{live: s[0].Value.Uint64(), held: s[1].Value.Uint64() + s[2].Value.Uint64() + s[3].Value.Uint64()}
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
