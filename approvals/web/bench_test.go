package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/templates"
)

var ring = keyring.Ring{{Secret: bytes.Repeat([]byte{7}, keyring.Size)}}

// bench is the service over a store in memory, at a fixed time.
type bench struct {
	web.Deps
	t        *testing.T
	store    *ct.MemStore
	handler  http.Handler
	log      bytes.Buffer
	seen     sync.Mutex
	observed []string
	ended    []approvals.Outcome
}

func newBench(t *testing.T, external string, as ...approvals.Approval) *bench {
	t.Helper()
	pages, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(external)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, store: ct.NewMemStore(as...)}
	now := func() time.Time { return ct.T0.Add(30 * time.Minute) }
	known := ct.Known("alice", "bob", "carol")
	b.Deps = web.Deps{
		Store: b.store, Overview: b.store, People: known, Auth: fakeAuth{}, Operators: fakeAuth{}, Ring: func() keyring.Ring { return ring }, Templates: pages, External: u, Now: now,
		Desk: &approvals.VoteService{
			Store: b.store, Now: now, People: known, Operators: fakeAuth{},
			Results:  ct.DefaultResults{},
			Outcomes: ct.OutcomeFunc(func(a approvals.Approval) { b.ended = append(b.ended, a.Outcome) }),
			Voted:    func(approvals.Approval, approvals.Verdict) {},
		},
		Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(route, method string, status int, _ time.Duration) {
			b.seen.Lock()
			defer b.seen.Unlock()
			b.observed = append(b.observed, fmt.Sprintf("%s %s %d", method, route, status))
		},
	}
	b.handler = web.Handler(b.Deps)
	return b
}

// fakeAuth knows the tokens token-NAME; "auditor" may see everything in prod and
// "dev-lead" everything in dev.
type fakeAuth struct{}

func (fakeAuth) Authenticate(_ context.Context, token string) (approvals.Identity, error) {
	name, ok := strings.CutPrefix(token, "token-")
	switch {
	case name == "unsure":
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check the bearer token; try again in a moment")
	case !ok:
		return approvals.Identity{}, approvals.Errorf(approvals.CodeUnauthenticated, "the bearer token was not accepted by the cluster")
	}
	id := approvals.Identity{Name: name, AuthMethod: approvals.AuthToken, CredentialID: "uid:" + name}
	if name == "zoe" {
		id.Groups = []string{"sre"}
	}
	return id, nil
}

func (fakeAuth) MaySee(_ context.Context, id approvals.Identity, _, namespace, _ string) (bool, error) {
	if id.Name == "nobody-knows" {
		return false, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check your rights; try again in a moment")
	}
	return id.Name == "auditor" && namespace == "prod" || id.Name == "dev-lead" && namespace == "dev" || id.Name == "root", nil
}

func (fakeAuth) MayOperate(_ context.Context, id approvals.Identity, namespace string) (bool, error) {
	if id.Name == "nobody-knows" {
		return false, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check your rights; try again in a moment")
	}
	return id.Name == "operator" && namespace == "prod" || id.Name == "root", nil
}

// ask sends one request; headers are name, value pairs. openapi.yaml has to describe the answer, so
// every test that asks holds the document to what the service does.
func (b *bench) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if err := web.Conforms(strings.TrimSuffix(b.External.Path, "/"), method, r.URL.Path, body, w); err != nil {
		b.t.Errorf("openapi.yaml: %v", err)
	}
	return w
}

// post sends a form as the page does.
func (b *bench) post(path string, form url.Values) *httptest.ResponseRecorder {
	return b.ask(http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// token is voter's link to a.
func (b *bench) token(t *testing.T, a approvals.Approval, voter string) string {
	t.Helper()
	token, err := link.Sign(ring, link.Claims{Namespace: a.Namespace, Name: a.Name, UID: a.UID, Voter: voter, Address: voter + "@example.com", Expires: a.Deadline()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// state is a hash of everything that is kept.
func (b *bench) state(t *testing.T) string {
	t.Helper()
	list, err := b.store.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x, %d writes", sha256.Sum256(raw), b.store.Writes())
}

func vote(v, comment string) url.Values { return url.Values{"vote": {v}, "comment": {comment}} }

// wantHeaders are on every answer there is.
func wantHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY", "X-Robots-Tag": "noindex", "Cache-Control": "no-store",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %s is %q, want %q in it", what, name, h.Get(name), want)
		}
	}
	for _, source := range []string{"unsafe-inline", "unsafe-eval", "*", "http:"} {
		if strings.Contains(h.Get("Content-Security-Policy"), source) {
			t.Errorf("%s: the policy has %s", what, source)
		}
	}
}
