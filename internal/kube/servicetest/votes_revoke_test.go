package servicetest

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// TestRevokeByVote: a Vote object ends a link, of anyone who made it or, for those who operate
// the namespace, of anybody; what is refused says why on the Vote, and nothing is changed.
func TestRevokeByVote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec  v1alpha1.VoteSpec
		want  string
		ended string
	}{
		"one's own":               {v1alpha1.VoteSpec{Voter: "alice"}, "Recorded the link was revoked: nobody can decide with it any more; 2 more to come", "alice"},
		"one's own, said":         {v1alpha1.VoteSpec{Voter: "alice", Of: "alice"}, "Recorded the link was revoked", "alice"},
		"an operator, by address": {v1alpha1.VoteSpec{Voter: "olga", Of: "alice@example.com"}, "Recorded the link was revoked", "alice"},
		"an operator, own":        {v1alpha1.VoteSpec{Voter: "olga"}, `Refused no link was mailed to "olga"`, ""},
		"another's":               {v1alpha1.VoteSpec{Voter: "bob", Of: "alice"}, "Refused bob is not an operator of namespace prod: ask for the permission to update approvals.countersign.dev/status", ""},
		"a stranger":              {v1alpha1.VoteSpec{Voter: "mallory", Of: "alice@example.com"}, "Refused mallory is not an operator of namespace prod", ""},
		"of nobody":               {v1alpha1.VoteSpec{Voter: "olga", Of: "zoe@example.com"}, `Refused no link was mailed to "zoe@example.com"`, ""},
		"of another of its name":  {v1alpha1.VoteSpec{Voter: "alice", ApprovalUID: "other"}, "Refused approval prod/", ""},
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
			if got := w.state("v"); !strings.HasPrefix(got, c.want) || ended != c.ended || (len(a.Votes) == 0) != (c.ended != "") {
				t.Errorf("%q, ended %q, votes %+v; want %q", got, ended, a.Votes, c.want)
			}
			if c.ended == "" {
				return
			}
			_, _, err := w.desk.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: approval}, approvals.Ballot{Voter: link, Verdict: approvals.Approve})
			if approvals.CodeOf(err) != approvals.CodeForbidden || !strings.Contains(approvals.Message(err), "this link was revoked by "+c.spec.Voter) {
				t.Errorf("by the link: %v", err)
			}
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
	if got := w.state("v"); !strings.HasPrefix(got, "Refused this Vote is older than the admission policy") || len(w.get(approval).Revoked) != 0 {
		t.Errorf("%q", got)
	}
}
