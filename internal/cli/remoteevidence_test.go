package cli

import (
	"bytes"
	"cmp"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestFromService: evidence that the service alone has is read with the kubeconfig's token, where
// the person said, and is compared with what is approved.
func TestFromService(t *testing.T) {
	t.Parallel()
	const plan = "Plan: 1 to add"
	item := rules.Item{Name: "plan", State: rules.Present, Size: int64(len(plan)), SHA256: rules.Sum([]byte(plan))}
	said := golden.Open(t)
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		hidden int
		fails  bool
	}{
		"what is approved": {answer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/x/api/v1/namespaces/shop/approvals/deploy/evidence/plan" || r.Header.Get("Authorization") != "Bearer secret-token" || r.Header.Get("Impersonate-User") != "" {
				t.Errorf("asked for %s with %v", r.URL.Path, r.Header)
			}
			_, _ = w.Write([]byte(plan))
		}},
		"other bytes": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Plan: 1 to bad")) }},
		"without secrets": {hidden: 2, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Evidence-Masked", "2")
			_, _ = w.Write([]byte("Plan"))
		}},
		"more than it can have": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, rules.MaxSize+1)) }},
		"without secrets, more than it can have": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Evidence-Masked", "2")
			_, _ = w.Write(make([]byte, 2*rules.MaxSize+1))
		}},
		"the store is down": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error": {"code": "Unavailable", "message": "the audit store (SQLite) did not answer"}}`))
		}},
		"no token": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error": {"message": "send a token"}}`))
		}},
		"another program": {fails: true, answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }},
		"a redirect": {fails: true, answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(http.HandlerFunc(c.answer))
			defer service.Close()
			s := &session{config: &rest.Config{Host: "https://cluster.invalid", BearerToken: "secret-token", Impersonate: rest.ImpersonationConfig{UserName: "root"}}}
			o := &v1alpha1.Approval{}
			o.Namespace, o.Name = "shop", "deploy"
			data, hidden, err := s.fromService(t.Context(), service.URL+"/x", o, item)
			switch {
			case c.fails:
				if err == nil || data != nil {
					t.Fatalf("%q, %v; want an error and no bytes", data, err)
				}
				said.Check(t, name, strings.ReplaceAll(err.Error(), service.URL, "http://service"))
			case err != nil || hidden != c.hidden || len(data) == 0:
				t.Errorf("%q, %d hidden, %v", data, hidden, err)
			}
		})
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("the token was carried to another address %d times", n)
	}
}

// TestLeftOut: who reads evidence without its secrets hears that nothing was compared, and others do not.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, n := range map[string]int{"one": 1, "several": 3} {
		var out bytes.Buffer
		(&command{Options: Options{Err: &out}}).leftOut(n)
		said.Check(t, name, out.String())
	}
	var out bytes.Buffer
	if (&command{Options: Options{Err: &out}}).leftOut(0); out.Len() > 0 {
		t.Errorf("with nothing left out: %q", out.String())
	}
}

// TestServiceURL: a token goes where nobody listens on the way.
func TestServiceURL(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for address, ok := range map[string]bool{
		"https://approve.example.com/x": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true,
		"http://approve.example.com": false, "approve.example.com": false, "file:///etc/passwd": false, "https://u:p@approve.example.com": false, "": false,
	} {
		_, err := serviceURL(address)
		if (err == nil) != ok {
			t.Errorf("%q: %v, want taken %t", address, err, ok)
		}
		if err != nil {
			said.Check(t, cmp.Or(address, "nothing"), err.Error())
		}
	}
}
