package intake

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// turns are the places of requests that are worked on. Who waits is served by source in
// turn: a source's thousand wait behind each other.
type turns struct {
	total int

	mu       sync.Mutex
	busy     int
	unproved int // of busy
	by       map[netip.Addr]int
	order    []netip.Addr // of waiting, who is next first
	waiting  map[netip.Addr][]*turn
}

type turn struct {
	source netip.Addr
	proved bool
	come   chan struct{} // closed when its turn has come
}

func newTurns(total int) *turns {
	return &turns{total: total, by: map[netip.Addr]int{}, waiting: map[netip.Addr][]*turn{}}
}

// fits reports whether t may start now. Neither one source nor all who were not authenticated
// have everything.
func (q *turns) fits(t *turn) bool {
	most := int(open(int64(q.total)))
	return q.busy < q.total && q.by[t.source] < most && (t.proved || q.unproved < most)
}

// enter waits for t's turn for as long as that, and until ctx ends, and reports whether it has come.
// Then leave has to be called. A timer is made only for one that waits: it wakes a thread up, which
// costs more than all the rest.
func (q *turns) enter(ctx context.Context, within time.Duration, t *turn) bool {
	q.mu.Lock()
	if len(q.waiting[t.source]) == 0 && q.fits(t) {
		q.start(t)
		q.mu.Unlock()
		return true
	}
	t.come = make(chan struct{})
	if len(q.waiting[t.source]) == 0 {
		q.order = append(q.order, t.source)
	}
	q.waiting[t.source] = append(q.waiting[t.source], t)
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-t.come:
		return true
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting[t.source], t)
	if i < 0 {
		return true // it came just now
	}
	q.waiting[t.source] = slices.Delete(q.waiting[t.source], i, i+1)
	if len(q.waiting[t.source]) == 0 {
		delete(q.waiting, t.source)
		q.order = slices.DeleteFunc(q.order, func(a netip.Addr) bool { return a == t.source })
	}
	q.next() // those behind it may fit where it did not
	return false
}

func (q *turns) start(t *turn) {
	q.busy++
	q.by[t.source]++
	if !t.proved {
		q.unproved++
	}
}

func (q *turns) leave(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy--
	if !t.proved {
		q.unproved--
	}
	if q.by[t.source]--; q.by[t.source] == 0 {
		delete(q.by, t.source)
	}
	q.next()
}

// next starts those that fit, a source after the other.
func (q *turns) next() {
	for i := 0; i < len(q.order); {
		source := q.order[i]
		t := q.waiting[source][0]
		if !q.fits(t) {
			i++
			continue
		}
		q.order = slices.Delete(q.order, i, i+1)
		if q.waiting[source] = q.waiting[source][1:]; len(q.waiting[source]) == 0 {
			delete(q.waiting, source)
		} else {
			q.order = append(q.order, source)
		}
		q.start(t)
		close(t.come)
	}
}
