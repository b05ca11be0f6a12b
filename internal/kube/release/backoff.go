package release

import (
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Backoff between two posts of one Approval's event.
const (
	FirstWait = 2 * time.Second
	maxWait   = 2 * time.Minute
)

// Attempt is this process's memory of posting one Approval's event.
type Attempt struct {
	Posts   int
	Last    time.Time
	EventID string // of the last post that was taken
	Err     error  // of the last post
	running bool
	asked   time.Time // the Approval's RetryAt that this counts from
}

// Attempts remembers, in this process alone, when each Approval's event was last
// posted. Forgetting it, as a restart does, costs one more post and nothing else.
type Attempts struct {
	mu    sync.Mutex
	m     map[string]*Attempt
	swept time.Time
}

// stale is the age at which an Attempt is dropped without Forget. The leader calls that once it
// has observed the run; a voter's process leaves the rest to the leader.
const stale = 5 * maxWait

// Begin reports whether it is time to post, and then marks that a post is on its way.
func (t *Attempts) Begin(k approvals.Key, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string]*Attempt{}
	}
	a := t.m[k.UID]
	if a == nil {
		t.sweep(now)
		a = &Attempt{}
		t.m[k.UID] = a
	}
	if a.running || (a.Posts > 0 && now.Before(a.Last.Add(wait(a.Posts)))) {
		return false
	}
	a.running = true
	return true
}

// Hasten has the next post due now.
func (t *Attempts) Hasten(k approvals.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.m[k.UID]; a != nil {
		a.Last = time.Time{}
	}
}

// ForceRetry begins again, with a post that is due, when somebody has asked for that since.
// What is compared is the wish itself and no clock: each is acted on once by a
// process, however far its clock is from that of anyone who took the wish.
func (t *Attempts) ForceRetry(k approvals.Key, asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string]*Attempt{}
	}
	switch a := t.m[k.UID]; {
	case asked.IsZero():
	case a == nil:
		t.m[k.UID] = &Attempt{asked: asked}
	case !a.asked.Equal(asked):
		*a = Attempt{asked: asked, running: a.running}
	}
}

// sweep drops what is stale, at most once in that time.
func (t *Attempts) sweep(now time.Time) {
	if now.Sub(t.swept) < stale {
		return
	}
	t.swept = now
	for uid, a := range t.m {
		if !a.running && now.Sub(a.Last) > stale {
			delete(t.m, uid)
		}
	}
}

// End records how a post went.
func (t *Attempts) End(k approvals.Key, eventID string, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.m[k.UID]
	if a == nil {
		return // forgotten: its run was seen before the answer was read
	}
	a.running, a.Last, a.Err = false, now, err
	a.Posts++
	if eventID != "" {
		a.EventID = eventID
	}
}

// Get returns a copy of what was done and when the next post is due.
func (t *Attempts) Get(k approvals.Key, now time.Time) (a Attempt, due time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.m[k.UID]
	if p == nil {
		return Attempt{}, 0
	}
	return *p, max(0, p.Last.Add(wait(p.Posts)).Sub(now))
}

// Forget drops what is known of an Approval.
func (t *Attempts) Forget(uid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, uid)
}

func wait(posts int) time.Duration { return approvals.Doubled(FirstWait, maxWait, posts) }
