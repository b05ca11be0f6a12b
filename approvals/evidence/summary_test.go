package evidence

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestSummaryLine(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Summary{
		"": {Format: "text", Add: 1},
		"1 import · 9 add · 5 change · 5 destroy":   {Format: "terraform-plan", Import: 1, Add: 9, Change: 5, Destroy: 5},
		"2 add · 2 destroy (1 replaced) · 1 forget": {Format: "terraform-plan", Add: 2, Destroy: 2, Replace: 1, Forget: 1},
		"no changes":                      {Format: "terraform-plan"},
		"no changes · incomplete":         {Format: "kubectl-diff", Incomplete: true},
		"1 new · 3 changed · 1 deleted":   {Format: "diff", Add: 1, Change: 3, Destroy: 1},
		"1 failed · 2 skipped · 7 passed": {Format: "junit", Tests: 10, Failed: 1, Skipped: 2},
		"no tests":                        {Format: "junit"},
		"1 critical · 2 high · 3 medium · 4 low · 5 notes": {Format: "sarif", Critical: 1, High: 2, Medium: 3, Low: 4, Note: 5},
		"no findings": {Format: "sarif"},
	} {
		if got := s.Line(); got != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}

func TestSumUp(t *testing.T) {
	t.Parallel()
	plan := Summary{Name: "plan", Format: "terraform-plan", Add: 9, Destroy: 5, Drift: 2}
	asJSON, other := plan, plan
	asJSON.Format, asJSON.Drift = "terraform-plan-json", 0
	other.Destroy = 1
	tests := Summary{Format: "junit", Tests: 3, Failed: 1}
	for name, c := range map[string]struct {
		all     []Summary
		destroy int
		format  string
	}{
		"none":                        {nil, 0, ""},
		"one":                         {[]Summary{plan}, 5, "terraform-plan"},
		"two plans":                   {[]Summary{plan, other}, 6, "terraform-plan"},
		"one plan as text and JSON":   {[]Summary{plan, asJSON}, 5, "terraform-plan-json"},
		"two, of which one is JSON":   {[]Summary{other, asJSON}, 6, "several"},
		"a plan and tests":            {[]Summary{plan, tests}, 5, "several"},
		"a text, in which is nothing": {[]Summary{{Format: "text"}, plan}, 5, "terraform-plan"},
	} {
		if got := SumUp(c.all); got.Destroy != c.destroy || got.Format != c.format {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := SumUp([]Summary{plan, tests}); got.Line() != "9 add · 5 destroy · 2 changed outside · 1 failed · 2 passed" || !got.Alarming() {
		t.Errorf("%q", got.Line())
	}
	if n := len((Summary{}).Counts()); n != 16 {
		t.Errorf("%d numbers have names", n)
	}
}

// TestBoundGolden: what is bound has these bytes, so that Approvals keep their digests when a
// Summary has a number more.
func TestBoundGolden(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Summary{
		`[{"Name":"a","Kind":"Upload","Format":"","State":"Present","SHA256":"ab","Size":1}]`:                                                                                        {},
		`[{"Name":"a","Kind":"Upload","Format":"","State":"Present","SHA256":"ab","Size":1,"Summary":{"Format":"junit"}}]`:                                                           {Format: "junit"},
		`[{"Name":"a","Kind":"Upload","Format":"","State":"Present","SHA256":"ab","Size":1,"Summary":{"Name":"p","Format":"terraform-plan","Add":2,"Destroy":1,"Incomplete":true}}]`: {Name: "p", Format: "terraform-plan", Add: 2, Destroy: 1, Incomplete: true},
	} {
		got, err := json.Marshal(BoundOf([]Item{{Name: "a", Kind: Upload, State: Present, SHA256: "ab", Size: 1, Object: "o", Summary: s}}))
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// TestBounded: an Approval has room for every number that a text claims, and what was bound
// before there were summaries has the digest that it had.
func TestBounded(t *testing.T) {
	t.Parallel()
	s := Summary{Format: "terraform-plan", Add: math.MaxInt64, Destroy: math.MaxInt32, Note: -1}
	if got := s.Bounded(); got != (Summary{Format: "terraform-plan", Add: math.MaxInt32, Destroy: math.MaxInt32}) {
		t.Errorf("%+v", got)
	}
	if all := (Summary{}).Counts(); len(all) != 16 {
		t.Errorf("%d numbers, and Bounded knows 16", len(all))
	}
	for _, c := range []struct {
		item Item
		has  bool
	}{{Item{Name: "log"}, false}, {Item{Name: "plan", Summary: Summary{Format: "junit"}}, true}} {
		b, err := json.Marshal(BoundOf([]Item{c.item}))
		if err != nil || strings.Contains(string(b), "Summary") != c.has {
			t.Errorf("%s, %v", b, err)
		}
	}
}
