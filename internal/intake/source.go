package intake

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// networkBits of an IPv6 address are one source: anyone who has one has all of its network.
const networkBits = 64

// SourceOf returns the address of r's sender, for counting alone: it gives no right. It is the
// connection's address or, when that is a trusted proxy's, the last address in X-Forwarded-For
// that is not: the outermost proxy wrote it, and what stands before it anybody can write.
func SourceOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	source := addressOf(r.RemoteAddr)
	if !trusted(source, proxies) {
		return source
	}
	all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, s := range slices.Backward(all) {
		a := addressOf(strings.TrimSpace(s))
		if !a.IsValid() {
			return source // nobody knows who wrote what stands before it
		}
		if source = a; !trusted(a, proxies) {
			return source
		}
	}
	return source
}

func trusted(a netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// addressOf reads an address with or without a port; one that is none is not valid.
func addressOf(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		at, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = at.Addr()
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(networkBits); err == nil {
			a = p.Addr()
		}
	}
	return a
}

// Bounds on who is remembered as proved.
const (
	provedFor  = time.Hour
	mostProved = 4096
)

type credential [sha256.Size]byte

// proofs remembers who was proved lately, for provedFor and up to mostProved of them. They are lost
// with the process, and then everybody has the same share until they are proved again.
type proofs struct {
	mu    sync.Mutex
	until map[credential]time.Time
}

func (p *proofs) has(c credential, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.until[c]
	return ok && now.Before(until)
}

func (p *proofs) add(c credential, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil || len(p.until) >= mostProved {
		p.until = map[credential]time.Time{}
	}
	p.until[c] = now.Add(provedFor)
}

// sender is who sent a request. It is in the context of the request or, where nothing in the request
// says more than its address, in that of its connection.
type sender struct {
	guard  *Guard
	source netip.Addr
	who    credential
	known  bool // there is a who
}

type senderKey struct{}

// senderOf returns who sent r, and r with them in its context.
func (g *Guard) senderOf(c *connection, r *http.Request) (*sender, *http.Request) {
	if c != nil && g.byAddress() {
		return &c.sender, r
	}
	s := g.sender(SourceOf(r, g.Proxies))
	if g.Who != nil {
		var who string
		if who, s.known = g.Who(r); s.known {
			s.who = sha256.Sum256([]byte(who))
		}
	}
	return &s, r.WithContext(context.WithValue(r.Context(), senderKey{}, &s))
}

// byAddress reports whether a request says of its sender what its connection says.
func (g *Guard) byAddress() bool { return g.Who == nil && len(g.Proxies) == 0 }

// sender is one of whom the address alone is known. That is who they are, unless a request has to say it.
func (g *Guard) sender(source netip.Addr) sender {
	s := sender{guard: g, source: source}
	if g.Who == nil && source.IsValid() {
		s.who, s.known = sha256.Sum256([]byte(source.String())), true
	}
	return s
}

func (s *sender) proved() bool { return s.known && s.guard.proofs.has(s.who, s.guard.Now()) }

// Proved notes that the sender of ctx's request was proved: by a credential that was
// verified, or by a signature of our own.
func Proved(ctx context.Context) {
	if s, ok := ctx.Value(senderKey{}).(*sender); ok && s.known {
		s.guard.proofs.add(s.who, s.guard.Now())
	}
}

// Source is the address that ctx's request came from, "" when that is not known.
func Source(ctx context.Context) string {
	if s, ok := ctx.Value(senderKey{}).(*sender); ok && s.source.IsValid() {
		return s.source.String()
	}
	return ""
}

// ByCredential identifies the sender of r by a header, a cookie or a personal link, before
// anything is verified. ok is false without any.
func ByCredential(r *http.Request) (who string, ok bool) {
	link := ""
	if strings.Contains(r.URL.Path, "/links/") {
		link = r.URL.Path
	}
	who = r.Header.Get("Authorization") + "\n" + r.Header.Get("Cookie") + "\n" + link
	return who, len(who) > len("\n\n")
}
