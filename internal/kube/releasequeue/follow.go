package releasequeue

import (
	"context"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// The process that posted a decision looks whether its run comes: the post may have reached a
// replica that had just died, and the leader, which posts again, may be that one.
const (
	followTick = 100 * time.Millisecond
	// followStall is the number of ticks without any run that is followed, before an event is
	// posted again: in a burst they come one after the other.
	followStall = 4
	maxFollowed = 1024
	// maxFollowedSize bounds what one that is followed holds: what is larger is the leader's.
	maxFollowedSize = 16 << 10
)

// followAt are the ticks after which an event is posted again, when runs come at once. Then the
// leader goes on.
var followAt = [...]int{5, 15, 30}

// behindPerTick is the least number of followed runs that appear in a tick, and followBehind
// the number of ticks for which a run waits for those beside it. Then the leader takes over.
// When 100 decisions are made at once, the first of their runs may appear after a second.
const (
	behindPerTick = 2
	followBehind  = 25
)

// lateBy is the factor by which a run may take longer than the slowest of the last ones,
// beyond followAt. In a burst each run waits for those before it: posting again would make all
// of them wait longer.
const lateBy = 2

// Runs are the runs that outcomes start.
type Runs interface {
	// Came reports whether the run of a has come, as far as is known here.
	Came(ctx context.Context, a approvals.Approval) bool
}

// Follower has an event posted again whose run does not come: the run's name is the key. It is
// forgotten with its process, which costs what it saves: the leader comes later.
type Follower struct {
	Runs  Runs
	Again approvals.OutcomeHandler

	mu    sync.Mutex
	runs  map[approvals.Key]*followed
	quiet int // ticks since a run came
	slow  int // ticks that the slowest run took, of those that are or were followed since none was
}

type followed struct {
	a     approvals.Approval
	age   int // ticks
	tries int
}

// Add follows a, unless too many are followed.
func (f *Follower) Add(a approvals.Approval) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs == nil {
		f.runs = map[approvals.Key]*followed{}
	}
	if _, known := f.runs[a.Key]; !known && len(f.runs) < maxFollowed && a.Size() <= maxFollowedSize {
		f.runs[a.Key] = &followed{a: a}
	}
}

// Start implements manager.Runnable.
func (f *Follower) Start(ctx context.Context) error {
	tick := time.NewTicker(followTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.look(ctx)
		}
	}
}

func (f *Follower) look(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.quiet++
	for key, x := range f.runs {
		x.age++
		if f.Runs.Came(ctx, x.a) {
			delete(f.runs, key)
			f.quiet, f.slow = 0, max(f.slow, x.age)
		}
	}
	if len(f.runs) == 0 {
		f.slow = 0
	}
	behind := min(len(f.runs)/behindPerTick, followBehind)
	for key, x := range f.runs {
		switch {
		case x.age < followAt[x.tries]+max(lateBy*f.slow, behind) || f.quiet < followStall:
			continue
		case x.tries == len(followAt)-1:
			delete(f.runs, key)
		}
		x.tries++
		f.Again.HandleOutcome(x.a)
	}
}

// NeedLeaderElection is false: every replica takes votes.
func (*Follower) NeedLeaderElection() bool { return false }
