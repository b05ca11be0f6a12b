package servicetest

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestRevokeByVote: a Vote object ends a link, of anyone who made it or, for those who operate
// the namespace, of anybody; what is refused says why on the Vote, and nothing is changed.
func TestRevokeByVote(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		spec  v1alpha1.VoteSpec
		ended string // whose link; "": the Vote is refused
	}{
		"one's own":               {v1alpha1.VoteSpec{Voter: "alice"}, "alice"},
		"one's own, said":         {v1alpha1.VoteSpec{Voter: "alice", Of: "alice"}, "alice"},
		"an operator, by address": {v1alpha1.VoteSpec{Voter: "olga", Of: "alice@example.com"}, "alice"},
		"an operator, own":        {v1alpha1.VoteSpec{Voter: "olga"}, ""},
		"another's":               {v1alpha1.VoteSpec{Voter: "bob", Of: "alice"}, ""},
		"a stranger":              {v1alpha1.VoteSpec{Voter: "mallory", Of: "alice@example.com"}, ""},
		"of nobody":               {v1alpha1.VoteSpec{Voter: "olga", Of: "zoe@example.com"}, ""},
		"of another of its name":  {v1alpha1.VoteSpec{Voter: "alice", ApprovalUID: "other"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 2", 1))
			w.guard()
			approval := w.opened()
			link := approvals.Identity{Name: "alice", AuthMethod: approvals.AuthLink, Address: "alice@example.com", CredentialID: "link"}
			w.desk.People, _ = approvals.NewDirectory([]approvals.Person{{Names: []string{"alice"}, Emails: []string{"alice@example.com"}}}, nil)
			if _, _, err := w.desk.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: approval}, approvals.Ballot{Voter: link, Verdict: approvals.Approve}); err != nil {
				t.Fatal(err)
			}
			c.spec.Approval, c.spec.Verdict = approval, v1alpha1.VerdictRevokeLink
			w.put("v", c.spec)
			for range 3 {
				w.step(w.votes, "v")
			}
			a, ended := w.get(approval), ""
			for _, r := range a.Revoked {
				ended += r.Voter
				if r.By != c.spec.Voter {
					t.Errorf("ended by %q", r.By)
				}
			}
			want := v1alpha1.VoteRecorded
			if c.ended == "" {
				want = v1alpha1.VoteRefused
			}
			state, why, _ := strings.Cut(w.state("v"), " ")
			if state != string(want) || ended != c.ended || (len(a.Votes) == 0) != (c.ended != "") {
				t.Errorf("%s %q, ended %q, votes %+v; want %s", state, why, ended, a.Votes, want)
			}
			said.Check(t, name, strings.ReplaceAll(why, approval, "APPROVAL"))
			if c.ended == "" {
				return
			}
			_, _, err := w.desk.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: approval}, approvals.Ballot{Voter: link, Verdict: approvals.Approve})
			if approvals.CodeOf(err) != approvals.CodeForbidden {
				t.Errorf("by the link: %v", err)
			}
			said.Check(t, name+", by the link", approvals.Message(err))
			w.put("again", c.spec)
			w.step(w.votes, "again")
			if got := w.state("again"); got != "Recorded the link was already revoked; nothing was changed" || len(w.get(approval).Revoked) != 1 {
				t.Errorf("again: %q", got)
			}
		})
	}
}

// TestRevokeUnguarded: while nothing proves whose the Vote is, no link ends by it.
func TestRevokeUnguarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	approval := w.opened()
	spec := v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: v1alpha1.VerdictRevokeLink}
	w.put("v", spec)
	if _, err := w.votes.Reconcile(t.Context(), request("v")); err == nil || w.state("v") != " " || len(w.get(approval).Revoked) != 0 {
		t.Errorf("%v, %q", err, w.state("v"))
	}
	w.wait(time.Minute)
	w.guardSince(w.now())
	w.step(w.votes, "v")
	if got := w.state("v"); !strings.HasPrefix(got, "Refused ") || len(w.get(approval).Revoked) != 0 {
		t.Errorf("%q", got)
	}
}
