package overview

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Gate has the Approvals of one Gate, for figures on the time that they wait and that people take.
type Gate struct {
	Waiting []*Entry // in the order of their opening
	Ended   []*Entry // in the order in which they ended

	mu    sync.Mutex
	until time.Time // of times, which are worked out when somebody looks
	times Times
}

// Times has the time from opening to decision, of Approvals that people decided in the last Weeks
// weeks. Of each week only the latest maxOfWeek count.
type Times struct {
	Spread
	Missed int           // which nobody decided in time
	Weeks  [Weeks]Spread // the oldest first; the last one ends with today
	Before Spread        // all weeks but the last
}

// Spread has two quantiles of durations: half of them are at most P50, nine of ten at most
// P90.
type Spread struct {
	Count    int
	P50, P90 time.Duration
}

const (
	// Weeks is the number of weeks that Times covers.
	Weeks = 4
	week  = 7 * 24 * time.Hour
	// maxOfWeek bounds what a look costs: of more decisions in a week the latest count.
	maxOfWeek = 1000
	// enough is the least number of decisions from which a Trend is computed, in the last week and
	// before it.
	enough = 5
)

// Quantile is the shortest of sorted that at least the part p of them does not exceed; 0 of none.
func Quantile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[rank(len(sorted), p)-1]
}

// rank is the place, from 1, of the quantile p of n.
func rank(n int, p float64) int { return min(max(int(math.Ceil(p*float64(n))), 1), n) }

func spreadOf(took []time.Duration) Spread {
	slices.Sort(took)
	return Spread{len(took), Quantile(took, .5), Quantile(took, .9)}
}

// Waits returns the age of pending Approvals at now, from their opening.
func (g *Gate) Waits(now time.Time) Spread {
	n := len(g.Waiting)
	if n == 0 {
		return Spread{}
	}
	waited := func(p float64) time.Duration { return max(0, now.Sub(g.Waiting[n-rank(n, p)].OpenedAt)) }
	return Spread{n, waited(.5), waited(.9)}
}

// Since returns the number of Approvals that ended at t or later.
func (g *Gate) Since(t time.Time) int { return len(g.Ended) - g.from(t) }

// from returns the first index in Ended of one that ended at t or later.
func (g *Gate) from(t time.Time) int {
	at, _ := slices.BinarySearchFunc(g.Ended, t, func(e *Entry, t time.Time) int { return cmp.Or(e.DecidedAt.Compare(t), 1) })
	return at
}

// Times returns the figures of the last weeks, including today, in UTC. They are computed once
// a day, and when something of the Gate has changed.
func (g *Gate) Times(now time.Time) Times {
	until := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.until.Equal(until) {
		g.until, g.times = until, g.work(until)
	}
	return g.times
}

func (g *Gate) work(until time.Time) Times {
	var t Times
	var all, before []time.Duration
	start := until.Add(-Weeks * week)
	for i := range t.Weeks {
		from, to := g.from(start.Add(time.Duration(i)*week)), g.from(start.Add(time.Duration(i+1)*week))
		var took []time.Duration
		for _, e := range g.Ended[max(from, to-maxOfWeek):to] {
			switch {
			case e.byPeople():
				took = append(took, max(0, e.DecidedAt.Sub(e.OpenedAt)))
			case e.Outcome != approvals.Cancelled && e.Outcome != approvals.Superseded:
				t.Missed++
			}
		}
		all = append(all, took...)
		if i < Weeks-1 {
			before = append(before, took...)
		}
		t.Weeks[i] = spreadOf(took)
	}
	t.Spread, t.Before = spreadOf(all), spreadOf(before)
	return t
}

// byPeople reports whether e ended by votes, and not by its deadline.
func (e *Entry) byPeople() bool {
	return (e.Outcome == approvals.Approved || e.Outcome == approvals.Rejected) && e.DecidedAt.Before(e.Deadline())
}

// Trend compares the last week's decisions with those of the weeks before.
type Trend string

// The trends of Times.
const (
	Unknown Trend = "" // there are too few decisions
	Faster  Trend = "faster"
	Slower  Trend = "slower"
	Steady  Trend = "steady"
)

// Trend compares by P50. A difference of less than a quarter is none.
func (t Times) Trend() Trend {
	last := t.Weeks[Weeks-1]
	switch {
	case last.Count < enough || t.Before.Count < enough:
		return Unknown
	case last.P50 > t.Before.P50+t.Before.P50/4:
		return Slower
	case t.Before.P50 > last.P50+last.P50/4:
		return Faster
	default:
		return Steady
	}
}

func byEnd(x, y *Entry) int { return cmp.Or(x.DecidedAt.Compare(y.DecidedAt), byName(x, y)) }

// GateName is the name of e's Gate, "" when its policy stands in the Trigger or is not worked out yet.
func (e *Entry) GateName() string {
	if e.Resolved == nil {
		return ""
	}
	return e.Resolved.Policy.Gate
}

// withGates returns gates without out and with in.
func withGates(gates map[string]*Gate, out, in []*Entry) map[string]*Gate {
	return grouped(gates, out, in, (*Entry).GateName, func(old *Gate, c change) (*Gate, bool) {
		next := &Gate{
			Waiting: edit(old.Waiting, c.out, c.in, byOpening, func(e *Entry) bool { return !e.Decided() }),
			Ended:   edit(old.Ended, c.out, c.in, byEnd, func(e *Entry) bool { return e.Decided() }),
		}
		return next, len(next.Waiting)+len(next.Ended) > 0
	})
}
