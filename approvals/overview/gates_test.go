package overview_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/overview"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	upTo := func(n int) []time.Duration {
		var out []time.Duration
		for i := range n {
			out = append(out, time.Duration(i+1))
		}
		return out
	}
	for _, c := range []struct {
		of   []time.Duration
		p    float64
		want time.Duration
	}{
		{nil, .5, 0},
		{upTo(1), .5, 1},
		{upTo(1), .9, 1},
		{upTo(1), 0, 1},
		{upTo(2), .5, 1},
		{upTo(2), .9, 2}, // of two, half are at most the first
		{upTo(3), .5, 2},
		{upTo(10), .5, 5},
		{upTo(10), .9, 9},
		{upTo(11), .9, 10},
		{upTo(100), .9, 90},
		{upTo(100), 1, 100},
		{[]time.Duration{1, 1, 1, 1, 1, 1, 1, 1, 1, 99}, .9, 1},
		{[]time.Duration{1, 99, 99}, .5, 99},
	} {
		if got := overview.Quantile(c.of, c.p); got != c.want {
			t.Errorf("%v of %d: %d, want %d", c.p, len(c.of), got, c.want)
		}
	}
}

// took is an Approval of Gate production that was opened so long before T0 and ended so much later.
func took(name string, ago, wait time.Duration, o approvals.Outcome) approvals.Approval {
	return ct.Make(name).Lifetime(24 * time.Hour).With(func(a *approvals.Approval) {
		a.Resolved.Policy.Gate, a.OpenedAt = "production", ct.T0.Add(-ago)
		a.Outcome, a.DecidedAt = o, a.OpenedAt.Add(wait)
	}).Obj()
}

// TestTimes: of what people decided in the last four weeks, by week; what nobody decided is
// counted apart, and what was withdrawn or is older is not.
func TestTimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	x := overview.NewIndex()
	for i := range 5 { // in each of two weeks, 10 to 50 minutes and then twice that
		wait := time.Duration(i+1) * 10 * time.Minute
		x.Put(took(fmt.Sprint("old-", i), 8*day+time.Hour, wait, approvals.Approved))
		x.Put(took(fmt.Sprint("new-", i), 2*day, 2*wait, approvals.Rejected))
	}
	x.Put(took("cancelled", 2*day, time.Second, approvals.Cancelled))
	x.Put(took("superseded", 2*day, time.Second, approvals.Superseded))
	x.Put(took("expired", 3*day, day, approvals.Expired))
	x.Put(took("by itself", 3*day, day, approvals.Approved)) // at its deadline, by the Gate's onExpiry
	x.Put(took("long ago", 40*day, time.Second, approvals.Approved))
	g := x.Snapshot().In("prod").Gates["production"]
	if g == nil {
		t.Fatal("Gate production is not there")
	}
	got := g.Times(ct.T0)
	want := overview.Times{
		Spread: overview.Spread{Count: 10, P50: 40 * time.Minute, P90: 80 * time.Minute}, Missed: 2,
		Weeks: [overview.Weeks]overview.Spread{
			2: {Count: 5, P50: 30 * time.Minute, P90: 50 * time.Minute}, 3: {Count: 5, P50: 60 * time.Minute, P90: 100 * time.Minute},
		},
		Before: overview.Spread{Count: 5, P50: 30 * time.Minute, P90: 50 * time.Minute},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("times (-want +got)\n%s", d)
	}
	if got.Trend() != overview.Slower {
		t.Errorf("trend %q, want %q", got.Trend(), overview.Slower)
	}
	if later := g.Times(ct.T0.Add(7 * day)); later.Weeks[overview.Weeks-1].Count != 0 || later.Weeks[overview.Weeks-2] != want.Weeks[overview.Weeks-1] || later.Trend() != overview.Unknown {
		t.Errorf("a week later: %+v", later)
	}
	if n := g.Since(ct.T0.Add(-2 * day)); n != 9 { // five votes, two that ended without a decision, and two at their deadlines
		t.Errorf("%d ended in two days", n)
	}
	x.Put(took("new-0", 2*day, 200*time.Minute, approvals.Rejected))
	if again := x.Snapshot().In("prod").Gates["production"].Times(ct.T0); again.Weeks[3].P50 != 80*time.Minute || g.Times(ct.T0) != want {
		t.Errorf("after a change: %+v", again)
	}
}

func TestTrend(t *testing.T) {
	t.Parallel()
	of := func(n int, p50 time.Duration) overview.Spread { return overview.Spread{Count: n, P50: p50} }
	for _, c := range []struct {
		before, last overview.Spread
		want         overview.Trend
	}{
		{of(50, time.Hour), of(4, time.Minute), overview.Unknown},
		{of(4, time.Hour), of(50, time.Minute), overview.Unknown},
		{of(5, time.Hour), of(5, time.Minute), overview.Faster},
		{of(5, time.Minute), of(5, time.Hour), overview.Slower},
		{of(5, 60*time.Minute), of(5, 75*time.Minute), overview.Steady},
		{of(5, 60*time.Minute), of(5, 76*time.Minute), overview.Slower},
		{of(5, 60*time.Minute), of(5, 48*time.Minute), overview.Steady},
		{of(5, 60*time.Minute), of(5, 47*time.Minute), overview.Faster},
		{of(5, 0), of(5, 0), overview.Steady},
	} {
		times := overview.Times{Before: c.before}
		times.Weeks[overview.Weeks-1] = c.last
		if got := times.Trend(); got != c.want {
			t.Errorf("%s after %s: %q, want %q", c.last.P50, c.before.P50, got, c.want)
		}
	}
}

// TestWaits: how long what waits has been waiting, whatever its deadline.
func TestWaits(t *testing.T) {
	t.Parallel()
	x := overview.NewIndex()
	for i := range 10 {
		x.Put(ct.Make(fmt.Sprint("a", i)).Lifetime(time.Duration(20-i) * time.Hour).With(func(a *approvals.Approval) {
			a.Resolved.Policy.Gate, a.OpenedAt = "production", ct.T0.Add(-time.Duration(i+1)*time.Minute)
		}).Obj())
	}
	g := x.Snapshot().In("prod").Gates["production"]
	if d := cmp.Diff(overview.Spread{Count: 10, P50: 5 * time.Minute, P90: 9 * time.Minute}, g.Waits(ct.T0)); d != "" {
		t.Errorf("waits (-want +got)\n%s", d)
	}
	if got := g.Waits(ct.T0.Add(-time.Hour)); got.P50 != 0 { // a clock that is behind
		t.Errorf("before they were opened: %+v", got)
	}
	if got := (&overview.Gate{}).Waits(ct.T0); got != (overview.Spread{}) {
		t.Errorf("of none: %+v", got)
	}
}

// TestGatesFollow: each Approval is in its Gate's list while it is there, and a Gate without any
// is none. What has not changed is shared.
func TestGatesFollow(t *testing.T) {
	t.Parallel()
	of := func(name, namespace, gate string) *ct.Builder {
		return ct.Make(name).In(namespace).With(func(a *approvals.Approval) { a.Resolved.Policy.Gate = gate })
	}
	x := overview.NewIndex()
	x.Put(of("a", "prod", "one").Obj())
	x.Put(of("b", "prod", "two").Obj())
	x.Put(of("a", "dev", "one").Obj())
	x.Put(ct.Make("c").In("dev").Unresolved(nil).Obj())
	first := x.Snapshot()
	one, two := first.In("prod").Gates["one"], first.In("prod").Gates["two"]
	if names(one.Waiting) != "[prod/a]" || names(two.Waiting) != "[prod/b]" || names(first.In("dev").Gates[""].Waiting) != "[dev/c]" || len(first.In("").Gates) != 0 {
		t.Fatalf("%v, %v", first.In("prod").Gates, first.In("dev").Gates)
	}
	x.Put(of("a", "prod", "one").Voted("alice", approvals.Approve, "").Obj())
	second := x.Snapshot().In("prod").Gates
	if names(second["one"].Waiting) != "[]" || names(second["one"].Ended) != "[prod/a]" || second["two"] != two || names(one.Waiting) != "[prod/a]" {
		t.Errorf("after a decision: %s and %s", names(second["one"].Waiting), names(second["one"].Ended))
	}
	x.Remove("prod", "a")
	x.Put(of("b", "prod", "three").Obj()) // as after it was opened again
	third := x.Snapshot().In("prod").Gates
	if len(third) != 1 || names(third["three"].Waiting) != "[prod/b]" {
		t.Errorf("left: %v", third)
	}
}
