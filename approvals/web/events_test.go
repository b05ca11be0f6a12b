package web_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/approvals/web"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600) // the process's own zone is seen nowhere
	goleak.VerifyTestMain(m)
}

// news is the changes of a test.
type news struct {
	mu   sync.Mutex
	here map[chan struct{}]bool
}

func (n *news) Changes() (<-chan struct{}, func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := make(chan struct{}, 1)
	if n.here == nil {
		n.here = map[chan struct{}]bool{}
	}
	n.here[c] = true
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.here, c)
	}
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.here {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (n *news) listeners() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.here)
}

func withNews(t *testing.T, external string, list ...approvals.Approval) (*bench, *news) {
	t.Helper()
	b, n := newLoginBench(t, external, list...), &news{}
	b.Changes = n.Changes
	b.handler = web.Handler(b.Deps)
	return b, n
}

// voted changes an Approval as somebody's vote does.
func (b *bench) voted(t *testing.T, name, voter string) {
	t.Helper()
	if _, _, err := b.Desk.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: name}, ct.Ballot(voter, approvals.Approve, "ok")); err != nil {
		t.Fatal(err)
	}
}

// client takes what a stream sends. A slow one takes nothing until its deadline.
type client struct {
	*httptest.ResponseRecorder
	mu       sync.Mutex
	slow     bool
	writes   int
	deadline time.Time
}

func (c *client) SetWriteDeadline(t time.Time) error { c.deadline = t; return nil }

func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.slow && c.writes > 1 {
		time.Sleep(time.Until(c.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	return c.ResponseRecorder.Write(p)
}

func (c *client) changed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Count(c.Body.String(), "data: changed\n\n")
}

// listen opens a stream in the background; the channel is closed when it ends.
func (b *bench) listen(ctx context.Context, c *client, path, who string) <-chan struct{} {
	c.ResponseRecorder = httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Header.Set("Cookie", "who="+who)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.handler.ServeHTTP(c, r)
	}()
	synctest.Wait()
	return done
}

// TestEvents: a stream sends an event after a change, to people who may see what changed, at most
// once a second, and nothing else.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n := withNews(t, base, ct.Make("a").Users("alice", "bob", "carol").Quorum(3).Obj(), ct.Make("b").Users("bob").Obj())
		clients := map[string]*client{"/events alice": {}, "/events bob": {}, "/events mallory": {}, "/events?namespace=dev bob": {}, "/events?namespace=prod&name=a alice": {}}
		ctx, cancel := context.WithCancel(t.Context())
		var ends []<-chan struct{}
		for at, c := range clients {
			path, who, _ := strings.Cut(at, " ")
			ends = append(ends, b.listen(ctx, c, path, who))
		}
		want := func(when string, alice, bob, page int) {
			t.Helper()
			synctest.Wait()
			for at, n := range map[string]int{"/events alice": alice, "/events bob": bob, "/events mallory": 0, "/events?namespace=dev bob": 0, "/events?namespace=prod&name=a alice": page} {
				if got := clients[at].changed(); got != n {
					t.Errorf("%s, %s: %d events, want %d: %q", when, at, got, n, clients[at].Body)
				}
			}
		}
		want("at first", 0, 0, 0)
		n.tell()
		want("nothing of theirs", 0, 0, 0)
		time.Sleep(2 * time.Second)
		b.voted(t, "b", "bob")
		n.tell()
		want("b", 0, 1, 0)
		time.Sleep(2 * time.Second)
		b.voted(t, "a", "alice")
		n.tell()
		want("a", 1, 2, 1)
		b.voted(t, "a", "bob")
		for range 100 {
			n.tell()
		}
		want("a again, at once", 1, 2, 1)
		time.Sleep(2 * time.Second)
		want("a again", 2, 3, 2)
		time.Sleep(time.Minute)
		want("silence", 2, 3, 2)
		if got := clients["/events alice"].Body.String(); !strings.Contains(got, "\n:\n\n") || strings.ContainsAny(strings.NewReplacer("retry: 5000\n\n", "", ":\n\n", "", "data: changed\n\n", "").Replace(got), "abc:") {
			t.Errorf("sent %q", got)
		}
		wantHeaders(t, "stream", clients["/events alice"].Header())
		cancel()
		for _, end := range ends {
			<-end
		}
		if n.listeners() != 0 {
			t.Errorf("%d still listen", n.listeners())
		}
	})
}

// recovering is a cluster that does not answer at first, and lets ron approve.
type recovering struct {
	fakeAuth
	up bool
}

var errDown = approvals.Errorf(approvals.CodeUnavailable, "down")

func (r *recovering) MaySee(context.Context, approvals.Identity, string, string, string) (bool, error) {
	if !r.up {
		return false, errDown
	}
	return false, nil
}

func (r *recovering) Has(_ context.Context, id approvals.Identity, _, _ string, _ approvals.Right) (bool, error) {
	if !r.up {
		return false, errDown
	}
	return id.Name == "ron", nil
}

// TestEventsRecover: what could not be found out when a stream began is asked again.
func TestEventsRecover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n := withNews(t, base, ct.Make("a").Users("alice", "bob", "carol").Quorum(3).With(func(a *approvals.Approval) { a.Resolved.Policy.RBAC = true }).Obj())
		auth, c, start := &recovering{}, &client{}, time.Now()
		b.Now = func() time.Time { return ct.T0.Add(time.Since(start)) }
		b.Auth, b.Deps.Desk.(*approvals.VoteService).Rights = auth, auth
		b.handler = web.Handler(b.Deps)
		ctx, cancel := context.WithCancel(t.Context())
		end := b.listen(ctx, c, "/events", "ron")
		auth.up = true
		time.Sleep(time.Minute) // what the cluster said is believed for less
		b.voted(t, "a", "alice")
		n.tell()
		synctest.Wait()
		if c.changed() != 1 {
			t.Errorf("sent %q", c.Body)
		}
		cancel()
		<-end
	})
}

// remade is an index for pages, in which a test deletes an Approval and makes another of its name.
type remade struct{ *overview.Index }

func (r remade) Snapshot(context.Context) (*overview.Snapshot, error) { return r.Index.Snapshot(), nil }

// TestEventsOfOne: a stream is of the Approval that its page shows, and not of another
// one that has its name later and that its reader may not see.
func TestEventsOfOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := ct.Make("a").Users("alice").Obj()
		b, n := withNews(t, base, a)
		there, c := remade{overview.NewIndex()}, &client{}
		there.Put(a)
		b.Deps.Overview = there
		b.handler = web.Handler(b.Deps)
		end := b.listen(t.Context(), c, "/events?namespace=prod&name=a", "alice")
		a.UID = "second"
		there.Put(a)
		n.tell()
		synctest.Wait()
		select {
		case <-end:
		default:
			t.Error("it goes on, with another Approval")
		}
		if c.changed() != 1 {
			t.Errorf("sent %q", c.Body)
		}
	})
}

// TestEventsEnd: after their time, with the service, and with their client.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n := withNews(t, base, ct.Make("a").Quorum(2).Users("alice", "bob").Obj())
		start := time.Now()
		<-b.listen(t.Context(), &client{}, "/events", "alice")
		if took := time.Since(start); took != 5*time.Minute {
			t.Errorf("ended after %v", took)
		}
		slow := &client{slow: true}
		start = time.Now()
		end := b.listen(t.Context(), slow, "/events", "alice")
		b.voted(t, "a", "alice")
		for range 10_000 {
			n.tell()
		}
		<-end
		if took := time.Since(start); took != 10*time.Second || slow.writes != 2 {
			t.Errorf("a slow client: %v, %d writes", took, slow.writes)
		}
		end = b.listen(t.Context(), &client{}, "/events", "alice")
		n.mu.Lock()
		for c := range n.here {
			close(c)
		}
		n.mu.Unlock()
		<-end
		b.store.Fail(errors.New("down"))
		if <-b.listen(t.Context(), &client{}, "/events", "alice"); n.listeners() != 0 {
			t.Error("somebody still listens")
		}
	})
}

func TestEventsAreRefused(t *testing.T) {
	t.Parallel()
	b, _ := withNews(t, base, ct.Make("a").Obj())
	for _, headers := range [][]string{nil, bearer("root")} {
		if w := b.ask(http.MethodGet, "/events", "", headers...); w.Code != http.StatusUnauthorized {
			t.Errorf("no session: %d %s", w.Code, w.Body)
		}
	}
	if w := b.ask(http.MethodGet, "/events?namespace=prod&name=a", "", as("mallory")...); w.Code != http.StatusForbidden {
		t.Errorf("another's: %d", w.Code)
	}
	if w := b.ask(http.MethodGet, "/events?namespace=prod&name=none", "", as("alice")...); w.Code != http.StatusNotFound {
		t.Errorf("none: %d", w.Code)
	}
	none := newLoginBench(t, base, ct.Make("a").Obj())
	if w := none.ask(http.MethodGet, "/events", "", as("alice")...); w.Code != http.StatusNotFound {
		t.Errorf("without changes: %d", w.Code)
	}
	if w := none.ask(http.MethodGet, "/", "", as("alice")...); strings.Contains(w.Body.String(), "live.js") || strings.Contains(w.Header().Get("Content-Security-Policy"), "connect-src") {
		t.Error("a page without changes reaches us")
	}
}

// TestEventsAreBounded: one person can't take all streams, and what ends makes room.
func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n := withNews(t, base)
		ctx, cancel := context.WithCancel(t.Context())
		var ends []<-chan struct{}
		for range 12 {
			ends = append(ends, b.listen(ctx, &client{}, "/events", "alice"))
		}
		if w := b.ask(http.MethodGet, "/events", "", as("alice")...); w.Code != http.StatusServiceUnavailable || n.listeners() != 12 {
			t.Errorf("one too many: %d, %d listen", w.Code, n.listeners())
		}
		ends = append(ends, b.listen(ctx, &client{}, "/events", "bob"))
		cancel()
		for _, end := range ends {
			<-end
		}
		<-b.listen(t.Context(), &client{}, "/events", "alice") // there is room again
	})
}

// TestLivePages: those that show times may run our scripts, those that update
// themselves reach us, and no other page may.
func TestLivePages(t *testing.T) {
	t.Parallel()
	b, _ := withNews(t, base+"/x", ct.Make("a").Obj())
	for path, live := range map[string]string{
		"/x/":                    `data-events="/x/events"`,
		"/x/?namespace=a%26b":    `data-events="/x/events?namespace=a%26b"`,
		"/x/mine":                `data-events="/x/events"`,
		"/x" + page:              `data-events="/x/events?name=a&amp;namespace=prod"`,
		"/x/history":             "",
		"/x/logout":              "",
		"/x/approvals/prod/none": "",
		"/x/links/" + b.token(t, ct.Make("a").Obj(), "alice"): `data-poll="12"`, // without a stream
	} {
		w := b.ask(http.MethodGet, path, "", as("alice")...)
		csp := w.Header().Get("Content-Security-Policy")
		asks := strings.Contains(csp, "connect-src 'self'")
		if asks != (live != "") {
			t.Errorf("%s: %q", path, csp)
		}
		if got := live != ""; strings.Contains(w.Body.String(), "live.js") != got ||
			strings.Contains(csp, "script-src 'self'") != strings.Contains(w.Body.String(), "<script") || (strings.Contains(path, "logout") || strings.Contains(path, "none")) == strings.Contains(csp, "script") || !strings.Contains(w.Body.String(), live) {
			t.Errorf("%s: %q\n%.1500s", path, csp, w.Body)
		}
		wantHeaders(t, path, w.Header())
	}
	if w := b.ask(http.MethodGet, "/x/static/live.js", ""); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("the script: %d %v", w.Code, w.Header())
	}
}

// TestEventsOutliveTheServersLimits: those are for requests that end.
func TestEventsOutliveTheServersLimits(t *testing.T) {
	t.Parallel()
	b, n := withNews(t, base, ct.Make("a").Quorum(2).Users("alice", "bob").Obj())
	srv := httptest.NewUnstartedServer(b.handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = time.Second, time.Second
	srv.Start()
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "who=alice")
	c := srv.Client()
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "retry: 5000" {
		t.Fatalf("began with %q", lines.Text())
	}
	time.Sleep(1500 * time.Millisecond)
	b.voted(t, "a", "alice")
	n.tell()
	for lines.Scan() {
		if lines.Text() == "data: changed" {
			return
		}
	}
	t.Errorf("ended without an event: %v", lines.Err())
}
