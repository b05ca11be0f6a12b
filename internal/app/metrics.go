package app

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/web"
)

// metrics are the service's own; labels are few and never hold people's text.
type metrics struct {
	opened      *prometheus.CounterVec
	votes       *prometheus.CounterVec
	decided     *prometheus.CounterVec
	waited      *prometheus.HistogramVec
	released    prometheus.Histogram
	secondRuns  *prometheus.CounterVec
	ran         *prometheus.HistogramVec
	posts       *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	interceptor *prometheus.CounterVec
	turnedAway  *prometheus.CounterVec
	requests    *prometheus.HistogramVec

	recorded, recordFailures prometheus.Counter

	gates gates
}

func newMetrics(reg prometheus.Registerer, all web.Overview, version string, now func() time.Time) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "countersign", Name: name, Help: help}, labels)
	}
	m := &metrics{
		opened:      counter("approvals_opened_total", "Approvals opened. For an approval task, trigger is PIPELINE/TASK.", "namespace", "trigger"),
		votes:       counter("votes_total", "Votes recorded.", "verdict"),
		decided:     counter("approvals_decided_total", "Approvals that ended, by outcome.", "outcome"),
		secondRuns:  counter("second_run_total", "Runs that outcomes started and that have ended, by outcome: Succeeded, Failed, Cancelled or Gone.", "outcome"),
		posts:       counter("release_posts_total", "Attempts to post the signed event, or to write the outcome. With taken=\"no\" it was not accepted, or not tried: condition Released has the reason.", "taken"),
		deliveries:  counter("deliveries_total", "Mails and messages sent. With delivered=\"no\" it failed: condition Notified has the reason.", "channel", "delivered"),
		interceptor: counter("interceptor_requests_total", "Requests of EventListeners, by answer: held, released, refused (the log says why) or unrelated.", "answer"),
		turnedAway:  counter("turned_away_total", "Connections and requests over a limit, by reason: connections, requests, bytes, slow or too_large.", "listener", "reason"),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "countersign", Name: "approval_wait_seconds", Help: "Time from opening to outcome. The label gate is empty for a Gate inside a Trigger, and other for all but the first 50 Gates of a namespace. Beyond the first 1000 Gates both labels are other.",
			Buckets: []float64{10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600},
		}, []string{"namespace", "gate"}),
		released: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "countersign", Name: "release_seconds", Help: "Time from the outcome until the second run was observed, or the outcome was written.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}),
		ran: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "countersign", Name: "second_run_seconds", Help: "Duration of the runs that outcomes started, as Tekton reports it.",
			Buckets: []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600},
		}, []string{"outcome"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "countersign", Name: "http_request_seconds", Help: "Time to answer requests to pages and API. The label route is a pattern, never an address.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"route", "method", "status"}),
	}
	m.recorded = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "countersign", Name: "record_lines_total", Help: "Entries appended to the audit log."})
	m.recordFailures = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "countersign", Name: "record_failures_total", Help: "Failed attempts to append to the audit store."})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "countersign", Name: "build_info", Help: "Always 1. The labels say which version a replica runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{build, m.opened, m.votes, m.decided, m.posts, m.deliveries, m.interceptor, m.turnedAway, m.waited, m.released, m.secondRuns, m.ran, m.requests, m.recorded, m.recordFailures, newStanding(all, &m.gates, now)} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// HandleOutcome implements approvals.OutcomeHandler.
func (m *metrics) HandleOutcome(a approvals.Approval) {
	m.decided.WithLabelValues(string(a.Outcome)).Inc()
	gate := "" // of its own
	if a.Resolved != nil {
		gate = a.Resolved.Policy.Gate
	}
	m.waited.WithLabelValues(m.gates.labels(a.Namespace, gate)...).Observe(a.DecidedAt.Sub(a.OpenedAt).Seconds())
}

func (m *metrics) confirmed(a approvals.Approval) {
	var at time.Time
	switch {
	case a.SecondRun != nil:
		at = a.SecondRun.At
	case a.Effect != nil:
		at = a.Effect.At
	}
	m.released.Observe(at.Sub(a.ReleaseFrom()).Seconds())
}

// runEnded is called by the leader alone, once for each end.
func (m *metrics) runEnded(a approvals.Approval) {
	outcome := string(a.RunEnd.Outcome)
	m.secondRuns.WithLabelValues(outcome).Inc()
	if took := a.RunEnd.Took(); took > 0 {
		m.ran.WithLabelValues(outcome).Observe(took.Seconds())
	}
}

func (m *metrics) observe(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		method = "other" // a label is never the sender's choice: each value is kept for ever
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}
