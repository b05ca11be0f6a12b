package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
)

const (
	// Streams of all people, and of one: each tab has one.
	maxStreams, maxStreamsEach = 512, 12
	// streamEvery is the least time between two events, beatEvery how often a silent
	// stream shows that it lives, and streamFor how long it may: the browser comes back
	// and is proved again.
	streamEvery, beatEvery, streamFor = time.Second, 20 * time.Second, 5 * time.Minute
	// streamPause bounds the time in which a client must accept one write.
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
		s.fail(w, approvals.Errorf(approvals.CodeUnavailable, "too many open pages update themselves, so this one does not; reload it to see changes"))
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
// it. Rights are found out once a stream, and a namespace in which nothing changed is
// not looked at again.
func (s *server) lookout(ctx context.Context, id approvals.Identity, key approvals.Key) (func() (uint64, error), error) {
	look := s.watch(ctx, s.viewer(id), key.Namespace)
	if key.Name != "" {
		look = s.watchOne(ctx, s.viewer(id), key)
	}
	_, err := look()
	return look, err
}

// watch sums up what v may see of a namespace, of all with "".
func (s *server) watch(ctx context.Context, v *viewer, namespace string) func() (uint64, error) {
	type seen struct {
		space *overview.Space
		sum   uint64
	}
	known := map[string]seen{}
	return func() (uint64, error) {
		all, err := s.Overview.Snapshot(ctx)
		if err != nil {
			return 0, err
		}
		var sum uint64
		now := map[string]seen{}
		for name, space := range all.Namespaces {
			if namespace != "" && name != namespace {
				continue
			}
			if last := known[name]; last.space == space {
				now[name], sum = last, sum+last.sum
				continue
			}
			visible, unknown := v.sees(ctx, slices.Collect(all.Classes(name)))
			one := seen{space: space, sum: space.Sum}
			if !v.lists(name) {
				one.sum = sumOf(visible)
			}
			sum += one.sum
			if !v.unproved() && unknown == 0 {
				now[name] = one
			}
		}
		known = now
		return sum, nil
	}
}

// sumOf sums up classes, in whatever order.
func sumOf(classes []*overview.Class) (sum uint64) {
	for _, c := range classes {
		for _, e := range c.All {
			sum += e.Sum
		}
	}
	return sum
}

// watchOne sums up one Approval for as long as id may see it. The right to get it is
// asked for once.
func (s *server) watchOne(ctx context.Context, v *viewer, key approvals.Key) func() (uint64, error) {
	var one *approvals.Approval // once it is known that id may see it; another one of its name is not theirs for that
	return func() (uint64, error) {
		if one == nil {
			a, err := s.Store.Get(ctx, key)
			if err != nil {
				return 0, err
			}
			id, _ := v.proved(ctx, a) // logged; anyone who is not verified may see less
			if err := s.maySee(ctx, id, a); err != nil {
				return 0, err
			}
			one = &approvals.Approval{Key: a.Key, OpenedAt: a.OpenedAt}
		}
		all, err := s.Overview.Snapshot(ctx)
		if err != nil {
			return 0, err
		}
		e := all.In(one.Namespace).Find(*one)
		if e == nil {
			return 0, approvals.Errorf(approvals.CodeNotFound, "approval %s no longer exists", one.Key)
		}
		return e.Sum, nil
	}
}

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
