package apiserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// wire is the way to an API server: it answers by state.
type wire struct {
	state atomic.Value // func(*http.Request) (*http.Response, error)
	calls atomic.Int32
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	return w.state.Load().(func(*http.Request) (*http.Response, error))(req)
}

func answers(status int) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
	}
}

func refuses(*http.Request) (*http.Response, error) {
	return nil, errors.New("dial tcp 10.0.0.1:443: connect: connection refused")
}

func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestReach: a replica that the API server does not answer is not ready after a few seconds,
// answers at once from then on, and is ready again with the first answer.
func TestReach(t *testing.T) {
	t.Parallel()
	for name, dead := range map[string]func(*http.Request) (*http.Response, error){
		"refused": refuses, "cut": hangs, "without etcd": answers(http.StatusInternalServerError), "restarting": answers(http.StatusServiceUnavailable), //nolint:bodyclose // none has a body
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, r := &wire{}, &Reach{}
				w.state.Store(answers(http.StatusForbidden)) //nolint:bodyclose // none has a body; it is an answer all the same
				cfg := &rest.Config{Host: "https://api", Transport: w}
				c, err := kubernetes.NewForConfig(r.Guard(cfg, true))
				if err != nil {
					t.Fatal(err)
				}
				quick, err := rest.TransportFor(r.Guard(cfg, false))
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() {
					done <- (&Probe{Reach: r, Client: c.CoordinationV1().RESTClient(), Path: "/apis"}).Start(ctx)
				}()
				time.Sleep(time.Minute)
				if err := r.Ready(); err != nil {
					t.Errorf("it answers: %v", err)
				}
				w.state.Store(dead)
				time.Sleep(silence + probeEvery + probeWithin + time.Second)
				if r.Ready() == nil {
					t.Error("it is ready, and nothing answers")
				}
				before := w.calls.Load()
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPatch, "https://api/apis/x", http.NoBody)
				_, err = quick.RoundTrip(req) //nolint:bodyclose // none has a body
				if !errors.Is(err, ErrUnreachable) || w.calls.Load() != before {
					t.Errorf("%v: it was tried", err)
				}
				if terr := kubeutil.Translate(err, "approval prod/a"); approvals.CodeOf(terr) != approvals.CodeUnavailable || IsLost(err) {
					t.Errorf("%v, which was never sent", terr)
				}
				w.state.Store(answers(http.StatusOK)) //nolint:bodyclose // none has a body
				time.Sleep(probeWithin + probeEvery)
				if err := r.Ready(); err != nil {
					t.Errorf("it answers again: %v", err)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestReachBounds: a call ends, a watch does not; one that finds no connection waits for it
// instead of telling its informer, which would look again much later.
func TestReachBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, r := &wire{}, &Reach{}
		w.state.Store(hangs)
		rt := &reaching{reach: r, next: w}
		get := func(ctx context.Context, url string) error {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
			resp, err := rt.RoundTrip(req)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		began := time.Now()
		if err := get(t.Context(), "https://api/apis/x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != callWithin {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		w.state.Store(refuses)
		got := make(chan error, 2)
		for _, q := range []string{"?watch=true", "?limit=500&resourceVersion=0"} {
			go func() { got <- get(t.Context(), "https://api/apis/x"+q) }()
		}
		time.Sleep(time.Minute)
		if len(got) > 0 {
			t.Errorf("an informer was told: %v", <-got)
		}
		w.state.Store(answers(http.StatusOK)) //nolint:bodyclose // none has a body
		time.Sleep(holdFor)
		synctest.Wait()
		if len(got) != 2 {
			t.Errorf("%d of 2 informers have their answer", len(got))
		}
		w.state.Store(refuses)
		ctx, leave := context.WithCancel(t.Context())
		go func() { got <- get(ctx, "https://api/apis/x?watch=1") }()
		time.Sleep(time.Second)
		leave()
		for range 3 {
			if err := <-got; err != nil {
				t.Log(err) // of the one that left
			}
		}
		// A process that was paused has heard nothing for long, and nothing is wrong.
		r = &Reach{}
		r.note(true)
		time.Sleep(time.Hour)
		if err := r.Ready(); err != nil {
			t.Errorf("it has just woken up: %v", err)
		}
	})
}
