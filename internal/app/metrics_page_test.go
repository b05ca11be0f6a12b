package app

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/docpage"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/queue"
	"github.com/countersign-dev/countersign/internal/kube/servingcert"
)

// registered takes collectors as the service's registry does.
type registered struct {
	prometheus.Registerer
	all []prometheus.Collector
}

func (r *registered) Register(c prometheus.Collector) error {
	r.all = append(r.all, c)
	return nil
}

func (r *registered) Unregister(prometheus.Collector) bool { return false }

// metricFacts are what a collector says of one of its metrics.
type metricFacts struct {
	name, kind, help string
	labels           []string
}

// allMetrics are the metrics of everything that the service registers.
func allMetrics(t *testing.T) []metricFacts {
	t.Helper()
	reg := &registered{Registerer: prometheus.NewRegistry()}
	if _, err := newMetrics(reg, ct.NewMemStore(), "v0.1.0", time.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := newPanics(reg, slog.Default()); err != nil {
		t.Fatal(err)
	}
	if _, err := newPolicies(nil, slog.Default(), reg); err != nil {
		t.Fatal(err)
	}
	queue.Measure(reg, "", func() int { return 0 }, func() time.Duration { return 0 })
	reg.all = append(reg.all, certificateEnds(&servingcert.Manager{}), recordBehind(func() int { return 0 }))
	// Prometheus' Desc shows what it knows in this form alone.
	form := regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: ("(?:[^"\\]|\\.)*"), (?:unit: "[^"]*", )?constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	var out []metricFacts
	for _, c := range reg.all {
		descs := make(chan *prometheus.Desc, 100)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			m := form.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("%s has another form than this test reads", d)
			}
			f := metricFacts{name: m[1], kind: kindOf(c)}
			if err := json.Unmarshal([]byte(m[2]), &f.help); err != nil {
				t.Fatalf("%s: %v", m[2], err)
			}
			for l := range strings.SplitSeq(m[3]+","+m[4], ",") {
				if l, _, _ := strings.Cut(l, "="); l != "" {
					f.labels = append(f.labels, l)
				}
			}
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b metricFacts) int { return cmp.Compare(a.name, b.name) })
	return out
}

func kindOf(c prometheus.Collector) string {
	switch c.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	case *prometheus.GaugeVec, prometheus.Gauge, *standing:
		return "gauge"
	case *prometheus.CounterVec, prometheus.Counter:
		return "counter"
	default:
		return "gauge" // by a function
	}
}

// usedBy are the alerts and the panels that ask for a metric.
func usedBy(t *testing.T) func(name string) string {
	t.Helper()
	const dir = "../../deploy/components/monitoring/"
	var rules struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Alert, Expr string }
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	for name, into := range map[string]any{"rules.yaml": &rules, "dashboard.json": &dashboard} {
		b, err := os.ReadFile(dir + name)
		if err == nil {
			err = yaml.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string {
		asks := regexp.MustCompile(`\b` + name + `(_bucket|_count|_sum)?\b`)
		var alerts, panels []string
		for _, g := range rules.Spec.Groups {
			for _, r := range g.Rules {
				if asks.MatchString(r.Expr) {
					alerts = append(alerts, "`"+r.Alert+"`")
				}
			}
		}
		for _, p := range dashboard.Panels {
			for _, target := range p.Targets {
				if asks.MatchString(target.Expr) && !slices.Contains(panels, "*"+p.Title+"*") {
					panels = append(panels, "*"+p.Title+"*")
				}
			}
		}
		return strings.Join(append(alerts, panels...), ", ")
	}
}

// TestMetricsPage: each metric that the service registers is on the page of the reference, with its help, which
// says in a sentence what it is.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	all, used := allMetrics(t), usedBy(t)
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning | alerts, *panels* |\n|---|---|---|---|---|\n")
	usedOnce := 0
	for i, m := range all {
		if len(strings.Fields(m.help)) < 2 || !strings.HasSuffix(m.help, ".") || strings.Contains(m.help, "|") {
			t.Errorf("the help of %s is no sentence: %q", m.name, m.help)
		}
		if i > 0 && all[i-1].name == m.name {
			t.Errorf("%s is there twice", m.name)
		}
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		by := used(m.name)
		if by != "" {
			usedOnce++
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.name, m.kind, labels, m.help, by)
	}
	if len(all) < 25 || usedOnce < 12 {
		t.Errorf("found %d metrics, %d of them in alerts or panels, so this test looks for the wrong thing", len(all), usedOnce)
	}
	if err := docpage.Hold("../../docs/reference/metrics.md", "metrics", b.String(), golden.Update()); err != nil {
		t.Error(err)
	}
}
