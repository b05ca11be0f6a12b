package releasequeue

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/contain"
)

// releasing is a Queue whose posts hang until they are let go.
type releasing struct {
	*Queue
	log bytes.Buffer

	mu     sync.Mutex
	posted []string
	begun  map[string]int // by namespace
}

type releaserFunc func(ctx context.Context, a approvals.Approval) error

func (f releaserFunc) Release(ctx context.Context, a approvals.Approval) error { return f(ctx, a) }

// serve runs it for f; hangs are the namespaces whose posts hang until f calls letGo.
func serve(t *testing.T, hangs func(approvals.Approval) bool, f func(t *testing.T, r *releasing, letGo func())) {
	synctest.Test(t, func(t *testing.T) {
		x := &releasing{begun: map[string]int{}}
		hold := make(chan struct{})
		x.Queue = New(releaserFunc(func(_ context.Context, a approvals.Approval) error {
			x.mu.Lock()
			x.begun[a.Namespace]++
			x.mu.Unlock()
			if hangs(a) {
				<-hold
			}
			if strings.HasPrefix(a.Name, "poison") {
				panic(a.Name)
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			x.posted = append(x.posted, a.Name)
			return approvals.Errorf(approvals.CodeUnavailable, "down")
		}), &contain.Panics{Log: slog.New(slog.NewTextHandler(&x.log, nil)), Count: func(string) {}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- x.Start(ctx) }()
		synctest.Wait()
		var once sync.Once
		letGo := func() { once.Do(func() { close(hold) }); synctest.Wait() }
		f(t, x, letGo)
		letGo()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func key(namespace, name string) approvals.Approval {
	return approvals.Approval{Key: approvals.Key{Namespace: namespace, Name: name, UID: name}}
}

// TestReleases: what a vote decided is posted off the voter's request, once however often it
// is asked for, and a full queue holds nobody up.
func TestReleases(t *testing.T) {
	t.Parallel()
	serve(t, func(approvals.Approval) bool { return true }, func(t *testing.T, r *releasing, letGo func()) {
		for i := range 2000 { // some are at work, some wait, the rest is the leader's
			r.HandleOutcome(key("ns", fmt.Sprintf("a-%d", i)))
			r.HandleOutcome(key("ns", fmt.Sprintf("a-%d", i)))
			synctest.Wait()
		}
		letGo()
		if n := len(r.posted); n < maxWaiting || n > maxWaiting+2*share {
			t.Errorf("%d posted", n)
		}
		r.HandleOutcome(key("ns", "last"))
		synctest.Wait()
		if !slices.Contains(r.posted, "last") || len(r.waiting)+len(r.of) != 0 {
			t.Errorf("the last was not posted, or %d are kept, of %v", len(r.waiting), r.of)
		}
	})
	if (&Queue{}).NeedLeaderElection() || (&Follower{}).NeedLeaderElection() {
		t.Error("every replica takes votes")
	}
}

// An EventListener that hangs, with as many releases as there may be, holds up its own
// namespace alone.
func TestAHangingDestinationHoldsUpItsOwnNamespace(t *testing.T) {
	t.Parallel()
	serve(t, func(a approvals.Approval) bool { return a.Namespace != "quiet" }, func(t *testing.T, r *releasing, _ func()) {
		for _, namespace := range []string{"hang1", "hang2", "hang3"} {
			for i := range 1000 {
				r.HandleOutcome(key(namespace, fmt.Sprintf("%s-%d", namespace, i)))
			}
		}
		synctest.Wait()
		for i := range 20 {
			r.HandleOutcome(key("quiet", fmt.Sprintf("quiet-%d", i)))
		}
		synctest.Wait()
		if len(r.posted) != 20 {
			t.Errorf("of 20 of another namespace %d were posted", len(r.posted))
		}
		for namespace, n := range r.begun {
			if namespace != "quiet" && n > share {
				t.Errorf("%s has %d workers", namespace, n)
			}
		}
	})
}

// What panics at one is left to the leader; the worker goes on.
func TestAReleasePanics(t *testing.T) {
	t.Parallel()
	serve(t, func(approvals.Approval) bool { return false }, func(t *testing.T, r *releasing, _ func()) {
		for i := range 2 * workers {
			r.HandleOutcome(key("ns", fmt.Sprintf("poison-%d", i)))
		}
		r.HandleOutcome(key("ns", "good"))
		synctest.Wait()
		if !slices.Equal(r.posted, []string{"good"}) || strings.Count(r.log.String(), "approval=poison-") != 2*workers {
			t.Errorf("posted %v, log:\n%.2000s", r.posted, r.log.String())
		}
	})
}

// What waits is whole, and bounded by what it holds: one namespace takes its part, and the
// leader does the rest.
func TestReleasesHoldBoundedBytes(t *testing.T) {
	t.Parallel()
	r := New(nil, nil)
	large := func(namespace string, n int) approvals.Approval {
		return approvals.Approval{
			Key:    approvals.Key{Namespace: namespace, Name: fmt.Sprint("a-", n), UID: fmt.Sprint(n)},
			Source: approvals.Source{Event: &approvals.Event{Body: strings.Repeat("x", maxBytes/4)}},
		}
	}
	for n := range 10 {
		r.HandleOutcome(large("greedy", n))
		r.HandleOutcome(large("greedy", n)) // the same again counts once
	}
	if got := r.of["greedy"]; got.n != 4 || got.bytes != maxBytes || r.all != got {
		t.Errorf("of one namespace %+v wait, of all %+v", got, r.all)
	}
	for i := range 10 {
		r.HandleOutcome(large(fmt.Sprint("other-", i), 0))
		r.HandleOutcome(large(fmt.Sprint("other-", i), 1))
	}
	if r.all.bytes != maxBytesAll || r.of["other-0"].n != 2 {
		t.Errorf("all hold %d bytes", r.all.bytes)
	}
	for key := range r.waiting {
		r.take(key)
	}
	if r.all != (load{}) || len(r.of) != 0 {
		t.Errorf("nothing waits, and %+v is counted, %v", r.all, r.of)
	}
}
