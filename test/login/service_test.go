//go:build login

package login

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/oidc"
	"github.com/countersign-dev/countersign/templates"
)

// service is the pages and the API on a port, with one Approval in memory that
// alice, bob and group sre may decide.
type service struct {
	*httptest.Server
	store *ct.MemStore
	log   bytes.Buffer

	mu    sync.Mutex
	later time.Duration // than now is the service's time
	ring  keyring.Ring
}

// newService returns one that has an address, and does not serve before serve.
func newService(t *testing.T) *service {
	t.Helper()
	now := time.Now()
	a := ct.Make("a").Users("bob@example.com", "unverified@example.com").Groups("sre").Quorum(2).With(func(a *approvals.Approval) { a.OpenedAt = now.Add(-time.Minute) }).Obj()
	s := &service{store: ct.NewMemStore(a), ring: keyring.Ring{keyring.NewKey(now)}, Server: httptest.NewUnstartedServer(nil)}
	t.Cleanup(s.Close)
	return s
}

func (s *service) address() string { return "http://" + s.Listener.Addr().String() }

func (s *service) serve(t *testing.T, issuer string) {
	t.Helper()
	external, err := url.Parse(s.address())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	config := oidc.Config{Issuer: issuer, ClientID: clientID, ClientSecret: keyring.Secret(clientSecret)}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	login, err := oidc.New(config, oidc.Deps{External: external, Ring: s.keys, Now: s.now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = web.Handler(web.Deps{
		Store: s.store, Overview: s.store, Login: login, Auth: oidc.Bearer{Cluster: cluster{}, Login: login}, Ring: s.keys, Templates: pages, External: external, Now: s.now, Log: log,
		Observe: func(string, string, int, time.Duration) {},
		Desk: &approvals.VoteService{
			Store: s.store, Now: s.now, Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
			Results: ct.DefaultResults{},
		},
	})
	s.Start()
}

func (s *service) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.later)
}

func (s *service) keys() keyring.Ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring
}

func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *service) votes(t *testing.T) []approvals.Vote {
	t.Helper()
	a, err := s.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	return a.Votes
}

// cluster knows no token and gives nobody any right.
type cluster struct{}

func (cluster) Authenticate(context.Context, string) (approvals.Identity, error) {
	return approvals.Identity{}, approvals.Errorf(approvals.CodeUnauthenticated, "the bearer token was not accepted by the cluster")
}

func (cluster) MaySee(context.Context, approvals.Identity, string, string, string) (bool, error) {
	return false, nil
}

// body reads and closes.
func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	// A proxy on Go's ReverseProxy may cut the answer to a POST when that comes at once: it looks for more of a body
	// that its own server has closed by then (golang/go#40747). The status came before that, and the tests of a POST
	// look at the status and at what was stored.
	if err != nil && (!errors.Is(err, io.ErrUnexpectedEOF) || resp.Request.Method != http.MethodPost) {
		t.Fatal(err)
	}
	return string(b)
}
