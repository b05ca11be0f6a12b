package intake_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/internal/intake"
)

// limits are small, so that a test need not send much.
var limits = intake.Limits{Connections: 400, Requests: 16, Bytes: 4 << 20, Body: 1 << 20, Wait: 10 * time.Second, ReadFor: 20 * time.Second}

// serve is a server within limits on every address of this machine.
func serve(t *testing.T, g *intake.Guard, h http.HandlerFunc) (port string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: g.Handler(h), ConnContext: intake.ConnContext, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(g.Listener(l))
	}()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// dial connects from one of this machine's addresses: each is another source.
func dial(t *testing.T, from, port string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// client sends from one address.
func client(from string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
}

func post(ctx context.Context, c *http.Client, port string, body io.Reader) (status int, header http.Header, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+port+"/", body)
	if err != nil {
		return 0, nil, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

// TestHalfSentBodies: somebody leaves bodies unfinished, each of which says that it is
// large; one sends them in pieces. Anyone who sends whole ones from elsewhere has all of them
// taken, and never is there more in memory than the limit says.
func TestHalfSentBodies(t *testing.T) {
	t.Parallel()
	var held, most atomic.Int64
	g := &intake.Guard{Now: time.Now, Limits: limits}
	port := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		b, ok := r.Body.(*intake.Body)
		if !ok {
			t.Errorf("a body that is %T", r.Body)
			return
		}
		now := held.Add(int64(len(b.Bytes())))
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		defer held.Add(-int64(len(b.Bytes())))
		_, _ = io.Copy(w, strings.NewReader(fmt.Sprint(len(b.Bytes()))))
	})
	var half []net.Conn
	for i := range 120 {
		c := dial(t, "127.0.0.2", port)
		half = append(half, c)
		how := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 1<<20, strings.Repeat("x", 1000))
		if i%2 == 1 {
			how = "Transfer-Encoding: chunked\r\n\r\n10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
		}
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\n"+how); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			body := io.Reader(strings.NewReader(strings.Repeat("y", 500_000)))
			if i%5 == 0 {
				body = struct{ io.Reader }{body} // its length is not known
			}
			status, _, answer, err := post(t.Context(), client("127.0.0.3"), port, body)
			if err != nil || status != http.StatusOK || answer != "500000" {
				t.Errorf("%d %q %v", status, answer, err)
			}
		})
	}
	all.Wait()
	if got := most.Load(); got > limits.Bytes || got == 0 {
		t.Errorf("%d bytes at once, the limit is %d", got, limits.Bytes)
	}
	refused := 0
	for _, c := range half {
		if refused > 0 {
			break // the others wait as long
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // its connection was closed
		}
		if resp.Body.Close(); resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusRequestTimeout {
			refused++
		}
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if refused == 0 {
		t.Error("none of the unfinished bodies was answered")
	}
}

// TestTooLarge: a body that says so is refused unread, and one that does not as soon as it is.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	var reasons sync.Map
	g := &intake.Guard{Now: time.Now, Limits: limits, Count: func(r string) { reasons.Store(r, true) }}
	port := serve(t, g, func(http.ResponseWriter, *http.Request) { t.Error("it was worked on") })
	for name, body := range map[string]io.Reader{
		"known":   strings.NewReader(strings.Repeat("x", int(limits.Body)+1)),
		"unknown": struct{ io.Reader }{strings.NewReader(strings.Repeat("x", int(limits.Body)+1))},
	} {
		status, _, answer, err := post(t.Context(), client("127.0.0.4"), port, body)
		if err != nil || status != http.StatusRequestEntityTooLarge || !strings.Contains(answer, "1048576") {
			t.Errorf("%s: %d %q %v", name, status, answer, err)
		}
	}
	if _, ok := reasons.Load("too_large"); !ok {
		t.Error("it was not counted")
	}
}

// TestManyConnections: anyone who holds all connections loses their oldest to somebody else.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	small := limits
	small.Connections = 16
	g := &intake.Guard{Now: time.Now, Limits: small}
	port := serve(t, g, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") })
	for range 100 {
		dial(t, "127.0.0.5", port)
	}
	for range 20 {
		status, _, answer, err := post(t.Context(), client("127.0.0.6"), port, strings.NewReader("{}"))
		if err != nil || status != http.StatusOK || answer != "done" {
			t.Fatalf("%d %q %v", status, answer, err)
		}
	}
}

// TestBusy: when a source has all the places that it may, another one's request starts, and
// the source's own wait and then are told to come again.
func TestBusy(t *testing.T) {
	t.Parallel()
	small := limits
	small.Requests, small.Wait = 8, 200*time.Millisecond
	g := &intake.Guard{Now: time.Now, Limits: small}
	free, begun := make(chan struct{}), make(chan struct{}, 100)
	port := serve(t, g, func(_ http.ResponseWriter, r *http.Request) {
		switch source := intake.Source(r.Context()); source {
		case "127.0.0.7":
			begun <- struct{}{}
			<-free
		case "127.0.0.8":
			intake.Proved(r.Context())
		default:
			t.Errorf("source %q", source)
		}
	})
	if status, _, _, err := post(t.Context(), client("127.0.0.8"), port, nil); status != http.StatusOK {
		t.Fatal(status, err)
	}
	var all sync.WaitGroup
	for range 6 { // three quarters
		all.Go(func() {
			if status, _, _, err := post(t.Context(), client("127.0.0.7"), port, nil); status != http.StatusOK {
				t.Error(status, err)
			}
		})
		<-begun
	}
	if status, header, _, err := post(t.Context(), client("127.0.0.7"), port, nil); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Error(status, err)
	}
	// Who was proved has a part for themselves.
	if status, _, _, err := post(t.Context(), client("127.0.0.8"), port, nil); status != http.StatusOK {
		t.Error(status, err)
	}
	close(free)
	all.Wait()
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct{ remote, forwarded, want string }{
		"itself":                    {"192.0.2.1:5", "", "192.0.2.1"},
		"a header of anybody":       {"192.0.2.1:5", "198.51.100.1", "192.0.2.1"},
		"by a proxy":                {"10.1.1.1:5", "198.51.100.1", "198.51.100.1"},
		"by two proxies":            {"10.1.1.1:5", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		"a lie before the proxy":    {"10.1.1.1:5", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
		"no address":                {"10.1.1.1:5", "unknown", "10.1.1.1"},
		"no address, then a proxy":  {"10.1.1.1:5", "203.0.113.9, x, 10.2.2.2", "10.2.2.2"},
		"a proxy that says nothing": {"10.1.1.1:5", "", "10.1.1.1"},
		"IPv6 by its network":       {"[2001:db8:1:2:3::4]:5", "", "2001:db8:1:2::"},
		"IPv4 in IPv6":              {"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
		"nothing":                   {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			got := ""
			if a := intake.SourceOf(r, proxies); a.IsValid() {
				got = a.String()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestLarge: what is too large to be kept is looked through to its end, and refused.
func TestLarge(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	g := &intake.Guard{Now: time.Now, Limits: limits, Large: func(r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		seen.Add(n)
	}}
	port := serve(t, g, func(http.ResponseWriter, *http.Request) { t.Error("it was handed on") })
	for range 3 {
		status, _, _, err := post(t.Context(), client("127.0.0.4"), port, strings.NewReader(strings.Repeat("y", 5<<20)))
		if err != nil || status != http.StatusRequestEntityTooLarge {
			t.Errorf("%d, %v", status, err)
		}
	}
	if n := seen.Load(); n != 3*5<<20 {
		t.Errorf("%d bytes were looked through", n)
	}
	// One that says to be larger than anybody sends is not waited for.
	c := dial(t, "127.0.0.4", port)
	if _, err := io.WriteString(c, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nx", 1<<40)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
	if seen.Load() != 3*5<<20 {
		t.Error("it was looked through")
	}
}

// TestManyWait: somebody has every connection wait for a turn. Another address finds one all
// the same, and who was proved a place.
func TestManyWait(t *testing.T) {
	t.Parallel()
	small := limits
	small.Requests, small.Connections, small.Wait = 8, 32, 30*time.Second
	g := &intake.Guard{Now: time.Now, Limits: small}
	free := make(chan struct{})
	port := serve(t, g, func(_ http.ResponseWriter, r *http.Request) {
		if intake.Source(r.Context()) == "127.0.0.9" {
			<-free
		}
		intake.Proved(r.Context())
	})
	if status, _, _, err := post(t.Context(), client("127.0.0.10"), port, nil); status != http.StatusOK {
		t.Fatal(status, err)
	}
	for range 100 {
		c := dial(t, "127.0.0.9", port)
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			continue // it was closed for the next one
		}
	}
	for range 5 {
		if status, _, _, err := post(t.Context(), client("127.0.0.10"), port, nil); status != http.StatusOK {
			t.Error(status, err)
		}
	}
	close(free)
}

// TestLastByteNeverComes: from one address, as behind a proxy, somebody sends all but the last
// byte of large bodies. Whole ones from the same address are taken.
func TestLastByteNeverComes(t *testing.T) {
	t.Parallel()
	g := &intake.Guard{Now: time.Now, Limits: limits}
	port := serve(t, g, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") })
	almost := make([]byte, limits.Body-1)
	for range 50 {
		c := dial(t, "127.0.0.11", port)
		go func() { // until it is cut
			_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", limits.Body)
			_, _ = c.Write(almost)
		}()
	}
	for range 5 {
		status, _, answer, err := post(t.Context(), client("127.0.0.11"), port, strings.NewReader("{}"))
		if err != nil || status != http.StatusOK || answer != "done" {
			t.Errorf("%d %q %v", status, answer, err)
		}
	}
}

// TestLongAnswers: what takes longer to answer than a request may take to be read is not ended for that.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	const reading = 300 * time.Millisecond
	g := &intake.Guard{Now: time.Now, Limits: limits}
	srv := httptest.NewUnstartedServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			http.Error(w, context.Cause(r.Context()).Error(), http.StatusInternalServerError)
		case <-time.After(4 * reading):
		}
	})))
	srv.Config.ReadTimeout = reading
	srv.Start()
	t.Cleanup(srv.Close)
	for _, body := range []string{"", "with a body"} {
		resp, err := srv.Client().Post(srv.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		all, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%q: %s %s", body, resp.Status, all)
		}
	}
}
