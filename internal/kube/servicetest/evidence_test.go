package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
)

// TestEvidenceThatIsNotKept: an Approval whose evidence can't be kept, for a quota say, expires
// in time all the same, and it is tried again.
func TestEvidenceThatIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	kept := &keeper{err: approvals.Errorf(approvals.CodeLimited, "over the quota")}
	w.approvals.Evidence, w.store.Ring = kept, Ring // that of ObjectOf
	o := ObjectOf(ct.Make("shows").With(func(a *approvals.Approval) {
		a.OpenedAt = w.now()
		a.Resolved.Evidence = []evidence.Item{evidence.Wanted{Name: "plan", Kind: evidence.Upload}.Of([]byte("x"))}
	}).Obj())
	if err := w.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if again := w.step(w.approvals, "shows").RequeueAfter; again != lifecycle.KeepAgain {
		t.Errorf("looked at again in %s, want %s", again, lifecycle.KeepAgain)
	}
	w.wait(2 * time.Hour)
	w.step(w.approvals, "shows")
	if a := w.get("shows"); a.Outcome != approvals.Expired {
		t.Errorf("it is %s, want it expired", a.Outcome)
	}
	kept.err = nil
	if again := w.step(w.approvals, "shows").RequeueAfter; kept.asked != 2 || again != 2*lifecycle.KeepAgain {
		t.Errorf("asked %d times, and again in %s; want twice, and %s", kept.asked, again, 2*lifecycle.KeepAgain)
	}
	w.wait(2 * lifecycle.KeepAgain)
	w.step(w.approvals, "shows")
	w.step(w.approvals, "shows")
	if kept.asked != 3 {
		t.Errorf("asked %d times to keep it, want twice in vain and once more", kept.asked)
	}
}

// keeper counts how often it was asked to keep evidence.
type keeper struct {
	err   error
	asked int
}

func (k *keeper) Own(context.Context, approvals.Approval) error {
	k.asked++
	return k.err
}
