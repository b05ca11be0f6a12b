package destination

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// A destination that took no answer's time is tried by one post at a time, this long after
// the one before at first and at most, until one is answered. What else is due for it is
// told so at once: it occupies no worker, and is posted again by its own backoff.
const (
	probeAfter    = 2 * time.Second
	maxProbeAfter = 30 * time.Second
	// maxSlow bounds what is remembered; past it remembering begins again.
	maxSlow = 4096
)

// now is the machine's clock, by which connections have their limits, too.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above

// slow are the destinations that did not answer in time. An answer of any kind, and a
// connection that is refused, cost no time and are nothing of that.
type slow struct {
	mu sync.Mutex
	m  map[Destination]*silence
}

// silence is a destination's that did not answer.
type silence struct {
	next    time.Time // when it may be tried
	after   time.Duration
	probing bool
}

var errSilent = errors.New("it did not answer in time before, so it gets one event at a time")

// enter reports whether d may be posted to now. Then the caller has to call leave with the
// result.
func (s *slow) enter(d Destination, now time.Time) (leave func(error, time.Time), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.m[d]
	if is != nil && (is.probing || now.Before(is.next)) {
		return nil, false
	}
	if is != nil {
		is.probing = true
	}
	return func(err error, now time.Time) { s.leave(d, is, err, now) }, true
}

// leave notes how a post went that began while d was silent by was, nil for one that was not.
func (s *slow) leave(d Destination, was *silence, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !timedOut(err):
		if !errors.Is(err, context.Canceled) { // we are being stopped: that tells nothing
			delete(s.m, d)
			return
		}
		if was != nil {
			was.probing = false
		}
	case was != nil:
		was.probing = false
		was.after = min(2*was.after, maxProbeAfter)
		was.next = now.Add(was.after)
	case s.m[d] == nil: // of those that were under way together the first tells
		if s.m == nil || len(s.m) >= maxSlow {
			s.m = map[Destination]*silence{}
		}
		s.m[d] = &silence{next: now.Add(probeAfter), after: probeAfter}
	}
}

// silent reports whether d did not answer the last time.
func (s *slow) silent(d Destination) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[d] != nil
}

// timedOut reports whether err means that the other side gave no answer in time.
func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// silentError is of d, to which nothing was posted.
func (d Destination) silentError() error {
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Err: errSilent,
		Message: fmt.Sprintf("EventListener %s did not answer within %s when an earlier event was posted. Until it answers, it gets one event at a time, and this one waits; check deployment el-%s in namespace %s",
			d.Name(), postWithin, d.listener, d.namespace),
	}
}
