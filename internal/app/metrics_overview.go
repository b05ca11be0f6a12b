package app

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals/overview"
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

// standing returns the figures of the overview at a scrape. Each replica has all of them.
type standing struct {
	all                       web.Overview
	gates                     *gates
	now                       func() time.Time
	pending, problems, oldest *prometheus.Desc
	waiting, waited, took     *prometheus.Desc
}

func newStanding(all web.Overview, g *gates, now func() time.Time) *standing {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("countersign_"+name, help, labels, nil)
	}
	return &standing{
		all: all, gates: g, now: now,
		pending:  desc("approvals_pending", "Approvals that wait for a decision. Each replica reports all of them: take the maximum. -1 means unknown."),
		problems: desc("approvals_problems", "Approvals that are stuck, by the reason in their conditions. Each replica reports all of them: take the maximum.", "reason"),
		oldest:   desc("release_oldest_timestamp_seconds", "When the oldest outcome was decided whose run or effect has not been observed; 0 if there is none."),
		waiting:  desc("approvals_waiting", "Approvals that wait for a decision, by Gate, with labels as of countersign_approval_wait_seconds. Each replica reports all of them: take the maximum.", "namespace", "gate"),
		waited:   desc("approvals_waiting_oldest_timestamp_seconds", "When the Approval was opened that has waited longest, by Gate; 0 if none waits. Each replica reports all of them: take the maximum.", "namespace", "gate"),
		took:     desc("approvals_decision_seconds", "How long people took to decide in the last four weeks, by Gate: half of the time (quantile 0.5) and 9 times in 10 (0.9), of the Approvals that are still in the cluster. What ended without a decision of people is left out, and so is a Gate without labels of its own.", "namespace", "gate", "quantile"),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.pending, s.problems, s.oldest, s.waiting, s.waited, s.took} {
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
	s.byGate(now, gauge)
}

// byGate tells how long things wait and how long people take. Gates that share labels are added
// up; how long people took at several of them can't be.
func (s *standing) byGate(all *overview.Snapshot, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	type sum struct{ waiting, oldest int64 }
	sums := map[[2]string]sum{}
	spaces := maps.Collect(all.Namespaces)
	for _, namespace := range slices.Sorted(maps.Keys(spaces)) {
		gates := spaces[namespace].Gates
		for _, name := range slices.Sorted(maps.Keys(gates)) {
			g, labels := gates[name], s.gates.labels(namespace, name)
			x := sums[[2]string(labels)]
			x.waiting += int64(len(g.Waiting))
			if len(g.Waiting) > 0 {
				if at := g.Waiting[0].OpenedAt.Unix(); x.oldest == 0 || at < x.oldest {
					x.oldest = at
				}
			}
			sums[[2]string(labels)] = x
			if t := g.Times(s.now()); t.Count > 0 && labels[0] == namespace && labels[1] == name {
				gauge(s.took, t.P50.Seconds(), namespace, name, "0.5")
				gauge(s.took, t.P90.Seconds(), namespace, name, "0.9")
			}
		}
	}
	for labels, x := range sums {
		gauge(s.waiting, float64(x.waiting), labels[:]...)
		gauge(s.waited, float64(x.oldest), labels[:]...)
	}
}
