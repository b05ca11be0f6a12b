package web

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// Streams of all people, and of one: each tab has one.
	maxStreams, maxStreamsEach = 512, 12
	// streamEvery is the least time between two events, beatEvery how often a silent
	// stream shows that it lives, and streamFor how long it may: the browser comes back
	// and is proved again.
	streamEvery, beatEvery, streamFor = time.Second, 20 * time.Second, 5 * time.Minute
	// streamPause is how long a client may take for a piece.
	streamPause = 10 * time.Second
)

// events tells a page that what its reader may see has changed, and nothing more:
// the page then asks for itself, and is given what it may have.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	id, err := s.Login.Who(r)
	if err != nil {
		s.logInternal(err)
		code := approvals.CodeOf(err)
		writeStatus(w, statusOf(code), string(code), approvals.Message(err))
		return
	}
	if !s.streams.enter(id.Name) {
		w.Header().Set("Retry-After", "60")
		s.fail(w, approvals.Errorf(approvals.CodeUnavailable, "too many pages are open that update themselves: this one does not; load it again to see what is new"))
		return
	}
	defer s.streams.leave(id.Name)
	changes, stop := s.Changes() // before the first look, so that nothing is between
	defer stop()
	ctx, cancel := context.WithTimeout(r.Context(), streamFor)
	defer cancel()
	look, err := s.lookout(ctx, id, approvals.Key{Namespace: r.URL.Query().Get("namespace"), Name: r.URL.Query().Get("name")})
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	out := &stream{w: w, pace: http.NewResponseController(w)}
	// The server's own limits are for requests that end.
	_ = out.pace.SetReadDeadline(time.Time{})
	if out.send("retry: 5000\n\n") {
		out.follow(ctx, changes, look)
	}
}

// lookout returns what sums up all that id may see, or of one Approval when key names
// it. Rights are found out once a stream.
func (s *server) lookout(ctx context.Context, id approvals.Identity, key approvals.Key) (func() (uint64, error), error) {
	mine := *s
	mine.Auth = &knownRights{Authenticator: s.Auth, known: map[[3]string]bool{}}
	seed, who := maphash.MakeSeed(), s.proven(ctx, id)
	look := func() (uint64, error) {
		list, err := mine.Store.List(ctx, key.Namespace)
		if err != nil {
			return 0, err
		}
		seen, _ := mine.visible(ctx, id, who, list)
		sum := uint64(len(seen))
		for _, a := range seen {
			sum += sumOf(seed, a) // in whatever order
		}
		return sum, nil
	}
	if key.Name != "" {
		look = func() (uint64, error) {
			a, err := mine.Store.Get(ctx, key)
			if err == nil {
				err = mine.maySee(ctx, who(a), a)
			}
			if err != nil {
				return 0, err
			}
			return sumOf(seed, a), nil
		}
	}
	_, err := look()
	return look, err
}

// sumOf sums up what a page shows of a that can change.
func sumOf(seed maphash.Seed, a approvals.Approval) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	fmt.Fprintf(&h, "%q %q %q %t %t", a.UID, a.Outcome, a.SupersededBy, a.Terms != nil, a.Next != nil)
	fmt.Fprintf(&h, " %t %d", a.Cancellation != nil, a.RetryAt.UnixNano())
	for _, v := range a.Votes {
		fmt.Fprintf(&h, " %q %q %d", v.Voter, v.Verdict, v.At.UnixNano())
	}
	for _, p := range []*approvals.Problem{a.Blocked, a.Unreleased} {
		if p != nil {
			fmt.Fprintf(&h, " %q", *p)
		}
	}
	return h.Sum64()
}

// stream is the way to one client.
type stream struct {
	w    http.ResponseWriter
	pace *http.ResponseController
}

// follow sends an event when look's sum is another than before. While a client is
// slow nothing is kept for it but that something has changed.
func (o *stream) follow(ctx context.Context, changes <-chan struct{}, look func() (uint64, error)) {
	last, err := look()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	var quiet <-chan time.Time // nil: an event may go out
	for dirty := false; err == nil; {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if !o.send(":\n\n") {
				return
			}
		case <-quiet:
			quiet = nil
		case _, ok := <-changes:
			if !ok {
				return
			}
			dirty = true
		}
		if !dirty || quiet != nil {
			continue
		}
		var sum uint64
		dirty, quiet = false, time.After(streamEvery)
		// An Approval that is gone, or whose reader may not see it any more, ends the
		// stream, and is a change too.
		if sum, err = look(); sum == last && err == nil {
			continue
		}
		last = sum
		if !o.send("data: changed\n\n") {
			return
		}
	}
}

func (o *stream) send(text string) bool {
	_ = o.pace.SetWriteDeadline(time.Now().Add(streamPause)) //nolint:forbidigo // a connection's deadline is in its own time
	if _, err := o.w.Write([]byte(text)); err != nil {
		return false
	}
	return o.pace.Flush() == nil
}

// streams counts who has how many.
type streams struct {
	mu   sync.Mutex
	all  int
	each map[string]int
}

func (s *streams) enter(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.each[name] >= maxStreamsEach {
		return false
	}
	s.all++
	s.each[name]++
	return true
}

func (s *streams) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.each[name]--; s.each[name] == 0 {
		delete(s.each, name)
	}
}

// knownRights asks each question about one person once.
type knownRights struct {
	Authenticator
	mu    sync.Mutex
	known map[[3]string]bool
}

// MaySee implements Authenticator.
func (k *knownRights) MaySee(ctx context.Context, id approvals.Identity, verb, namespace, name string) (bool, error) {
	q := [3]string{verb, namespace, name}
	k.mu.Lock()
	may, ok := k.known[q]
	k.mu.Unlock()
	if ok {
		return may, nil
	}
	may, err := k.Authenticator.MaySee(ctx, id, verb, namespace, name)
	if err == nil {
		k.mu.Lock()
		k.known[q] = may
		k.mu.Unlock()
	}
	return may, err
}
