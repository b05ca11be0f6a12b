package cli

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// TestBefore: before a vote at a terminal stands what would be destroyed, and what is missing.
func TestBefore(t *testing.T) {
	t.Parallel()
	a := approvals.Approval{
		Resolved: &approvals.ResolvedSpec{
			Summaries: []evidence.Summary{{Format: "terraform-plan", Add: 2, Destroy: 5}},
			Evidence:  []evidence.Item{{Name: "plan", State: evidence.Missing, Message: "nothing was uploaded"}, {Name: "diff", State: evidence.Present}},
		},
		Preflight: &approvals.Preflight{State: approvals.PreflightBlocked, Problems: []approvals.Problem{{Reason: "NotFound", Message: "Pipeline apply is not there"}}},
	}
	got := before(a)
	for i, want := range []string{"5 destroy", "evidence plan can't be shown: nothing was uploaded", "it can't start yet: Pipeline apply"} {
		if len(got) != 3 || !strings.Contains(got[i], want) {
			t.Fatalf("%q, want %q as number %d of 3", got, want, i+1)
		}
	}
	if got := before(approvals.Approval{}); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}
