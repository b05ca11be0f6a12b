package recordtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

// BenchLedger fills an empty ledger with n decided Approvals and measures what
// people wait for: a page of the history, and what the service does with each
// Approval.
func BenchLedger(b *testing.B, l Ledger, n int) {
	b.Helper()
	l.SignWith(NewSigner()) // as the service does
	const batch = 100
	since := time.Now()
	count := 0
	for from := 0; from < n; from += batch {
		var lines []record.Line
		for i := from; i < min(n, from+batch); i++ {
			lines = append(lines, Lines(i)...)
		}
		added, err := l.Append(b.Context(), lines)
		if err != nil {
			b.Fatal(err)
		}
		count += len(added)
	}
	b.Logf("%d lines of %d approvals appended in %s", count, n, time.Since(since).Round(time.Second))
	middle := ct.T0.Add(time.Duration(n/2) * time.Minute)
	for _, c := range []struct {
		name string
		q    record.Query
	}{
		{"newest", record.Query{}},
		{"namespace", record.Query{Namespace: "team-1"}},
		{"pipeline", record.Query{Pipeline: "plan-3"}},
		{"gate-and-outcome", record.Query{Gate: "gate-2", Kind: record.Decided, Outcome: approvals.Rejected}},
		{"person", record.Query{Person: "person-07"}},
		{"nobody", record.Query{Person: "nobody", Namespace: "team-1"}},
		{"one-approval", record.Query{Namespace: "team-1", Approval: fmt.Sprintf("apply-%06d", n/2/4*4+1)}},
		{"an-hour-of-old", record.Query{Namespace: "team-2", From: middle, To: middle.Add(time.Hour)}},
		{"deep-cursor", record.Query{Namespace: "team-2", Cursor: record.Stamp(middle) + "_1"}},
	} {
		b.Run("page/"+c.name, func(b *testing.B) {
			for b.Loop() {
				p, err := l.Search(b.Context(), c.q)
				if err != nil || len(p.Entries) == 0 && c.name != "nobody" {
					b.Fatalf("%d entries, %v", len(p.Entries), err)
				}
			}
		})
	}
	b.Run("append/new", func(b *testing.B) {
		for i := n; b.Loop(); i++ {
			if _, err := l.Append(b.Context(), Lines(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append/there", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if added, err := l.Append(b.Context(), Lines(i%n)); err != nil || len(added) != 0 {
				b.Fatalf("%d added, %v", len(added), err)
			}
		}
	})
}
