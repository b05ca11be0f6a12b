package vote

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/queue"
)

// voteOf is the nth Vote, of the seconds that the API server counts in.
func voteOf(voter, approval string, n int) *v1alpha1.Vote {
	return &v1alpha1.Vote{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "prod", Name: fmt.Sprintf("v%05d", 99999-n), UID: types.UID(fmt.Sprint(voter, approval, n)),
			CreationTimestamp: metav1.NewTime(time.Unix(int64(n)/10, 0)), ResourceVersion: fmt.Sprint(n + 1),
		},
		Spec: v1alpha1.VoteSpec{Approval: approval, Voter: voter, Verdict: "approve"},
	}
}

// voteEvents is the queue that what happens to Votes leads to.
type voteEvents struct {
	t     *testing.T
	turns Turns
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func newVoteEvents(t *testing.T) *voteEvents {
	q := queue.Served(1, nil).NewQueue("test", nil)
	t.Cleanup(q.ShutDown)
	return &voteEvents{t: t, queue: q}
}

func (x *voteEvents) made(v *v1alpha1.Vote) {
	x.turns.events().Create(x.t.Context(), event.CreateEvent{Object: v}, x.queue)
}

// taken is v, folded in.
func (x *voteEvents) taken(v *v1alpha1.Vote) {
	after := v.DeepCopy()
	after.Status.State = v1alpha1.VoteRecorded
	x.turns.events().Update(x.t.Context(), event.UpdateEvent{ObjectOld: v, ObjectNew: after}, x.queue)
}

// due are the names that were enqueued.
func (x *voteEvents) due() []string {
	var out []string
	for x.queue.Len() > 0 {
		r, _ := x.queue.Get()
		x.queue.Done(r)
		out = append(out, r.Name)
	}
	return out
}

// A person's Votes on an Approval are looked at one after the other, each once, however many
// there are and in whatever order they are heard of; those of others wait for none of them.
func TestVotesTakeTurns(t *testing.T) {
	t.Parallel()
	const n = 4000
	x := newVoteEvents(t)
	all := map[string]*v1alpha1.Vote{}
	for i := range n {
		v := voteOf("mallory", "a", (i*7919)%n) // in no order
		all[v.Name] = v
		x.turns.Join(v)
	}
	x.made(voteOf("alice", "a", n+1))
	x.made(voteOf("Mallory", "b", n+2))
	if got := x.due(); len(got) != 2 {
		t.Errorf("of somebody else, and on another approval: %v", got)
	}
	x.made(voteOf("MALLORY", "a", n+3)) // the same person
	x.made(all[voteOf("mallory", "a", 0).Name])
	next, looked := x.due(), 0
	for len(next) == 1 && all[next[0]] != nil {
		if want := voteOf("mallory", "a", looked).Name; next[0] != want {
			t.Fatalf("%s is looked at as number %d, want %s", next[0], looked, want)
		}
		looked++
		x.taken(all[next[0]])
		next = slices.DeleteFunc(x.due(), func(name string) bool { return name == next[0] }) // to be removed some day
	}
	if last := voteOf("MALLORY", "a", n+3).Name; looked != n || !slices.Equal(next, []string{last}) {
		t.Errorf("%d were looked at, then %v; want %d, then %s", looked, next, n, last)
	}
}

// One that is deleted before its turn leaves no gap, and the first one's end is the next one's turn.
func TestAVoteIsDeleted(t *testing.T) {
	t.Parallel()
	x := newVoteEvents(t)
	first, second, third := voteOf("alice", "a", 1), voteOf("alice", "a", 2), voteOf("alice", "a", 3)
	for _, v := range []*v1alpha1.Vote{first, second, third} {
		x.made(v)
	}
	if got := x.due(); !slices.Equal(got, []string{first.Name}) {
		t.Fatalf("due: %v", got)
	}
	x.turns.events().Delete(t.Context(), event.DeleteEvent{Object: second}, x.queue)
	if got := x.due(); got != nil {
		t.Errorf("one that was not due is deleted: %v", got)
	}
	x.turns.events().Delete(t.Context(), event.DeleteEvent{Object: first}, x.queue)
	if got := x.due(); !slices.Equal(got, []string{third.Name}) {
		t.Errorf("the first is deleted: %v", got)
	}
	leaving := third.DeepCopy()
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Unix(9, 0)}
	x.turns.events().Update(t.Context(), event.UpdateEvent{ObjectOld: third, ObjectNew: leaving}, x.queue)
	if !x.turns.first(third) {
		t.Error("one that is gone, and was read before, waits for ever")
	}
	if len(x.turns.lines) != 0 || len(x.turns.at) != 0 {
		t.Errorf("kept: %v", x.turns.lines)
	}
}

func TestFolded(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{{"alice", "ALICE"}, {"K", "\u212a"}, {"stra\u017fe", "STRASE"}, {"\u03c3", "\u03c2"}} {
		if folded(same[0]) != folded(same[1]) {
			t.Errorf("%q and %q", same[0], same[1])
		}
	}
	if folded("alice") == folded("alicf") {
		t.Error("two people are one")
	}
}
