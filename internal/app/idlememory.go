package app

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// idleMemory gives memory back to the system while little happens. What waits, waits for days, and the room
// that Go's collector leaves for work to come (as much again as is in use) is the system's
// meanwhile. When work comes it is there again: the next collection is due after as much of it as
// without this.
type idleMemory struct {
	every time.Duration
	free  func()
}

const (
	idleEvery = time.Minute
	// idleAllocates is what a few decisions a second allocate: each about a megabyte. Ten thousand that
	// wait, and are looked at now and then, allocate less.
	idleAllocates = 256 << 20
	// worthFreeing is what a collection, some 50 ms of processor time at most, is for.
	worthFreeing = 8 << 20
)

func newIdleMemory() *idleMemory { return &idleMemory{every: idleEvery, free: debug.FreeOSMemory} }

// Start implements manager.Runnable.
func (m *idleMemory) Start(ctx context.Context) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for last := readMemory(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := readMemory()
		if now.idleSince(last) {
			m.free()
		}
		last = now
	}
}

// NeedLeaderElection makes it run in each replica.
func (m *idleMemory) NeedLeaderElection() bool { return false }

// memory is what the runtime says of the heap, in bytes.
type memory struct {
	allocated uint64 // ever
	spare     uint64 // more than was live after the last collection, and not given back
}

func readMemory() memory {
	s := []runtimemetrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	runtimemetrics.Read(s)
	live, held := s[1].Value.Uint64(), s[2].Value.Uint64()+s[3].Value.Uint64()+s[4].Value.Uint64()
	return memory{allocated: s[0].Value.Uint64(), spare: max(held, live) - live}
}

func (m memory) idleSince(last memory) bool {
	return m.allocated-last.allocated < idleAllocates && m.spare >= worthFreeing
}
