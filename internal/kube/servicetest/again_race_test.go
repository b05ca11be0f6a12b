package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// around does something before and after an Approval is opened again: another process.
type around struct {
	approvals.Reopener

	before, after func()
}

func (r around) Reopen(ctx context.Context, old approvals.Approval, by string) (approvals.Approval, error) {
	if r.before != nil {
		r.before()
	}
	next, err := r.Reopener.Reopen(ctx, old, by)
	if r.after != nil && err == nil {
		r.after()
	}
	return next, err
}

// TestRejectedWhileAskedAgain: a rejection that comes while somebody asks again is final,
// whichever of the two is written first, and anyone who dies in between.
func TestRejectedWhileAskedAgain(t *testing.T) {
	t.Parallel()
	changed := func(t *testing.T) (*world, string) {
		t.Helper()
		w := newWorld(t, kubetest.World)
		name := w.opened()
		_, err := w.store.Update(t.Context(), w.get(name).Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: approvals.ReasonContentChanged, Message: "x"}})
			return a, approvals.Blocking, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return w, name
	}
	olga := approvals.Identity{Name: "olga", AuthMethod: approvals.AuthToken}
	reject := func(w *world, name string) {
		if _, _, err := w.desk.Vote(w.t.Context(), w.get(name).Key, ct.Ballot("alice", approvals.Reject, "no")); err != nil {
			w.t.Fatal(err)
		}
	}
	isFinal := func(w *world, name string, err error) {
		w.t.Helper()
		if approvals.CodeOf(err) != approvals.CodeConflict {
			w.t.Errorf("asked again: %v", err)
		}
		if a := w.get(name); a.Outcome != approvals.Rejected || a.SupersededBy != "" {
			w.t.Errorf("%s, superseded by %q", a.Outcome, a.SupersededBy)
		}
	}

	t.Run("before it is opened", func(t *testing.T) {
		t.Parallel()
		w, name := changed(t)
		w.desk.Again = around{Reopener: w.desk.Again, before: func() { reject(w, name) }}
		_, err := w.desk.AskAgain(t.Context(), w.get(name).Key, olga)
		isFinal(w, name, err)
		if n := w.Count("create"); n != 1 {
			t.Errorf("%d were opened", n)
		}
	})
	t.Run("after it is opened", func(t *testing.T) {
		t.Parallel()
		w, name := changed(t)
		old := w.get(name)
		w.desk.Again = around{Reopener: w.desk.Again, after: func() { reject(w, name) }}
		_, err := w.desk.AskAgain(t.Context(), old.Key, olga)
		isFinal(w, name, err)
		if next := w.get(approvals.AgainName(old)); next.Outcome != approvals.Cancelled || next.Cancellation == nil {
			t.Errorf("%s is still asked: %+v", next.Outcome, next.Cancellation)
		}
	})
	// Who asked dies, and the leader looks at either of the two, last.
	for which := range 2 {
		t.Run([]string{"the old one is looked at", "the new one is looked at"}[which], func(t *testing.T) {
			t.Parallel()
			w, name := changed(t)
			old := w.get(name)
			next, err := w.desk.Again.Reopen(t.Context(), old, "olga")
			if err != nil {
				t.Fatal(err)
			}
			reject(w, name)
			w.step(w.preflight, []string{name, next.Name}[which])
			if a := w.get(next.Name); a.Outcome != approvals.Cancelled {
				t.Errorf("%q in the place of what was rejected", a.Outcome)
			}
			w.wait(time.Minute)
			w.step(w.preflight, name)
			if a := w.get(name); a.Outcome != approvals.Rejected || a.SupersededBy != "" {
				t.Errorf("%s, superseded by %q", a.Outcome, a.SupersededBy)
			}
		})
	}
}
