package preflight

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// Results that can't be worked out whatever people say are warned of before they say it.
// Those that need what people say are not.
func TestResultsTooCostly(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	cel, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	p := &Preflights{Triggers: &triggers.Triggers{CEL: cel}}
	for name, c := range map[string]struct {
		a     *ct.Builder
		warns bool
	}{
		"none":              {ct.Make("a"), false},
		"fine":              {ct.Make("a").Result("ticket", "'T-1'"), false},
		"of a vote":         {ct.Make("a").Result("first", "approval.votes[0].comment"), false},
		"too much memory":   {ct.Make("a").Result("ticket", strings.Repeat("[", 36)+`'\"\"\"\"'`+strings.Repeat("].marshalJSON()", 36)), true},
		"too many steps":    {ct.Make("a").Result("ticket", "lists.range(9999).all(x, lists.range(9999).all(y, x < y + 10000)) ? 'a' : 'b'"), true},
		"no JSON object":    {ct.Make("a").Event("[]").Result("ticket", "'T-1'"), true},
		"decided, too much": {ct.Make("a").Result("ticket", "lists.range(100000000).size() == 0 ? 'a' : 'b'").Voted("alice", approvals.Approve, ""), true},
	} {
		var f findings
		p.results(t.Context(), c.a.Obj(), &f)
		found := approvals.NewPreflight(f.all)
		if found.State != approvals.PreflightReady || (len(found.Warnings) == 1) != c.warns {
			t.Errorf("%s: %+v", name, found)
		}
		for _, w := range found.Warnings {
			if w.Reason != approvals.ReasonResults {
				t.Errorf("%s: %+v", name, w)
			}
			said.Check(t, name, w.Message)
		}
	}
}
