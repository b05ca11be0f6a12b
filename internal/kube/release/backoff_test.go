package release

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

func TestAttempts(t *testing.T) {
	t.Parallel()
	var a Attempts
	k := approvals.Key{Namespace: "prod", Name: "a", UID: "u-1"}
	now := ct.T0
	if !a.Begin(k, now) {
		t.Fatal("the first post must wait")
	}
	if a.Begin(k, now.Add(time.Hour)) {
		t.Error("two posts at once")
	}
	down := errors.New("down")
	for i, wait := range []time.Duration{2, 4, 8, 16, 32, 64, 120, 120} {
		a.End(k, "", down, now)
		got, due := a.Get(k, now)
		if got.Posts != i+1 || !errors.Is(got.Err, down) || due != wait*time.Second {
			t.Errorf("%d: %d posts, %v, due in %s; want %s", i, got.Posts, got.Err, due, wait*time.Second)
		}
		if a.Begin(k, now.Add(wait*time.Second-1)) {
			t.Errorf("%d: posted before its time", i)
		}
		now = now.Add(wait * time.Second)
		if _, due := a.Get(k, now); due != 0 {
			t.Errorf("%d: due in %s", i, due)
		}
		if !a.Begin(k, now) {
			t.Errorf("%d: not posted at its time", i)
		}
	}
	a.End(k, "event-1", nil, now)
	a.Begin(k, now.Add(time.Hour))
	a.End(k, "", down, now)
	if got, _ := a.Get(k, now); got.EventID != "event-1" {
		t.Errorf("the last event that was taken is %q", got.EventID)
	}
	if !a.Begin(approvals.Key{UID: "u-2"}, now) {
		t.Error("another Approval waits for this one")
	}
	a.Forget(k.UID)
	if got, due := a.Get(k, now); got != (Attempt{}) || due != 0 {
		t.Errorf("after it is forgotten: %+v", got)
	}
	if !a.Begin(k, now) {
		t.Error("what was forgotten can't be posted")
	}
}

// TestAskedAttempts: each wish to try again makes one post due, and no clock matters.
func TestAskedAttempts(t *testing.T) {
	t.Parallel()
	var a Attempts
	k := approvals.Key{UID: "u-1"}
	post := func() bool {
		posts := a.Begin(k, ct.T0)
		if posts {
			a.End(k, "", nil, ct.T0)
		}
		return posts
	}
	a.ForceRetry(k, time.Time{})
	if !post() || post() {
		t.Fatal("without a wish it is not as before")
	}
	for _, asked := range []time.Time{ct.T0.Add(time.Hour), ct.T0.Add(-time.Hour)} {
		a.ForceRetry(k, asked)
		if _, due := a.Get(k, ct.T0); due != 0 || !post() {
			t.Errorf("asked at %s: due in %s", asked, due)
		}
		a.ForceRetry(k, asked)
		if post() {
			t.Errorf("asked at %s: acted on twice", asked)
		}
	}
	// One that is on its way is not made a second time at once.
	a.Begin(k, ct.T0.Add(time.Hour))
	a.ForceRetry(k, ct.T0.Add(2*time.Hour))
	if post() {
		t.Error("two posts at once")
	}
	// What was asked of the process before is nothing new to the next one.
	var next Attempts
	next.ForceRetry(k, ct.T0)
	next.Begin(k, ct.T0)
	next.End(k, "", nil, ct.T0)
	next.ForceRetry(k, ct.T0)
	if got, _ := next.Get(k, ct.T0); got.Posts != 1 {
		t.Errorf("%d posts", got.Posts)
	}
}

// TestStaleAttempts: what nobody forgets is dropped, and what is being posted is
// not.
func TestStaleAttempts(t *testing.T) {
	t.Parallel()
	var a Attempts
	key := func(uid string) approvals.Key { return approvals.Key{UID: uid} }
	for _, uid := range []string{"old", "running", "again"} {
		a.Begin(key(uid), ct.T0)
	}
	a.End(key("old"), "", nil, ct.T0)
	a.End(key("again"), "", nil, ct.T0.Add(stale))
	a.Begin(key("new"), ct.T0.Add(stale+1))
	if len(a.m) != 3 || a.m["old"] != nil {
		t.Errorf("kept: %v", a.m)
	}
}

// TestForgottenWhilePosted: the run can be seen, and the Approval forgotten, before
// the EventListener's answer to the post that started it has been read.
func TestForgottenWhilePosted(t *testing.T) {
	t.Parallel()
	var a Attempts
	k := approvals.Key{UID: "u-1"}
	a.Begin(k, ct.T0)
	a.Forget(k.UID)
	a.End(k, "event-1", nil, ct.T0)
	if got, _ := a.Get(k, ct.T0); got != (Attempt{}) {
		t.Errorf("it is remembered again, for ever: %+v", got)
	}
}

// TestOnePostAtATime: of many at once, one posts.
func TestOnePostAtATime(t *testing.T) {
	t.Parallel()
	var a Attempts
	k := approvals.Key{UID: "u-1"}
	var wg sync.WaitGroup
	began := make(chan bool, 50)
	for range cap(began) {
		wg.Go(func() { began <- a.Begin(k, ct.T0) })
	}
	wg.Wait()
	close(began)
	n := 0
	for ok := range began {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d posted", n)
	}
}
