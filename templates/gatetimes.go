package templates

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// GateTimes has the times at one Gate: the age of pending Approvals, and the time that people took to
// decide.
type GateTimes struct {
	Namespace, Gate   string // Gate is "" for policies that stand in a Trigger
	Waiting, Deciding Spread
	Missed            int           // which nobody decided in time
	Weeks             []Spread      // of Deciding, the oldest first
	Trend             string        // "faster", "slower", "steady", or "" for too few
	Before            time.Duration // what the trend compares the last week with
}

// Spread has two quantiles of durations: half of them are at most P50, nine of ten at most P90.
type Spread struct {
	Count    int
	P50, P90 time.Duration
}

// maxGates bounds the table of Gates.
const maxGates = 50

// gateView is GateTimes as it is shown.
type gateView struct {
	Namespace, Gate, Path string
	Waiting, Deciding     spreadView
	Missed                int
	Trend, Before, Last   string
	Bars                  []barView
	Spoken                string // what the plot shows, in words
}

type spreadView struct {
	Count    int
	P50, P90 string
}

// barView is a week of the plot: a bar for nine of ten, and in it one for half of them.
type barView struct{ X, Y50, H50, Y90, H90 int }

// The plot, in its own units.
const (
	plotHigh = 28
	barStep  = 14
)

func (p *printer) newGate(g GateTimes, base string) gateView {
	v := gateView{
		Namespace: line(g.Namespace), Gate: line(g.Gate), Waiting: p.newSpread(g.Waiting), Deciding: p.newSpread(g.Deciding), Missed: g.Missed,
		Path: base + "/?" + url.Values{"namespace": {drop(g.Namespace)}, "gate": {drop(g.Gate)}}.Encode(),
	}
	most := time.Duration(1)
	for _, w := range g.Weeks {
		most = max(most, w.P90)
	}
	var words []string
	for i, w := range g.Weeks {
		word := p.t("none decided")
		if w.Count > 0 {
			word = p.took(w.P50)
			b := barView{X: i * barStep, H50: high(w.P50, most), H90: high(w.P90, most)}
			b.Y50, b.Y90 = plotHigh-b.H50, plotHigh-b.H90
			v.Bars = append(v.Bars, b)
		}
		words = append(words, word)
	}
	if len(v.Bars) > 0 {
		v.Spoken = p.t("Half decided within, by week, the oldest first: %s", strings.Join(words, ", "))
	}
	if n := len(g.Weeks); g.Trend != "" && n > 0 {
		v.Trend, v.Before, v.Last = line(g.Trend), p.took(g.Before), p.took(g.Weeks[n-1].P50)
	}
	return v
}

func (p *printer) newSpread(s Spread) spreadView {
	return spreadView{s.Count, p.took(s.P50), p.took(s.P90)}
}

// high returns the height of a bar, where most has plotHigh. It is at least 2, so that every bar can
// be seen.
func high(d, most time.Duration) int { return max(2, int(d*plotHigh/most)) }

// took returns a duration in words. From 2 to 10 days it has a decimal, because a day more or less
// matters there.
func (p *printer) took(d time.Duration) string {
	if d < time.Minute {
		return p.n(int(d.Round(time.Second)/time.Second), "%d second", "%d seconds")
	}
	if hours := int(d.Hours()); hours >= 48 && hours < 10*24 { // a day more or less matters
		return p.t("%s days", p.decimal(d.Hours()/24))
	}
	return p.span(d)
}

// decimal is a number with one decimal.
func (p *printer) decimal(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', 1, 64), ".", p.t("."), 1)
}
