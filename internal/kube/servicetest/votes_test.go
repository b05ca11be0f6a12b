package servicetest

import (
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	kubevote "github.com/countersign-dev/countersign/internal/kube/vote"
)

// guard puts the admission policy there that proves who made a Vote.
func (w *world) guard() { w.guardSince(w.now().Add(-time.Hour)) }

func (w *world) guardSince(at time.Time) {
	w.t.Helper()
	name := metav1.ObjectMeta{Name: identity.GuardOfVotes, CreationTimestamp: metav1.NewTime(at)}
	if err := w.Create(w.t.Context(), &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name}); err != nil {
		w.t.Fatal(err)
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name}
	binding.Spec.PolicyName, binding.Spec.ValidationActions = identity.GuardOfVotes, []admissionv1.ValidationAction{admissionv1.Deny}
	if err := w.Create(w.t.Context(), binding); err != nil {
		w.t.Fatal(err)
	}
}

// put makes a Vote.
func (w *world) put(name string, spec v1alpha1.VoteSpec) {
	w.t.Helper()
	v := &v1alpha1.Vote{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(w.now())}, Spec: spec}
	if err := w.Create(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) state(name string) string {
	w.t.Helper()
	var v v1alpha1.Vote
	if err := w.Get(w.t.Context(), request(name).NamespacedName, &v); err != nil {
		w.t.Fatal(err)
	}
	return string(v.Status.State) + " " + v.Status.Message
}

// TestVotes: an object is folded in once, and says what became of it.
func TestVotes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec v1alpha1.VoteSpec
		want string
		ends approvals.Outcome
	}{
		"approve":         {v1alpha1.VoteSpec{Voter: "alice", Verdict: "approve", Comment: "ship it"}, "Recorded the approval is Approved", approvals.Approved},
		"reject":          {v1alpha1.VoteSpec{Voter: "alice", Verdict: "reject"}, "Recorded the approval is Rejected", approvals.Rejected},
		"of its UID":      {v1alpha1.VoteSpec{Voter: "alice", Verdict: "approve", ApprovalUID: "the one"}, "Recorded the approval is Approved", approvals.Approved},
		"another UID":     {v1alpha1.VoteSpec{Voter: "alice", Verdict: "approve", ApprovalUID: "other"}, "Refused approval prod/", approvals.Pending},
		"no such":         {v1alpha1.VoteSpec{Approval: "nope", Voter: "alice", Verdict: "approve"}, "Refused approval prod/nope was not found", approvals.Pending},
		"not for mallory": {v1alpha1.VoteSpec{Voter: "mallory", Verdict: "approve"}, "Refused you (mallory)", approvals.Pending},
		"nothing to take": {v1alpha1.VoteSpec{Voter: "alice", Verdict: "withdraw"}, "Refused you (alice) have no vote to withdraw", approvals.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			w.guard()
			approval := w.opened()
			if c.spec.Approval == "" {
				c.spec.Approval = approval
			}
			if c.spec.ApprovalUID == "the one" {
				c.spec.ApprovalUID = w.get(approval).UID
			}
			w.put("v", c.spec)
			for range 3 {
				w.step(w.votes, "v")
			}
			a := w.get(approval)
			if got := w.state("v"); !strings.HasPrefix(got, c.want) || a.Outcome != c.ends {
				t.Errorf("%q, %s; want %q, %s", got, a.Outcome, c.want, c.ends)
			}
			if c.ends != approvals.Pending && (a.Votes[0].AuthMethod != approvals.AuthObject || a.Votes[0].CredentialID != "vote:uid-v") {
				t.Errorf("%+v", a.Votes)
			}
		})
	}
}

// TestVoteUnguarded: while nothing proves whose it is, a Vote waits.
func TestVoteUnguarded(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, kubetest.World)
	approval := w.opened()
	w.put("v", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	_, err := w.votes.Reconcile(t.Context(), request("v"))
	if err == nil {
		t.Fatal("counted, and nothing proves whose it is")
	}
	said.Check(t, "no policy", err.Error())
	if got := w.state("v"); got != " " || w.get(approval).Decided() {
		t.Errorf("%q", got)
	}
	w.wait(time.Minute)
	w.guardSince(w.now())
	w.step(w.votes, "v")
	if got := w.state("v"); !strings.HasPrefix(got, "Refused ") || w.get(approval).Decided() {
		t.Errorf("made while nothing proved whose it is: %q", got)
	}
	w.wait(time.Minute)
	w.put("again", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	w.step(w.votes, "again")
	if !w.get(approval).Decided() {
		t.Error("a vote that was proved was not folded in")
	}
}

// TestVoteOfBefore: nobody votes on what they can't have seen.
func TestVoteOfBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.Without(kubetest.World, "Gate"))
	w.guard()
	approval := w.opened()
	w.put("early", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	w.step(w.votes, "early")
	if got := w.state("early"); !strings.HasPrefix(got, "Refused") || w.get(approval).Decided() {
		t.Errorf("%q", got)
	}
}

// TestVoteAgain: a Vote whose status was never written is not cast over a newer
// one, nor twice.
func TestVoteAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 2", 1))
	w.guard()
	approval := w.opened()
	spec := v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve", Comment: "old"}
	w.put("old", spec)
	w.wait(time.Minute)
	spec.Comment = "new"
	w.put("new", spec)
	w.step(w.votes, "new") // waits for its turn
	if got := w.state("new"); got != " " {
		t.Errorf("folded in before an older one: %q", got)
	}
	w.step(w.votes, "old")
	w.step(w.votes, "new")
	if v := w.get(approval).Votes; len(v) != 1 || v[0].Comment != "new" {
		t.Errorf("%+v", v)
	}
	// Killed between the two writes: the Approval has it, the Vote does not know.
	writes := w.Count("patch status")
	var v v1alpha1.Vote
	if err := w.Get(t.Context(), request("new").NamespacedName, &v); err != nil {
		t.Fatal(err)
	}
	v.Status = v1alpha1.VoteStatus{}
	if err := w.Status().Update(t.Context(), &v); err != nil {
		t.Fatal(err)
	}
	w.step(w.votes, "new")
	if got := w.state("new"); !strings.HasPrefix(got, "Recorded") || w.Count("patch status") != writes+1 {
		t.Errorf("%q after %d writes", got, w.Count("patch status")-writes)
	}
}

// TestMadeBefore: what somebody says twice in a second counts in the order in which it was
// said, whatever the objects are called.
func TestMadeBefore(t *testing.T) {
	t.Parallel()
	vote := func(name, version string, second int) *v1alpha1.Vote {
		return &v1alpha1.Vote{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version, CreationTimestamp: metav1.NewTime(time.Unix(int64(second), 0))}}
	}
	for name, c := range map[string][2]*v1alpha1.Vote{
		"another second":        {vote("b", "20", 1), vote("a", "10", 2)},
		"the same second":       {vote("b", "9", 1), vote("a", "10", 1)},
		"and nothing tells but": {vote("a", "", 1), vote("b", "", 1)},
	} {
		if !kubevote.MadeBefore(c[0], c[1]) || kubevote.MadeBefore(c[1], c[0]) || kubevote.MadeBefore(c[0], c[0]) {
			t.Errorf("%s: %s is not before %s", name, c[0].Name, c[1].Name)
		}
	}
}

// TestVoteIsRemoved: the Approval has the record, so the object goes after a while,
// and never before it was looked at.
func TestVoteIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.guard()
	approval := w.opened()
	w.put("v", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	w.wait(2 * time.Minute)
	w.step(w.votes, "v")
	if !strings.HasPrefix(w.state("v"), "Recorded") || len(w.get(approval).Votes) != 1 {
		t.Fatalf("%q", w.state("v"))
	}
	if again := w.step(w.votes, "v").RequeueAfter; again != 58*time.Minute {
		t.Errorf("again in %s", again)
	}
	w.wait(time.Hour)
	w.step(w.votes, "v")
	var v v1alpha1.Vote
	if err := w.Get(t.Context(), request("v").NamespacedName, &v); !apierrors.IsNotFound(err) {
		t.Errorf("still there: %v", err)
	}
	if len(w.get(approval).Votes) != 1 {
		t.Error("the vote went with its object")
	}
}

// TestWithdrawnIsGone: the only vote, taken back, is not there any more for anyone who
// votes next.
func TestWithdrawnIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 2", 1))
	w.guard()
	approval := w.opened()
	w.put("yes", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	w.step(w.votes, "yes")
	w.put("back", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "withdraw"})
	w.step(w.votes, "back")
	if v := w.get(approval).Votes; len(v) != 0 {
		t.Errorf("withdrawn, and there: %+v", v)
	}
}
