package servicetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/lifecycle"
)

// TestVoteInTime: what counts is when a Vote was made. Whichever controller looks first
// when nobody has looked for a while, a Vote of before the deadline counts, and one of
// after it does not.
func TestVoteInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made    time.Duration // after the opening; the Gate gives an hour
		voter   string
		refused bool // by the API server, for as long as it is looked at
		want    approvals.Outcome
		state   string
	}{
		"in the last second":          {made: time.Hour - time.Second, voter: "alice", want: approvals.Approved, state: "Recorded"},
		"after it":                    {made: time.Hour, voter: "alice", want: approvals.Expired, state: "Refused this expired"},
		"in time, by somebody else":   {made: time.Minute, voter: "mallory", want: approvals.Expired, state: "Refused you (mallory)"},
		"in time, and not to be kept": {made: time.Minute, voter: "alice", refused: true, want: approvals.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.guard()
			approval := w.opened()
			w.wait(c.made)
			w.put("v", v1alpha1.VoteSpec{Approval: approval, Voter: c.voter, Verdict: "approve"})
			w.wait(2*time.Hour - c.made) // nobody leads
			res := w.step(w.approvals, approval)
			if waits := c.want == approvals.Approved || c.voter == "mallory" || c.refused; waits != (res.RequeueAfter == lifecycle.LookForVotes) || waits == w.get(approval).Decided() {
				t.Errorf("looked at again in %s, %s", res.RequeueAfter, w.get(approval).Outcome)
			}
			if c.refused {
				w.wait(lifecycle.WaitForVotes + time.Second)
			} else {
				w.step(w.votes, "v")
			}
			w.step(w.approvals, approval)
			if a := w.get(approval); a.Outcome != c.want || !strings.HasPrefix(w.state("v"), c.state) {
				t.Errorf("%s, %q; want %s, %q", a.Outcome, w.state("v"), c.want, c.state)
			}
		})
	}
}

// TestVoteIsRefusedByRulesAlone: whatever the API server answers to the service is no word on
// the voter. The Vote waits, and counts.
func TestVoteIsRefusedByRulesAlone(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}
	for name, fault := range map[string]error{
		"forbidden":   apierrors.NewForbidden(resource, "a", errors.New("RBAC: not synced")),
		"not served":  apierrors.NewGenericServerResponse(404, "get", resource, "a", "404 page not found", 0, true),
		"conflict":    apierrors.NewConflict(resource, "a", errors.New("changed")),
		"throttled":   apierrors.NewTooManyRequests("later", 1),
		"a policy":    apierrors.NewInvalid(schema.GroupKind{Group: "countersign.dev", Kind: "Approval"}, "a", nil),
		"bad request": apierrors.NewBadRequest("the webhook says no"),
		"500":         apierrors.NewInternalError(errors.New("etcdserver: leader changed")),
	} {
		for _, verb := range []string{"get", "patch status"} {
			t.Run(name+" to "+verb, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, kubetest.World)
				w.guard()
				approval := w.opened()
				w.put("v", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
				w.Fail(func(v string, o runtime.Object) error {
					if _, ok := o.(*v1alpha1.Approval); ok && v == verb {
						return fault
					}
					return nil
				})
				for range 2 {
					if _, err := w.votes.Reconcile(t.Context(), request("v")); err == nil {
						t.Error("it is not tried again")
					}
				}
				w.Fail(nil)
				if got := w.state("v"); got != " " {
					t.Errorf("the Vote says %q", got)
				}
				w.step(w.votes, "v")
				if got := w.state("v"); !strings.HasPrefix(got, "Recorded") || len(w.get(approval).Votes) != 1 {
					t.Errorf("%q with %d votes", got, len(w.get(approval).Votes))
				}
			})
		}
	}
}
