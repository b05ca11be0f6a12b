//go:build chaos && upgrade

package chaos

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// TestUpgrade: two hundred Approvals are pending, people vote, and the previous version becomes this one. All are
// decided once, none is asked about again, and each starts what it was approved for.
func TestUpgrade(t *testing.T) {
	changeVersions(t, "upgrade", cluster.Previous(), cluster.This())
}

// TestRollback is the way back: what this version has opened and asked is decided by the previous one.
func TestRollback(t *testing.T) {
	changeVersions(t, "rollback", cluster.This(), cluster.Previous())
}

func changeVersions(t *testing.T, kind string, from, to cluster.Installation) {
	t.Helper()
	c := change{kind: kind, to: to, after: 75 * time.Second, together: 20 * time.Second}
	s := settings{
		seed: 1, n: 200, canary: 3 * time.Second, load: 150 * time.Second, drain: 3 * time.Minute,
		keep: os.Getenv("KEEP") != "", dir: filepath.Join(cache(), "chaos", kind), change: &c,
	}
	s.plans = func(ns string) []*history.Plan { return changePlans(s.seed, s.n, c, ns) }
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := cluster.Removed(ctx); err != nil {
		t.Fatal(err)
	}
	if err := from.Install(ctx, "deploy"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.RolledOut(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, err := cluster.Command(context.WithoutCancel(t.Context()), "", "kubectl", "-n", cluster.ServiceNamespace, "logs", "-l", "app.kubernetes.io/name=countersign", "--prefix", "--tail=60")
			t.Logf("the service's logs (%v):\n%s", err, said)
		}
	})
	h := judged(t, s)
	if len(h.Faults) != 1 {
		t.Fatalf("there were %d changes of the version, want one", len(h.Faults))
	}
	open, voted := 0, 0
	for name, seen := range h.Versions {
		at := "" // what it was when the change began
		for _, v := range seen {
			if v.Seen.Before(h.Faults[0].Start) {
				at = string(v.Status.Outcome)
			}
		}
		if p := h.Of[name]; p != nil && p.ID < s.n && (at == "" || at == "Pending") && len(seen) > 0 && seen[0].Seen.Before(h.Faults[0].Start) {
			open++
		}
	}
	for _, ops := range h.Ops {
		for _, o := range ops {
			if o.Acked() && o.Start.After(h.Faults[0].Start) && o.End.Before(h.Faults[0].End) {
				voted++
			}
		}
	}
	if open != s.n {
		t.Errorf("%d of %d were pending when the %s began", open, s.n, kind)
	}
	if voted < s.n/4 {
		t.Errorf("%d votes were taken while the %s went on, want %d at least", voted, kind, s.n/4)
	}
	for _, p := range h.Plans {
		if p.ID >= s.n {
			continue
		}
		if a := h.Final[p.Approval]; a.Status.Outcome != "Approved" && a.Status.Outcome != "Rejected" {
			t.Errorf("approval %q of plan %d is %q: it was to be decided", p.Approval, p.ID, a.Status.Outcome)
		}
	}
}
