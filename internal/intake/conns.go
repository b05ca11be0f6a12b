package intake

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Listener is l within g's limit of connections. When there are too many, the oldest of
// the source that has most is closed on which no request is worked on: a new connection
// of somebody else always finds a place.
func (g *Guard) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, guard: g, by: map[netip.Addr]map[*connection]struct{}{}}
}

type listener struct {
	net.Listener
	guard *Guard

	mu   sync.Mutex
	open int
	by   map[netip.Addr]map[*connection]struct{}
}

type connection struct {
	net.Conn
	from   *listener
	sender sender
	since  time.Time
	atWork atomic.Int32
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &connection{Conn: c, from: l, sender: l.guard.sender(addressOf(c.RemoteAddr().String())), since: l.guard.Now()}
		victim, ok := l.add(conn)
		if victim != nil {
			_ = victim.Close()
		}
		if ok {
			return conn, nil
		}
		_ = c.Close()
		if count := l.guard.Count; count != nil {
			count(refusedConns)
		}
	}
}

// add counts c in. Where there are too many already it names the one to close for it, or
// says false when all are at work.
func (l *listener) add(c *connection) (victim *connection, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.guard.Limits.Connections {
		if victim = l.victim(); victim == nil {
			return nil, false
		}
		l.remove(victim)
	}
	if l.by[c.sender.source] == nil {
		l.by[c.sender.source] = map[*connection]struct{}{}
	}
	l.by[c.sender.source][c] = struct{}{}
	l.open++
	return victim, true
}

// victim is the oldest connection without work, of the source that has most of those. It
// looks at all of them, which are few, and only where there are too many.
func (l *listener) victim() *connection {
	var of *connection
	most := 0
	for _, conns := range l.by {
		var oldest *connection
		n := 0
		for c := range conns {
			if c.atWork.Load() > 0 {
				continue
			}
			if n++; oldest == nil || c.since.Before(oldest.since) {
				oldest = c
			}
		}
		if n > most {
			most, of = n, oldest
		}
	}
	return of
}

func (l *listener) remove(c *connection) {
	if _, ok := l.by[c.sender.source][c]; !ok {
		return
	}
	delete(l.by[c.sender.source], c)
	if len(l.by[c.sender.source]) == 0 {
		delete(l.by, c.sender.source)
	}
	l.open--
}

// Close closes c and gives its place back.
func (c *connection) Close() error {
	c.once.Do(func() {
		c.from.mu.Lock()
		defer c.from.mu.Unlock()
		c.from.remove(c)
	})
	return c.Conn.Close()
}

type connectionKey struct{}

// ConnContext is the http.Server's of a Listener.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	conn, ok := c.(*connection)
	if !ok {
		return ctx
	}
	if conn.from.guard.byAddress() {
		ctx = context.WithValue(ctx, senderKey{}, &conn.sender)
	}
	return context.WithValue(ctx, connectionKey{}, conn)
}

func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection) // nil where the server has another listener
	return c
}

// work counts requests that are worked on.
func (c *connection) work(n int32) {
	if c != nil {
		c.atWork.Add(n)
	}
}
