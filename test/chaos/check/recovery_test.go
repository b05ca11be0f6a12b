package check

import (
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// TestRecovery: what was disturbed by a fault is counted from its beginning, and until the next one.
func TestRecovery(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	after := func(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }
	decided := metav1.NewMicroTime(after(11.5))
	a := v1alpha1.Approval{}
	a.Name, a.Status.Outcome, a.Status.DecidedAt = "a", "Approved", &decided
	a.Status.Votes = []v1alpha1.VoteRecord{{Voter: "ann", Comment: "go"}}
	f := &Findings{History: &history.History{
		Meta:   history.Meta{Began: began, LoadEnd: after(60)},
		Faults: []history.Fault{{Kind: "kill9-leader", Start: after(10), End: after(10)}, {Kind: "lease-delete", Start: after(30), End: after(30)}},
		Leads:  []history.Led{{Process: "x", At: after(1)}, {Process: "y", At: after(13.5)}, {Process: "x", At: after(31)}},
		Looks: []history.Look{
			{Kind: "get", Start: after(5), Took: 3, Status: 200},
			{Kind: "vote", Start: after(12), Took: 4000, Status: 0, Err: "EOF"},
			{Kind: "vote", Start: after(31), Took: 5, Status: 201},
		},
		Ops: map[string][]*history.Op{"a": {
			{Kind: "vote", Voter: "ann", Comment: "go", Start: after(11), End: after(11.1), Status: 0},
			{Kind: "vote", Voter: "ann", Comment: "go", Start: after(11.4), End: after(11.6), Status: 201, Try: 1},
		}},
		Runs:  map[string][]history.RunObserved{"a": {{UID: "u", Seen: after(11.75), Run: pipelinev1.PipelineRun{}}}},
		Final: map[string]v1alpha1.Approval{"a": a},
	}}
	var out strings.Builder
	Recovery(&out, []*Findings{f})
	for _, want := range []string{
		"through kills of the leader: vote → run of 1, p50 0.750 p99 0.75 max 0.8 s\n",
		"before any fault: vote → run of 0,",
		"| `kill9-leader` | 1 | 0.0 / 0.0 | 6.0 / 6.0 | 3.5 / 3.5 | 0.0 / 0.0 | 0.2 / 0.2 | 0.0 / 0.0 | cut ×1 |\n",
		"| `lease-delete` | 1 | 0.0 / 0.0 | 0.0 / 0.0 | 1.0 / 1.0 | 0.0 / 0.0 | 0.0 / 0.0 | 0.0 / 0.0 |  |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, &out)
		}
	}
}
