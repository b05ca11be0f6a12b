package intake

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func sourceOf(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

// TestBudget: whatever many want at once, there is never more than there is, who leaves
// gives all of it back, and nobody waits for ever.
func TestBudget(t *testing.T) {
	t.Parallel()
	g := newBudget(1000, time.Now)
	check := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		var sum int64
		for _, n := range g.by {
			sum += n
		}
		if g.used > g.total || g.used != sum || g.unproved > open(g.total) || g.leaving < 0 || g.leaving > g.used {
			t.Errorf("used %d of %d, of which unproved %d and leaving %d; by source %d", g.used, g.total, g.unproved, g.leaving, sum)
		}
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(20))*time.Millisecond)
				b := &body{source: sourceOf(r.IntN(5)), proved: r.IntN(4) == 0, started: time.Now(), pace: ended(func() {})}
				if g.take(ctx, time.Minute, b, 1+r.Int64N(700)) == nil {
					check()
					g.read(b, r.IntN(100))
					g.whole(b, r.Int64N(b.size+1))
					check()
				}
				g.leave(b)
				cancel()
				check()
			}
		})
	}
	all.Wait()
	if g.used != 0 || g.unproved != 0 || g.leaving != 0 || len(g.by) != 0 || len(g.reading) != 0 || len(g.waiting) != 0 {
		t.Errorf("left: %+v", g)
	}
}

// TestWhoIsCut: the slow before the others, and of the others those of a source that has
// more than who wants would have; never one of those that are proved for one who is not.
func TestWhoIsCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reading bodies
		wants   *body
		cut     string
	}{
		"the oldest of who has most": {bodies{"a": reader(1, 250, 2), "b": reader(1, 250, 3), "c": reader(2, 200, 4)}, reader(3, 0, 0), "b"},
		"the slow one first":         {bodies{"a": reader(1, 500, 2), "c": slowly(reader(2, 100, 4))}, reader(3, 0, 0), "c"},
		"its own source has most":    {bodies{"a": reader(3, 500, 2), "c": reader(2, 150, 4)}, reader(3, 0, 0), ""},
		"its own source, slow":       {bodies{"a": slowly(reader(3, 500, 2)), "c": reader(2, 150, 4)}, reader(3, 0, 0), "a"},
		"its own source, stopped":    {bodies{"a": stopped(reader(3, 500, 2)), "c": reader(2, 150, 4)}, reader(3, 0, 0), "a"},
		"its own source, long":       {bodies{"a": long(reader(3, 500, 2)), "c": reader(2, 150, 4)}, reader(3, 0, 0), "a"},
		"equal shares":               {bodies{"a": reader(1, 200, 2), "b": reader(2, 200, 3), "c": reader(4, 200, 4)}, reader(3, 0, 0), ""},
		"nobody proved":              {bodies{"a": proved(reader(1, 700, 2))}, reader(3, 0, 0), ""},
		"one proved for another":     {bodies{"a": proved(reader(1, 900, 2))}, proved(reader(3, 0, 0)), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newBudget(1000, func() time.Time { return noon })
			cut := ""
			for who, b := range c.reading {
				b.pace = ended(func() { cut = who })
				g.reading[b] = struct{}{}
				g.used += b.size
				g.by[b.source] += b.size
				if !b.proved {
					g.unproved += b.size
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = g.take(ctx, time.Minute, c.wants, 200)
			if cut != c.cut {
				t.Errorf("%q, want %q", cut, c.cut)
			}
		})
	}
}

// ended is told when the reading of a body is ended.
type ended func()

func (e ended) SetReadDeadline(time.Time) error { e(); return nil }

// noon is the clock of TestWhoIsCut: by the real one, all would become slow on a busy machine.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type bodies map[string]*body

// reader is of a source and has a size; seconds ago it began, and it keeps up.
func reader(source int, size int64, seconds int) *body {
	return &body{source: sourceOf(source), size: size, started: noon.Add(-time.Duration(seconds) * time.Second / 10), last: noon, got: 1 << 30}
}

func slowly(b *body) *body {
	b.got, b.started = 1, noon.Add(-2*time.Second)
	return b
}

func stopped(b *body) *body {
	b.started, b.last = noon.Add(-2*time.Second), noon.Add(-2*time.Second)
	return b
}

func long(b *body) *body {
	b.started = noon.Add(-2 * longAfter)
	return b
}

func proved(b *body) *body { b.proved = true; return b }

// TestTurns: sources are served in turn, whatever each has waiting.
func TestTurns(t *testing.T) {
	t.Parallel()
	q := newTurns(4)
	hold := []*turn{{source: sourceOf(9)}, {source: sourceOf(8)}, {source: sourceOf(7)}}
	for _, h := range hold {
		if !q.enter(t.Context(), time.Minute, h) {
			t.Fatal("no place in an empty house")
		}
	}
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	wait := func(source int) {
		w := &turn{source: sourceOf(source)}
		all.Go(func() {
			if !q.enter(t.Context(), time.Minute, w) {
				t.Error("it left")
				return
			}
			mu.Lock()
			order = append(order, source)
			mu.Unlock()
			q.leave(w)
		})
		for waits := false; !waits; {
			q.mu.Lock()
			waits = len(q.waiting[w.source]) > 0 && q.waiting[w.source][len(q.waiting[w.source])-1] == w
			q.mu.Unlock()
		}
	}
	for range 5 {
		wait(1)
	}
	wait(2)
	q.leave(hold[0])
	all.Wait()
	if len(order) != 6 || order[1] != 2 && order[0] != 2 && order[2] != 2 {
		t.Errorf("the other source was served behind all: %v", order)
	}
	for _, h := range hold[1:] {
		q.leave(h)
	}
	if q.busy != 0 || q.unproved != 0 || len(q.by) != 0 || len(q.order) != 0 || len(q.waiting) != 0 {
		t.Errorf("left: %+v", q)
	}
}

func bodyOf(all []byte) *Body {
	b := &Body{}
	b.set(all)
	return b
}

// TestForgottenBodies: a body that was forgotten gives its buffer to another, which reads its own bytes and no more of
// those before it; one that was not stays as it was.
func TestForgottenBodies(t *testing.T) {
	t.Parallel()
	kept := bodyOf(append(newBuffer(10), "kept"...))
	for range 100 {
		b := bodyOf(append(newBuffer(20), "somebody's secret"...))
		b.Forget()
		if len(b.Bytes()) != 0 || b.Len() != 0 {
			t.Fatalf("a body that was forgotten still has %q", b.Bytes())
		}
		next := bodyOf(append(newBuffer(5), "next"...))
		if string(next.Bytes()) != "next" || next.Len() != 4 || string(kept.Bytes()) != "kept" {
			t.Fatalf("%q after another, and %q", next.Bytes(), kept.Bytes())
		}
		next.Forget()
	}
	if b := newBuffer(mostKept + 1); cap(b) <= mostKept {
		t.Errorf("a large body has room for %d", cap(b))
	}
}
