package servicetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/vote"
)

// TestManyVotesWait: behind as many Votes as may wait, newer ones are refused, with what to
// do; the older ones are taken. Of those that were looked at, as many stay for their hour.
func TestManyVotesWait(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, kubetest.World)
	w.guard()
	w.votes.Quota = func(context.Context, string) (approvals.Quota, error) { return approvals.Quota{WaitingVotes: 3}, nil }
	approval := w.opened()
	followed := func() {
		var list v1alpha1.VoteList
		if err := w.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			w.votes.Count.Note(&list.Items[i])
		}
	}
	for i := range 6 {
		w.put(fmt.Sprintf("v%d", i), v1alpha1.VoteSpec{Approval: approval, Voter: fmt.Sprint("mallory-", i), Verdict: "approve"})
		w.wait(time.Second)
	}
	followed()
	for i := 5; i >= 0; i-- {
		w.step(w.votes, fmt.Sprintf("v%d", i))
		if i == 3 {
			followed()
		}
	}
	for i := range 6 {
		said.Check(t, fmt.Sprintf("v%d", i), w.state(fmt.Sprintf("v%d", i)))
	}
	followed()
	w.wait(time.Minute)
	w.step(w.votes, "v0")
	var v v1alpha1.Vote
	if err := w.Get(t.Context(), request("v0").NamespacedName, &v); !apierrors.IsNotFound(err) {
		t.Errorf("of six that were looked at it is still there: %v", err)
	}
	// When few are left, they stay for their hour.
	for _, name := range []string{"v0", "v1", "v2", "v3"} {
		gone := &v1alpha1.Vote{}
		gone.Namespace, gone.UID = "prod", types.UID("uid-"+name)
		w.votes.Count.Forget(gone)
	}
	if again := w.step(w.votes, "v5").RequeueAfter; again < 50*time.Minute {
		t.Errorf("again in %s", again)
	}
}

// TestVoteCount: what is gone is not counted, and nothing is left of a namespace that has none.
func TestVoteCount(t *testing.T) {
	t.Parallel()
	c := &vote.Count{}
	vote := func(name, version string) *v1alpha1.Vote {
		o := &v1alpha1.Vote{}
		o.Namespace, o.Name, o.UID, o.ResourceVersion = "prod", name, types.UID(name), version
		return o
	}
	a, b := vote("a", "1"), vote("b", "2")
	for range 3 {
		c.Note(a)
		c.Note(b)
	}
	if n := c.Before(b, 1); n != 1 {
		t.Errorf("%d before the second", n)
	}
	if n := c.Before(b, 2); n != 0 {
		t.Errorf("below the limit %d were counted", n)
	}
	a.Status.State = v1alpha1.VoteRecorded
	c.Note(a)
	if n := c.Before(b, 0); n != 0 || c.Crowded("prod", 1) {
		t.Errorf("%d wait before the second", n)
	}
	c.Note(b)
	c.Forget(a)
	c.Forget(b)
	c.Forget(b)
	if len(c.Waiting) != 0 || len(c.Done) != 0 {
		t.Errorf("left: %v %v", c.Waiting, c.Done)
	}
}

// TestCommentsTooFast: a comment that is one too many within a minute ends there. While it waited it
// would hold up the Votes behind it.
func TestCommentsTooFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.guard()
	approval := w.opened()
	for i := range 7 {
		name := fmt.Sprintf("c%d", i)
		w.put(name, v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "comment", Comment: fmt.Sprint("words ", i)})
		w.step(w.votes, name)
		want := v1alpha1.VoteRecorded
		if i >= 5 {
			want = v1alpha1.VoteRefused
		}
		if got := w.state(name); !strings.HasPrefix(got, string(want)) {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
	w.put("v", v1alpha1.VoteSpec{Approval: approval, Voter: "alice", Verdict: "approve"})
	w.step(w.votes, "v")
	if a := w.get(approval); a.Outcome != approvals.Approved || len(a.Discussion) != 5 {
		t.Errorf("%s, %d comments", a.Outcome, len(a.Discussion))
	}
}
