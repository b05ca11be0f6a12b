package releasequeue

import (
	"context"
	"fmt"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestFollower: what was posted and does not come is posted again by the same process, soon,
// a few times; what comes is not; and in a burst nothing is while runs are coming.
func TestFollower(t *testing.T) {
	t.Parallel()
	of := func(name string) approvals.Approval { return approvals.Approval{Key: approvals.Key{Name: name}} }
	came, posts := runs{}, map[string]int{}
	f := &Follower{
		Runs:  came,
		Again: ct.OutcomeFunc(func(a approvals.Approval) { posts[a.Name]++ }),
	}
	ticks := func(n int) {
		for range n {
			f.look(t.Context())
		}
	}
	f.Add(of("comes"))
	f.Add(of("lost"))
	ticks(2)
	came["comes"] = true
	ticks(2)
	if len(posts) != 0 {
		t.Errorf("too soon: %v", posts)
	}
	ticks(followAt[0] + lateBy*3) // the one that came took three
	if posts["lost"] != 1 || posts["comes"] != 0 {
		t.Errorf("posted again: %v, want lost once", posts)
	}
	ticks(100)
	if posts["lost"] != len(followAt) || len(f.runs) != 0 {
		t.Errorf("%d posts, %d followed; want %d, and then it is the leader's", posts["lost"], len(f.runs), len(followAt))
	}
	// A burst: one comes every other tick.
	clear(posts)
	for i := range 2 * maxFollowed {
		f.Add(of(fmt.Sprint(i)))
	}
	if len(f.runs) != maxFollowed {
		t.Errorf("%d are followed", len(f.runs))
	}
	const gap = followStall + 2 // each comes so late that the others could be thought lost
	for i := range 50 {
		came[fmt.Sprint(i)] = true
		ticks(gap)
	}
	if len(posts) != 0 {
		t.Errorf("%d were posted again while runs were coming", len(posts))
	}
	ticks(followAt[0] + lateBy*50*gap)
	if len(posts) != maxFollowed-50 {
		t.Errorf("%d of those that are missing were posted again, want %d", len(posts), maxFollowed-50)
	}
	// Another, of which none has come yet, as when the processors are busy with all of them.
	clear(posts)
	f.runs, f.slow = nil, 0
	for i := range 100 {
		f.Add(of(fmt.Sprint("slow-", i)))
	}
	ticks(followAt[0] + followBehind - 1)
	if len(posts) != 0 {
		t.Errorf("%d of a burst were posted again before the first could come", len(posts))
	}
	ticks(1)
	if len(posts) != 100 {
		t.Errorf("%d of a burst of which nothing comes were posted again, want all", len(posts))
	}
	if f.NeedLeaderElection() {
		t.Error("every replica takes votes")
	}
}

// runs has the runs that came, by the Approval's name.
type runs map[string]bool

func (r runs) Came(_ context.Context, a approvals.Approval) bool { return r[a.Name] }
