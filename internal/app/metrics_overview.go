package app

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals/web"
)

// A namespace makes as many Gates as it likes, so maxGatesOf bounds the values of label gate in
// each, and maxGates in all.
const (
	maxGatesOf = 50
	maxGates   = 1000
)

// gates gives label values to Gates, and the same to all beyond a limit.
type gates struct {
	mu    sync.Mutex
	known map[[2]string]bool
	of    map[string]int // how many are known, by namespace
}

func (g *gates) labels(namespace, gate string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := [2]string{namespace, gate}
	switch {
	case g.known[key]:
		return key[:]
	case len(g.known) >= maxGates:
		return []string{"other", "other"}
	case g.of[namespace] >= maxGatesOf:
		return []string{namespace, "other"}
	case g.known == nil:
		g.known, g.of = map[[2]string]bool{}, map[string]int{}
	}
	g.known[key] = true
	g.of[namespace]++
	return key[:]
}

// standing is what the overview tells at a scrape. Each replica knows all of it.
type standing struct {
	all                       web.Overview
	pending, problems, oldest *prometheus.Desc
}

func newStanding(all web.Overview) *standing {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("countersign_"+name, help, labels, nil)
	}
	return &standing{
		all:      all,
		pending:  desc("approvals_pending", "Approvals that wait for a decision."),
		problems: desc("approvals_problems", "Approvals that do not go on, by the reason that they show.", "reason"),
		oldest:   desc("release_oldest_timestamp_seconds", "When the oldest outcome was decided whose run or effect has not been seen; 0: there is none."),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.pending, s.problems, s.oldest} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	now, err := s.all.Snapshot(context.Background())
	if err != nil {
		gauge(s.pending, -1)
		return
	}
	space, reasons, oldest := now.In(""), map[string]int{}, int64(0)
	for _, e := range space.Pending {
		if e.Blocked != nil {
			reasons[e.Blocked.Reason]++
		}
	}
	for _, e := range space.Troubled {
		if !e.ToRelease() {
			continue
		}
		if e.Unreleased != nil {
			reasons[e.Unreleased.Reason]++
		}
		if at := e.ReleaseFrom().Unix(); oldest == 0 || at < oldest {
			oldest = at
		}
	}
	gauge(s.pending, float64(len(space.Pending)))
	gauge(s.oldest, float64(oldest))
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		gauge(s.problems, float64(reasons[reason]), reason)
	}
}
