package approvals_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// TestSum: what is shown and what is evidence add up, a result that is both once, and what an
// upload counts is part of what is approved.
func TestSum(t *testing.T) {
	t.Parallel()
	plan := evidence.Summary{Name: "plan", Format: "terraform-plan", Add: 2, Destroy: 1}
	tests := evidence.Summary{Name: "tests", Format: "junit", Tests: 3, Failed: 1}
	item := func(kind evidence.Kind, s evidence.Summary) evidence.Item {
		return evidence.Item{Name: s.Name, Kind: kind, State: evidence.Present, Summary: s}
	}
	of := func(change func(*approvals.ResolvedSpec)) approvals.Approval {
		return ct.Make("a").With(func(a *approvals.Approval) { change(a.Resolved) }).Obj()
	}
	for name, c := range map[string]struct {
		a    approvals.Approval
		want string
	}{
		"nothing":             {of(func(*approvals.ResolvedSpec) {}), ""},
		"a result":            {of(func(t *approvals.ResolvedSpec) { t.Summaries = []evidence.Summary{plan} }), "2 add · 1 destroy"},
		"an upload":           {of(func(t *approvals.ResolvedSpec) { t.Evidence = []evidence.Item{item(evidence.Upload, plan)} }), "2 add · 1 destroy"},
		"one without numbers": {of(func(t *approvals.ResolvedSpec) { t.Evidence = []evidence.Item{{Name: "log", State: evidence.Present}} }), ""},
		"both": {of(func(t *approvals.ResolvedSpec) {
			t.Summaries, t.Evidence = []evidence.Summary{plan}, []evidence.Item{item(evidence.Log, tests)}
		}), "2 add · 1 destroy · 1 failed · 2 passed"},
		"a result that is shown and is evidence": {of(func(t *approvals.ResolvedSpec) {
			t.Policy.Show, t.Policy.Evidence = []string{"text"}, []evidence.Wanted{{Name: "plan", Kind: evidence.Result, Result: "text"}}
			t.Summaries, t.Evidence = []evidence.Summary{plan}, []evidence.Item{item(evidence.Result, plan)}
		}), "2 add · 1 destroy"},
		"a result that is only evidence": {of(func(t *approvals.ResolvedSpec) {
			t.Policy.Show, t.Policy.Evidence = []string{"other"}, []evidence.Wanted{{Name: "plan", Kind: evidence.Result}}
			t.Evidence = []evidence.Item{item(evidence.Result, plan)}
		}), "2 add · 1 destroy"},
	} {
		if got := c.a.Resolved.Sum().Line(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	var none *approvals.ResolvedSpec
	if got := none.Sum(); got.Counted() {
		t.Errorf("of what is not resolved: %+v", got)
	}
	digest := func(s evidence.Summary) string {
		return of(func(t *approvals.ResolvedSpec) { t.Evidence = []evidence.Item{item(evidence.Upload, s)} }).Resolved.Digest
	}
	fewer := plan
	fewer.Destroy = 0
	if digest(plan) == digest(fewer) {
		t.Error("what an upload counts is not part of what is approved")
	}
	if got, want := digest(plan), "79a8c9453ca9d0da63f03253c98a7ad85604fec7c0dd29c2ed5886264d5ef807"; got != want {
		t.Errorf("the digest of an upload that counts something is %s and was %s: Approvals of before could not be released", got, want)
	}
}
