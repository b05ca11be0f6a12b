package outcome_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// TestResults: an expression that fails must not make a decision impossible.
func TestResults(t *testing.T) {
	t.Parallel()
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	var said reports
	results := outcome.Results{CEL: cel, Reports: &said, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for name, c := range map[string]struct {
		a    *ct.Builder
		want int
		logs bool
	}{
		"the defaults":         {ct.Make("a"), 4, false},
		"one more":             {ct.Make("a").Result("ticket", "'T-1'"), 5, false},
		"one fails":            {ct.Make("a").Result("ticket", "results.nope"), 4, true},
		"one takes all memory": {ct.Make("a").Result("ticket", strings.Repeat("[", 36)+`'\"\"\"\"'`+strings.Repeat("].marshalJSON()", 36)), 4, true},
		"body is not JSON":     {ct.Make("a").Event("[]"), 4, true},
	} {
		log.Reset()
		said = 0
		got, err := results.Results(t.Context(), c.a.Voted("alice", approvals.Approve, "").Obj())
		if err != nil || len(got) != c.want || strings.Contains(log.String(), "fall back") != c.logs || (said == 1) != c.logs {
			t.Errorf("%s: %v, %v; said %d times; log %s", name, got, err, said, log.String())
		}
	}
	// Nothing is known about an expression that was interrupted: the vote is tried again.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := results.Results(gone, ct.Make("a").Result("ticket", "'T-1'").Voted("alice", approvals.Approve, "").Obj()); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("interrupted: %v", err)
	}
}

// reports counts what is told.
type reports int

func (r *reports) ResultsFellBack(approvals.Approval, error) { *r++ }
