package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// How a replica finds out that it can't reach the API server, and what it does then.
const (
	// silence is how long nothing may have come from the API server, although it was asked,
	// before this replica takes no more requests, and asks nothing that it can't answer.
	silence = 4 * time.Second
	// probeEvery is how often the API server is asked when nobody else asks.
	probeEvery  = time.Second
	probeWithin = 2 * time.Second
	// callWithin bounds one call. An API server gives a slow admission webhook 10 s.
	callWithin = 12 * time.Second
	// dialWithin bounds one try to connect: after a cut, TCP's own next try comes after up to
	// half a minute.
	dialWithin = 3 * time.Second
	// holdFor is how soon a watch is tried again that found no connection.
	holdFor = 500 * time.Millisecond
)

// ErrUnreachable is the error of a call that was not made, because the API server has not
// answered for a while.
var ErrUnreachable = errors.New("the API server has not answered for a while, so this request was not sent")

// Reach knows whether this process reaches the API server: by the answers that come anyway,
// and by a probe when none does. What is remembered is this process's own, and is found out
// again within moments.
type Reach struct {
	Clock *Clock // told of each answer's time; nil: nobody is

	mu      sync.Mutex
	last    time.Time // of an answer, or of the start
	failing bool      // a call since then got none
}

// Guard has every call made with a copy of cfg bounded, and, when it is not patient, not made
// while the API server is out of reach. What informers ask waits for it instead: they would
// look again after up to half a minute.
func (r *Reach) Guard(cfg *rest.Config, patient bool) *rest.Config {
	out := rest.CopyConfig(cfg)
	if out.Dial == nil {
		out.Dial = (&net.Dialer{Timeout: dialWithin, KeepAlive: 10 * time.Second}).DialContext
	}
	out.Wrap(func(next http.RoundTripper) http.RoundTripper { return &reaching{r, next, patient} })
	return out
}

// Ready is an error while the API server is out of reach.
func (r *Reach) Ready() error {
	if since, out := r.out(); out {
		return fmt.Errorf("the API server has not answered for %s", since.Round(time.Second))
	}
	return nil
}

func (r *Reach) out() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := time.Since(r.last) //nolint:forbidigo // a duration, not a decision
	return since, r.failing && since > silence
}

func (r *Reach) note(answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if answered {
		r.last, r.failing = time.Now(), false //nolint:forbidigo // see above
	} else {
		if r.last.IsZero() {
			r.last = time.Now() //nolint:forbidigo // see above
		}
		r.failing = true
	}
}

// Probe is a manager.Runnable that asks the API server for what, a path, when nothing else
// was answered for a moment. Client is a patient one.
type Probe struct {
	Reach  *Reach
	Client rest.Interface
	Path   string
}

// Start implements manager.Runnable.
func (p *Probe) Start(ctx context.Context) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.ask(ctx)
		}
	}
}

func (p *Probe) ask(ctx context.Context) {
	p.Reach.mu.Lock()
	fresh := time.Since(p.Reach.last) < probeEvery && !p.Reach.failing //nolint:forbidigo // see above
	p.Reach.mu.Unlock()
	if fresh {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	// Any answer will do, also that there is no such thing: the transport notes it.
	_ = p.Client.Get().AbsPath(p.Path).Do(ctx).Error()
}

// NeedLeaderElection is false: every replica has to know whether it is cut off.
func (p *Probe) NeedLeaderElection() bool { return false }

// reaching is the transport of calls to the API server.
type reaching struct {
	reach   *Reach
	next    http.RoundTripper
	patient bool
}

// RoundTrip implements http.RoundTripper.
func (t *reaching) RoundTrip(req *http.Request) (*http.Response, error) {
	if ofInformer(req) {
		return t.hold(req)
	}
	if _, out := t.reach.out(); out && !t.patient {
		return nil, ErrUnreachable
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), callWithin, fmt.Errorf("no answer within %s", callWithin))
	sent := time.Now() //nolint:forbidigo // see Clock
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		if req.Context().Err() == nil || errors.Is(req.Context().Err(), context.DeadlineExceeded) { // else its asker left
			t.reach.note(false)
		}
		return nil, err
	}
	t.reach.note(resp.StatusCode < http.StatusInternalServerError)
	if t.reach.Clock != nil {
		t.reach.Clock.answered(sent, resp.Header)
	}
	resp.Body = &boundedBody{resp.Body, cancel}
	return resp, nil
}

// ofInformer reports whether an informer sent the request: its lists name a resource version,
// too.
func ofInformer(req *http.Request) bool {
	q := req.URL.Query()
	return req.Method == http.MethodGet && (q.Has("watch") || q.Has("resourceVersion"))
}

// hold tries until there is a connection: no answer is no error yet.
func (t *reaching) hold(req *http.Request) (*http.Response, error) {
	for {
		resp, err := t.next.RoundTrip(req)
		if err == nil {
			return resp, nil
		}
		if req.Context().Err() == nil {
			t.reach.note(false)
		}
		select {
		case <-req.Context().Done():
			return nil, err
		case <-time.After(holdFor):
		}
	}
}

// boundedBody ends its call's time limit when it has been read.
type boundedBody struct {
	io.ReadCloser

	cancel context.CancelFunc
}

func (b *boundedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
