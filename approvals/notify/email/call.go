package email

import (
	"context"
	"net"
	"sync"
	"time"
)

// call is one connection to the mail server, with a time limit for each phase: Timeout until all of
// the mail is sent, and then Accept for the server's answer.
type call struct {
	config Config

	mu    sync.Mutex
	conn  net.Conn
	ended bool
}

func (c *call) dial(ctx context.Context, network, address string) (net.Conn, error) {
	until := time.Now().Add(c.config.Timeout) //nolint:forbidigo // a connection's limit, not a decision
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = conn.Close()
		return nil, context.Canceled
	}
	c.conn = conn
	return ownLimit{conn}, conn.SetDeadline(until)
}

// handOver begins the phase in which the server makes up its mind.
func (c *call) handOver() { c.limit(time.Now().Add(c.config.accept())) } //nolint:forbidigo // see above

// end ends it at once.
func (c *call) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.limit(time.Unix(1, 0))
}

func (c *call) limit(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && (!c.ended || until.Unix() == 1) {
		_ = c.conn.SetDeadline(until) // of one that is closed: there is nothing to limit
	}
}

// ownLimit is a connection whose limit is its call's: the SMTP client has one for all phases.
type ownLimit struct{ net.Conn }

// SetDeadline implements net.Conn.
func (ownLimit) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (ownLimit) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (ownLimit) SetWriteDeadline(time.Time) error { return nil }
