package intake

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// errFull means that the bytes did not become free in time, or were given to others.
var errFull = errors.New("no memory for the body became free in time")

// budget is the memory that bodies may have. No more than total is ever reserved. Of those
// that wait for some, the one whose source would have least is next: small ones go first. Meanwhile slow senders are
// cut, and then the oldest of the source that has most, if that is more than the one that
// waits would have: so a source can't keep others from a share as large as its own.
type budget struct {
	total int64
	clock func() time.Time

	mu       sync.Mutex
	used     int64 // never more than total
	unproved int64 // of used, what is not of those that were proved
	leaving  int64 // of used, what those have that are being cut
	by       map[netip.Addr]int64
	reading  map[*body]struct{}
	waiting  []*wanted // the first has waited longest
}

func newBudget(total int64, clock func() time.Time) *budget {
	return &budget{total: total, clock: clock, by: map[netip.Addr]int64{}, reading: map[*body]struct{}{}}
}

type body struct {
	source  netip.Addr
	proved  bool
	started time.Time
	last    time.Time // when bytes came
	pace    pace      // by which its reading can be ended
	size    int64     // reserved
	got     int64     // read
	cut     bool      // its reading was ended for others
}

// pace is an http.ResponseController.
type pace interface {
	SetReadDeadline(at time.Time) error
}

// wanted is a body that waits for bytes of the budget.
type wanted struct {
	*body
	n     int64
	given chan struct{} // closed when it has it
}

// slow reports whether b may be cut for anybody: it is below the least rate, has stopped, or
// takes long, however much of it came at first. All of one address, behind a proxy say, would
// else wait for somebody's last byte.
func (b *body) slow(now time.Time) bool {
	age := now.Sub(b.started)
	return age > slowAfter && (b.got < int64(age.Seconds()*leastRate) || now.Sub(b.last) > slowAfter || age > longAfter)
}

// read is told of bytes that have come.
func (g *budget) read(b *body, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.got += int64(n)
	b.last = g.clock()
}

// whole ends the reading of b, which has n bytes: the rest of what it reserved is given back. It is
// false for one that was cut.
func (g *budget) whole(b *body, n int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.reading, b)
	g.back(b, b.size-n)
	return !b.cut
}

// leave gives back all that b has.
func (g *budget) leave(b *body) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.reading, b)
	g.back(b, b.size)
}

func (g *budget) back(b *body, n int64) {
	g.used -= n
	if !b.proved {
		g.unproved -= n
	}
	if b.cut {
		g.leaving -= n
	}
	if g.by[b.source] -= n; g.by[b.source] == 0 {
		delete(g.by, b.source)
	}
	b.size -= n
	g.give()
}

// take reserves n bytes for b, of which nothing is read before, and waits for them as long as that, and
// until ctx ends. A body has all that it may need from the start: two that wait for more while they
// have some would wait for each other.
func (g *budget) take(ctx context.Context, within time.Duration, b *body, n int64) error {
	g.mu.Lock()
	if _, fits := g.fits(b, n); fits && len(g.waiting) == 0 {
		g.reserve(b, n, g.clock())
		g.mu.Unlock()
		return nil // without a timer, as in turns
	}
	w := &wanted{b, n, make(chan struct{})}
	g.waiting = append(g.waiting, w)
	g.give()
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	look := time.NewTicker(slowAfter) // somebody may have become slow
	defer look.Stop()
	for {
		select {
		case <-w.given:
			return nil
		case <-look.C:
			g.mu.Lock()
			g.give()
			g.mu.Unlock()
			continue
		case <-ctx.Done():
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		i := slices.Index(g.waiting, w)
		if i < 0 {
			return nil // it was given just now
		}
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.give() // those behind it may want less
		return errFull
	}
}

// fits reports whether n bytes are free, when those that are being cut give back what they
// have, and without them.
func (g *budget) fits(b *body, n int64) (soon, now bool) {
	room, rest := g.total-g.used, open(g.total)-g.unproved
	now = n <= room && (b.proved || n <= rest)
	soon = n <= room+g.leaving && (b.proved || n <= rest+g.leaving)
	return soon, now
}

// give serves those that wait. One that does not fit yet is waited for, so that small
// bodies do not keep large ones out; only who was proved goes past who was not.
func (g *budget) give() {
	now, provedOnly := g.clock(), false
	for {
		var next *wanted
		for _, w := range g.waiting {
			if provedOnly && !w.proved {
				continue
			}
			if next == nil || g.by[w.source]+w.n < g.by[next.source]+next.n {
				next = w
			}
		}
		if next == nil {
			return
		}
		if soon, fits := g.fits(next.body, next.n); !fits {
			for !soon && g.cutFor(next, now) {
				soon, _ = g.fits(next.body, next.n)
			}
			if next.proved || provedOnly {
				return
			}
			provedOnly = true
			continue
		}
		g.waiting = slices.DeleteFunc(g.waiting, func(w *wanted) bool { return w == next })
		g.reserve(next.body, next.n, now)
		close(next.given)
	}
}

// reserve gives n bytes, which are free, to b.
func (g *budget) reserve(b *body, n int64, now time.Time) {
	b.size += n
	g.used += n
	if !b.proved {
		g.unproved += n
	}
	g.by[b.source] += n
	b.started, b.last = now, now // it could not send while it waited
	g.reading[b] = struct{}{}
}

// cutFor ends one reading in favour of w, and reports whether there was one to end: a slow one, or
// one of a source that has more than w's would, and a proved one only for a proved w.
func (g *budget) cutFor(w *wanted, now time.Time) bool {
	var victim *body
	for r := range g.reading {
		if r.cut || r.proved && !w.proved {
			continue
		}
		// More than w's source would have, so that two can't cut each other in turn.
		if !r.slow(now) && g.by[r.source] <= g.by[w.source]+w.n {
			continue
		}
		if victim == nil || g.before(r, victim, now) {
			victim = r
		}
	}
	if victim == nil {
		return false
	}
	victim.cut = true
	g.leaving += victim.size
	_ = victim.pace.SetReadDeadline(past) // fails only where nothing could be read either
	return true
}

// before orders victims: slow ones, then those of the source that has most, then the oldest.
func (g *budget) before(x, y *body, now time.Time) bool {
	if s := x.slow(now); s != y.slow(now) {
		return s
	}
	if d := g.by[x.source] - g.by[y.source]; d != 0 {
		return d > 0
	}
	return x.started.Before(y.started)
}
