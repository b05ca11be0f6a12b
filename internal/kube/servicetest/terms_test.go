package servicetest

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestLapses: what can't be decided ends some day, by its Gate where there is one, and what
// is mended after that revives nothing.
func TestLapses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs string
		in   time.Duration
	}{
		"as its Gate says": {strings.Replace(kubetest.World, "digest: results.digest", "digest: results.nothing", 1), time.Hour},
		"without a Gate":   {kubetest.Without(kubetest.World, "Gate"), approvals.DefaultLifetime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.docs)
			name := w.opened()
			if left := w.step(w.approvals, name).RequeueAfter; left != c.in {
				t.Errorf("looked at again in %s, want when its time is over, %s", left, c.in)
			}
			before := w.Count("patch status")
			w.wait(c.in)
			// Mended, a moment too late.
			if name == "without a Gate" {
				for _, o := range kubetest.Objects(t, kubetest.Only(kubetest.World, "Gate")) {
					if err := w.Create(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 3 {
				if res := w.step(w.approvals, name); res.RequeueAfter != 0 {
					t.Errorf("looked at again in %s", res.RequeueAfter)
				}
			}
			a := w.get(name)
			if a.Outcome != approvals.Expired || a.Resolved != nil || a.Blocked == nil || !a.DecidedAt.Equal(w.now()) || len(w.ended) != 1 {
				t.Errorf("%s, blocked %v, ended %v", a.Outcome, a.Blocked, w.ended)
			}
			if n := w.Count("patch status") - before; n != 1 {
				t.Errorf("%d writes", n)
			}
			_, _, err := w.desk.Vote(t.Context(), a.Key, ct.Ballot("alice", approvals.Approve, ""))
			if approvals.CodeOf(err) != approvals.CodeNotReady && approvals.CodeOf(err) != approvals.CodeGone {
				t.Errorf("a vote: %v", err)
			}
			if posts, _ := w.listener.Requests(); len(posts) > 0 {
				t.Errorf("%d posts", len(posts))
			}
		})
	}
}

// TestLapsesNotForeign: what somebody else made is left as it is.
func TestLapsesNotForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	o := &v1alpha1.Approval{}
	o.Namespace, o.Name = "prod", "forged"
	o.Spec = v1alpha1.ApprovalSpec{Trigger: "apply", Source: v1alpha1.Source{Event: &v1alpha1.EventSource{Digest: "x", Body: "{}"}}}
	if err := w.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w.wait(30 * 24 * time.Hour)
	w.step(w.approvals, "forged")
	w.step(w.approvals, "forged")
	if err := w.Get(t.Context(), types.NamespacedName{Namespace: "prod", Name: "forged"}, o); err != nil || o.Status.Outcome == "Expired" {
		t.Errorf("%v, outcome %s", err, o.Status.Outcome)
	}
}
