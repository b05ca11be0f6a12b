package store_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestRunName: it follows from the Approval's UID and the key that signed it, whatever
// keys come later, and is known only while the run is awaited.
func TestRunName(t *testing.T) {
	t.Parallel()
	decided := ct.Make("apply-1").Voted("alice", approvals.Approve, "")
	newer := keyring.Key{Made: ct.T0, Secret: bytes.Repeat([]byte{1}, keyring.Size)}
	nameBy := func(ring keyring.Ring, a approvals.Approval) string {
		o := servicetest.ObjectOf(a)
		return string((&store.Store{Ring: func() keyring.Ring { return ring }}).View(o).RunName)
	}
	first := nameBy(servicetest.TestRing, decided.Obj())
	if !strings.HasPrefix(first, "apply-") || len(first) != len("apply-")+16 || first == "apply-1" {
		t.Errorf("%q", first)
	}
	for name, ring := range map[string]keyring.Ring{"after a rotation": {newer, servicetest.TestRing[0]}, "before it is settled": {servicetest.TestRing[0], newer}} {
		if got := nameBy(ring, decided.Obj()); got != first {
			t.Errorf("%s: %q, and before %q", name, got, first)
		}
	}
	other := ct.Make("apply-1").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) { a.UID = "another" }).Obj()
	if got := nameBy(servicetest.TestRing, other); got == "" || got == first {
		t.Errorf("another Approval of that name has %q", got)
	}
	for name, a := range map[string]*ct.Builder{
		"pending":         ct.Make("apply-1"),
		"rejected":        ct.Make("apply-1").Voted("alice", approvals.Reject, ""),
		"its run is seen": ct.Make("apply-1").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) { a.SecondRun = &approvals.Run{Name: "r", UID: "u"} }),
		"written elsewhere": ct.Make("apply-1").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
			a.Resolved.Target = &approvals.Target{Kind: approvals.TargetConfigMap, Name: "x", Key: "k"}
		}),
	} {
		if got := nameBy(servicetest.TestRing, a.Obj()); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := nameBy(keyring.Ring{newer}, decided.Obj()); got != "" {
		t.Errorf("without its key: %q", got)
	}
}

// TestVoterKnowsItsRun: what a vote decided is posted at once, under the name that the
// saved Approval has.
func TestVoterKnowsItsRun(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t, servicetest.ObjectOf(ct.Make("apply-1").Obj()))
	s := c.Store()
	a, err := s.Update(t.Context(), approvals.Key{Namespace: "prod", Name: "apply-1"}, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		if a.RunName != "" {
			t.Error("the name of a pending one's run is known")
		}
		return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, ""), ct.T0)
	})
	if err != nil || a.RunName == "" {
		t.Fatalf("%q, %v", string(a.RunName), err)
	}
	again, err := s.Get(t.Context(), a.Key)
	if err != nil || again.RunName != a.RunName {
		t.Errorf("read again %q, before %q, %v", string(again.RunName), string(a.RunName), err)
	}
}
