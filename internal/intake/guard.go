package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// Guard holds one listener to its Limits.
type Guard struct {
	Limits Limits
	// Proxies are believed in what they say of where a request comes from.
	Proxies []netip.Prefix
	// Who returns the text by which the sender of r is remembered once they were proved, and
	// false when r has none. Nil: by the address.
	Who func(r *http.Request) (who string, ok bool)
	// BodyOf is the largest body of r, where a route takes less than Limits.Body. Nil: that.
	BodyOf func(r *http.Request) int64
	// Long are requests that last, and have a bound of their own.
	Long func(r *http.Request) bool
	// Refuse answers in the route's own format. Nil: a line of text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, message string)
	Now    func() time.Time
	// Count is told why a request was refused.
	Count func(reason string)
	// Large is given a request whose body is too large to be kept, before it is refused: it
	// may read the body through, as long as it keeps none of it. Nil: nobody looks.
	Large func(r *http.Request)

	larges chan struct{} // one for each that is looked at

	bytes  *budget
	turns  *turns
	proofs proofs
}

// Reasons of Count.
const (
	refusedLarge = "too_large"
	refusedSlow  = "slow"
	refusedBytes = "bytes"
	refusedTurns = "requests"
	refusedConns = "connections"
)

// Handler is next within g's limits. All handlers of a Guard share them.
func (g *Guard) Handler(next http.Handler) http.Handler {
	if g.bytes == nil {
		g.bytes, g.turns = newBudget(g.Limits.Bytes, g.Now), newTurns(g.Limits.Requests)
		g.larges = make(chan struct{}, mostLarge)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := connectionOf(r.Context())
		from, r := g.senderOf(conn, r)
		in := &request{pace: *http.NewResponseController(w)}
		in.turn.source, in.turn.proved = from.source, from.proved()
		if r.ContentLength != 0 {
			in.body.source, in.body.proved, in.body.pace = from.source, in.turn.proved, &in.pace
			defer g.bytes.leave(&in.body)
			if !g.read(w, r, in) {
				return
			}
		}
		if g.Long == nil || !g.Long(r) {
			if !g.turns.enter(r.Context(), g.Limits.Wait, &in.turn) { //nolint:contextcheck // it is r's, which has the sender
				g.refuse(w, r, refusedTurns, http.StatusServiceUnavailable, "The service is busy and did not process this request, so nothing has changed. Send it again in a moment.")
				return
			}
			defer g.turns.leave(&in.turn)
		}
		// Until here its connection may be closed for others.
		conn.work(1)
		defer conn.work(-1)
		next.ServeHTTP(w, r)
	})
}

// request is what one request needs here. It is one allocation: most requests are events that concern
// nobody, and cost little else.
type request struct {
	turn  turn
	body  body
	whole Body
	pace  http.ResponseController
}

// read puts the whole body in r.Body's place, or answers the request and says false.
func (g *Guard) read(w http.ResponseWriter, r *http.Request, in *request) bool {
	b := &in.body
	most := g.Limits.Body
	if g.BodyOf != nil {
		most = min(most, g.BodyOf(r))
	}
	if r.ContentLength > most {
		g.lookThrough(w, r)
		g.refuse(w, r, refusedLarge, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body has %d bytes and the limit is %d; nothing was recorded.", r.ContentLength, most))
		return false
	}
	all, err := g.fill(r, b, most)
	if !g.bytes.whole(b, int64(len(all))) {
		err = errFull
	}
	switch {
	case err == nil: // and net/http has ended the deadline with the body
		in.whole.set(all)
		r.Body = &in.whole
		return true
	case errors.Is(err, errFull):
		g.refuse(w, r, refusedBytes, http.StatusServiceUnavailable, "The service has no memory for the request's body at the moment, or the body came too slowly; nothing was recorded. Send it again in a moment.")
	case errors.Is(err, errLarge):
		g.refuse(w, r, refusedLarge, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body has more than %d bytes, which is the limit; nothing was recorded.", most))
	case errors.Is(err, os.ErrDeadlineExceeded):
		g.refuse(w, r, refusedSlow, http.StatusRequestTimeout, fmt.Sprintf("The body came too slowly: send at least %d kB a second. Nothing was recorded.", leastRate>>10))
	default:
		g.refuse(w, r, refusedSlow, http.StatusBadRequest, "The whole body could not be read; nothing was recorded.")
	}
	return false
}

// lookThrough has Large look at a body that is too large. No more than a few are, each for
// a moment: it is for people to hear of it, and a flood of them is heard of as well by one.
func (g *Guard) lookThrough(w http.ResponseWriter, r *http.Request) {
	if g.Large == nil || r.ContentLength > largest {
		return
	}
	select {
	case g.larges <- struct{}{}:
		defer func() { <-g.larges }()
	default:
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(g.Now().Add(min(graceful, g.Limits.ReadFor)))
	ctx, cancel := context.WithTimeout(r.Context(), graceful)
	defer cancel()
	g.Large(r.WithContext(ctx))
}

// refuse answers, and has the connection closed: the rest of the body is not read.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, reason string, status int, message string) {
	if g.Count != nil {
		g.Count(reason)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	_ = http.NewResponseController(w).SetReadDeadline(past)
	r.Body = http.NoBody
	if g.Refuse != nil {
		g.Refuse(w, r, status, message)
	} else {
		http.Error(w, message, status)
	}
	if r.Close && r.ContentLength != 0 {
		// The sender is still writing. net/http closes at once a connection that its sender
		// wants closed, which resets it, often before the sender has read the answer.
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(resetAvoided):
		case <-r.Context().Done():
		}
	}
}

// resetAvoided is the wait before the connection of a refused sender is closed, so that it can read
// the answer; net/http itself waits as long for others. Nothing of the body is in memory meanwhile,
// and the connection may be closed for others.
const resetAvoided = 500 * time.Millisecond

var errLarge = errors.New("the body is too large")

// fill reads r's body, no byte of which is read before it is reserved.
func (g *Guard) fill(r *http.Request, b *body, most int64) ([]byte, error) {
	size, have := r.ContentLength, r.ContentLength
	if size < 0 { // nobody knows
		size, have = most+1, piece
	}
	if err := g.bytes.take(r.Context(), g.Limits.Wait, b, size); err != nil {
		return nil, err
	}
	buf := newBuffer(have)
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*int64(cap(buf)), size)), buf...)
		}
		latest := min(graceful+time.Duration(len(buf))*time.Second/leastRate, g.Limits.ReadFor)
		_ = b.pace.SetReadDeadline(b.started.Add(latest)) // fails only where nothing could be read either
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		g.bytes.read(b, n)
		switch {
		case int64(len(buf)) > most:
			return nil, errLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		case int64(len(buf)) == r.ContentLength:
			return buf, nil
		}
	}
}
