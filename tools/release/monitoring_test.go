package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var metric = regexp.MustCompile(`\bcountersign_[a-z_]+\b`)

// TestMetricsExist: alerts and the dashboard ask for metrics that the docs list, which another test holds to the code.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	r := source(t)
	docs, err := os.ReadFile(filepath.Join(r.Root, "docs", "reference", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rules.yaml", "dashboard.json"} {
		b, err := os.ReadFile(filepath.Join(r.Root, "deploy", "components", "monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		found := metric.FindAllString(string(b), -1)
		if len(found) < 10 {
			t.Errorf("found %d metrics in %s, so this test looks for the wrong thing", len(found), name)
		}
		for _, m := range found {
			m = strings.TrimSuffix(strings.TrimSuffix(m, "_bucket"), "_count")
			if !strings.Contains(string(docs), "`"+m+"`") {
				t.Errorf("%s asks for %s, which there is not", name, m)
			}
		}
	}
}

// TestDashboard: what Grafana needs of a dashboard to load it and to show each panel.
func TestDashboard(t *testing.T) {
	t.Parallel()
	r := source(t)
	b, err := os.ReadFile(filepath.Join(r.Root, "deploy", "components", "monitoring", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	type target struct {
		RefID        string
		Expr         string
		LegendFormat string
		Datasource   map[string]string
	}
	var d struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Datasource  map[string]string
			Targets     []target
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) < 15 {
		t.Errorf("title %q, uid %q, schema %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
	variables := map[string]bool{"__rate_interval": true, "__range": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("panel %s: its id is another one's too", p.Title)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("panel %s does not fit: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("panels %s and %s overlap at %d, %d", other, p.Title, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource["type"] != "prometheus" || len(p.Targets) == 0 {
			t.Errorf("panel %s asks nothing of Prometheus", p.Title)
		}
		for _, q := range p.Targets {
			if q.Expr == "" || q.RefID == "" {
				t.Errorf("panel %s has a query without an expression or a refId", p.Title)
			}
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[v[1]] {
					t.Errorf("panel %s uses $%s, which there is not", p.Title, v[1])
				}
			}
		}
	}
}

// TestRulesAreTested: each alert has a test that fires it, and a page that it leads to.
func TestRulesAreTested(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(source(t).Root, "deploy", "components", "monitoring")
	raw, err := os.ReadFile(filepath.Join(dir, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(dir, "rules_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "../../../docs/tasks/monitor.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Spec struct {
			Groups []struct {
				Rules []struct {
					Alert       string
					Annotations map[string]string
				}
			}
		}
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	if len(rules.Spec.Groups) != 1 || len(rules.Spec.Groups[0].Rules) < 8 {
		t.Fatal("found too few alerts, so this test looks for the wrong thing")
	}
	for _, a := range rules.Spec.Groups[0].Rules {
		if !strings.Contains(string(tests), "alertname: "+a.Alert+"\n        exp_alerts:\n          - ") {
			t.Errorf("no test fires %s", a.Alert)
		}
		if !strings.Contains(string(page), "| `"+a.Alert+"` |") {
			t.Errorf("docs/tasks/monitor.md does not say what to do about %s", a.Alert)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || a.Annotations["runbook_url"] == "" {
			t.Errorf("%s says too little", a.Alert)
		}
	}
}
