package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/mapping"
)

// What a plan would change is counted when the terms are fixed, and expressions read it.
func TestSummary(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	source, p := ct.Make("a").Obj().Source, policy()
	p.Show = []string{"plan", "notes", "absent"}
	source.Results = append(source.Results, approvals.Param{Name: "notes", Value: "- one\n+ two\n"}, approvals.Param{
		Name: "plan", Value: "Terraform will perform the following actions:\n\n  # a.b must be replaced\n-/+ resource \"a\" \"b\" {\n    }\n\nPlan: 1 to add, 0 to change, 1 to destroy.\n",
	})
	terms, err := c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{Gate: "production"}, p, source, ct.Template)
	if err != nil {
		t.Fatal(err)
	}
	want := []evidence.Summary{{Name: "plan", Format: "terraform-plan", Add: 1, Destroy: 1, Replace: 1}}
	if d := cmp.Diff(want, terms.Summaries); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
	a := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	a.Resolved.Summaries = terms.Summaries
	a.Resolved.Evidence = []evidence.Item{{Name: "scan", Kind: evidence.Upload, State: evidence.Present, Summary: evidence.Summary{Name: "scan", Format: "sarif", Critical: 2}}}
	a.Resolved.Policy.Results = expressions(
		"kind", `approval.summary.destroy > 0 ? "destructive" : "safe"`, "findings", "approval.summary.critical", "sum", "approval.summary.text", "whole", "!approval.summary.incomplete")
	results, err := c.Results(t.Context(), a, mapping.Vars{})
	if err != nil {
		t.Fatal(err)
	}
	got := approvals.ByName(results)
	for name, want := range map[string]string{"kind": "destructive", "findings": "2", "sum": "1 add · 1 destroy (1 replaced) · 2 critical", "whole": "true"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
