package triggers

import (
	"fmt"
	"testing"
	"time"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestFloodOfOneNamespace: who has something refused all the time silences their own
// namespace and no other, and what is remembered stays bounded.
func TestFloodOfOneNamespace(t *testing.T) {
	t.Parallel()
	now := ct.T0
	r := &Reports{Now: func() time.Time { return now }}
	flood := func(namespace string, n int) (said int) {
		for i := range n {
			if r.due(report{namespace: namespace, object: fmt.Sprint(i)}) {
				said++
			}
		}
		return said
	}
	if n := flood("tenant", 2*mostSaid); n != mostOfOne {
		t.Errorf("%d of one namespace", n)
	}
	if !r.due(report{namespace: "other", object: "x"}) || r.due(report{namespace: "other", object: "x"}) {
		t.Error("another namespace is silenced, or told twice")
	}
	for i := range 2 * mostSaid / mostOfOne {
		now = now.Add(time.Millisecond)
		if n := flood(fmt.Sprintf("n%d", i), mostOfOne); n != mostOfOne {
			t.Errorf("n%d: %d were said", i, n)
		}
	}
	sum := 0
	for _, n := range r.by {
		sum += n
	}
	if len(r.said) > mostSaid || sum != len(r.said) {
		t.Errorf("%d are remembered, %d counted", len(r.said), sum)
	}
	now = now.Add(saidAgain)
	if n := flood("tenant", mostOfOne); n != mostOfOne {
		t.Errorf("a minute later: %d", n)
	}
}
