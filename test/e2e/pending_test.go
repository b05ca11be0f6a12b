//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

func TestPartOneGoneWhilePending(t *testing.T) {
	e, token, _ := gated(t, "")
	pr := e.Part1("part-1", "7")
	first := e.ApprovalOf(pr)
	if err := e.Delete(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	// The same name again is another run, and another Approval.
	again := e.Part1("part-1", "8")
	second := e.ApprovalOf(again)
	if first == second {
		t.Fatal("two runs of one name share an Approval")
	}
	for _, name := range []string{first, second} {
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		e.Confirmed(name)
	}
	for name, version := range map[string]string{first: "7", second: "8"} {
		if got := cluster.ParamOf(e.RunOf(name), "version"); got != version {
			t.Errorf("%s runs with version %q, want %q", name, got, version)
		}
	}
}

// Nothing is lost while the Gate is missing, and nobody can decide.
func TestUnknownGate(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gated("deploy", "later", ""))
	e.ListenerURL("deploy")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Condition(name, v1alpha1.ConditionReady, "NotResolved", "later")
	if v := e.Vote(name, token, "approve", ""); v.Status != 403 || !strings.Contains(v.Body, `"forbidden"`) {
		t.Errorf("vote unresolved: %d %s", v.Status, v.Body)
	}
	e.Apply(cluster.Gate("later", user, ""))
	e.Eventually(time.Minute, "a decidable approval", func() error {
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Confirmed(name)
}

func TestNotListedMayNotVote(t *testing.T) {
	e, _, _ := gated(t, "")
	_, stranger := e.Token("stranger")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(name, stranger, "approve", ""); v.Status != 403 || !strings.Contains(v.Body, `"forbidden"`) {
		t.Errorf("%d %s", v.Status, v.Body)
	}
	if v := e.Vote(name, "no-such-token", "approve", ""); v.Status != 401 {
		t.Errorf("%d %s", v.Status, v.Body)
	}
	if v := e.Post(e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/votes", map[string]string{"X-Forwarded-User": "approver"}, []byte(`{"vote":"approve"}`)); v.Status != 401 {
		t.Errorf("a bare X-Forwarded-User: %d %s", v.Status, v.Body)
	}
	if a := e.Approval(name); len(a.Status.Votes) != 0 {
		t.Errorf("votes were recorded: %+v", a.Status.Votes)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(strings.ReplaceAll(cluster.Gate("gate", user, "  releaseOn: [Approved, Expired]"), "expiresAfter: 1h", "expiresAfter: 10s"))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Confirmed(name)
	if a := e.Approval(name); a.Status.Outcome != "Expired" {
		t.Errorf("outcome %s", a.Status.Outcome)
	}
	if v := e.Vote(name, token, "approve", ""); v.Status != 410 || v.Error.Code != "gone" {
		t.Errorf("a late vote: %d %s", v.Status, v.Body)
	}
	if got := cluster.ParamOf(e.Runs("deploy")[0], "decision"); got != "false" {
		t.Errorf("decision %q", got)
	}
}
