package audit_test

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/audit"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

func TestForRecord(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Voted("alice", approvals.Approve, "").Obj()
	s := servicetest.NewCluster(t, servicetest.ObjectOf(a)).Store()
	source := audit.Source{Store: s}
	for _, c := range []struct {
		ring     func() keyring.Ring
		verified bool
	}{{servicetest.Ring, true}, {func() keyring.Ring { return nil }, false}} {
		s.Ring = c.ring
		got, verified, err := source.ForRecord(t.Context(), a.Key)
		if err != nil || verified != c.verified || got.Resolved == nil || got.Outcome != approvals.Approved {
			t.Errorf("verified %t, want %t, with %+v, %v", verified, c.verified, got.Resolved, err)
		}
	}
	if _, _, err := source.ForRecord(t.Context(), approvals.Key{Namespace: "prod", Name: "b"}); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("not there: %v", err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	for name, c := range map[string]struct {
		may     bool
		err     error
		fault   string
		removed bool
		code    approvals.Code
	}{
		"it may":        {may: true, removed: true},
		"it may not":    {},
		"not known":     {err: stop, code: approvals.CodeInternal},
		"API is down":   {may: true, fault: "get", code: approvals.CodeUnavailable},
		"changed since": {may: true, fault: "changed", code: approvals.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Obj()
			cl := servicetest.NewCluster(t, servicetest.ObjectOf(a))
			s := cl.Store()
			cl.Fail(func(verb string, _ runtime.Object) error {
				if verb == c.fault {
					return errors.New("connection refused")
				}
				return nil
			})
			removed, err := audit.Source{Store: s}.Remove(t.Context(), a.Key, func(got approvals.Approval) (bool, error) {
				if got.Key != a.Key {
					t.Errorf("asked about %+v", got.Key)
				}
				if c.fault == "changed" {
					if _, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
						return approvals.Cast(a, ct.Ballot("alice", approvals.Approve, ""), ct.T0)
					}); err != nil {
						t.Error(err)
					}
				}
				return c.may, c.err
			})
			if removed != c.removed || approvals.CodeOf(err) != c.code {
				t.Errorf("%t, %v", removed, err)
			}
			cl.Fail(nil)
			if _, err := s.Fresh(t.Context(), a.Key); (err != nil) != c.removed {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
