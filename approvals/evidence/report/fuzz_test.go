package report

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzed checks what holds of every report, however the text was made.
func fuzzed(t *testing.T, r Report) {
	t.Helper()
	if len(r.Parts) > MaxParts || r.Format == Auto || r.Summary.Format != string(r.Format) {
		t.Errorf("%d parts, format %q", len(r.Parts), r.Format)
	}
	for k, n := range r.Summary.Counts() {
		if n < 0 {
			t.Errorf("%s is %d", k, n)
		}
	}
	r.Summary.Line()
	for _, p := range r.Parts {
		if strings.ContainsAny(p.Title+p.Note, "\n\r") || !utf8.ValidString(p.Title) {
			t.Errorf("title %q, note %q", p.Title, p.Note)
		}
		lines, more := p.Lines(4096)
		if more < 0 || more > len(p.Text) {
			t.Errorf("%d more bytes of %d", more, len(p.Text))
		}
		for _, l := range lines {
			if strings.Contains(l.Text, "\n") {
				t.Errorf("a line has two: %q", l.Text)
			}
		}
	}
}

func fuzzFormat(f *testing.F, format Format, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzed(t, Parse(format, "x", text)) })
}

func FuzzPlan(f *testing.F) {
	fuzzFormat(f, Plan, preview(f, "plan.txt"), "Plan: 1 to add.\n", "  # a.b will be destroyed\n  - resource \"a\" \"b\" {\n      ~ x = <<-EOT\n            a\n          - b\n        EOT\n    }\n")
}

func FuzzPlanJSON(f *testing.F) {
	fuzzFormat(f, PlanJSON, preview(f, "plan.json"),
		`{"format_version":"1.0","resource_changes":[{"address":"a.b","change":{"actions":["update"],"before":{"x":[1,{"y":"z\nq"}]},"after":{"x":[1,{"y":"z\nr"},3]},"after_unknown":{"x":[false,{"y":true}]},"after_sensitive":{"x":true}}}]}`)
}

func FuzzDiff(f *testing.F) {
	fuzzFormat(f, Diff, preview(f, "kubectl.txt"), "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n")
}

func FuzzHelmDiff(f *testing.F) { fuzzFormat(f, HelmDiff, preview(f, "helm.txt")) }

func FuzzJUnit(f *testing.F) {
	fuzzFormat(f, JUnit, `<testsuite><testcase name="a"><failure message="b">c</failure></testcase></testsuite>`)
}

func FuzzSARIF(f *testing.F) {
	fuzzFormat(f, SARIF, `{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"a","properties":{"security-severity":9.8}}]}},"results":[{"ruleId":"a","ruleIndex":0,"message":{"text":"b"}}]}]}`)
}

// FuzzAny finds the format out, and reads texts with the sequences of terminals.
func FuzzAny(f *testing.F) {
	fuzzFormat(f, Auto, "\x1b[1mPlan:\x1b[0m 1 to add.", "# a\n\n- b\n", `[1,{"a":null}]`, "<testsuite>", "a\rb\xff")
}
