package outbound_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify/notifytest"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestForbiddenForNow: a 403 that is a rate limit is tried again.
func TestForbiddenForNow(t *testing.T) {
	t.Parallel()
	for header, final := range map[string]bool{"": true, "Retry-After: 5": false, "X-Ratelimit-Remaining: 0": false, "X-Ratelimit-Remaining: 7": true} {
		s := notifytest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(http.StatusForbidden)
		})
		c := outbound.New("them", time.Second, func() time.Time { return ct.T0 })
		if _, err := c.Post(t.Context(), keyring.Secret(s.URL), nil, nil); notifytest.Final(err) != final {
			t.Errorf("%q: %v", header, err)
		}
		c.Close()
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	c := outbound.New("them", time.Second, time.Now, keyring.Secret("https://hooks.example.com/services/T0001/B0002/secretsecret?sig=a%2Bb%2Bc%2Bd"), keyring.Secret("p@ss word/1"))
	for in, want := range map[string]string{
		"fine": "fine",
		"no https://hooks.example.com/services/T0001/B0002/secretsecret?sig=a%2Bb%2Bc%2Bd here": "no *** here",
		"POST /services/T0001/B0002/secretsecret":                                               "POST ***",
		"token secretsecret is revoked":                                                         "token *** is revoked",
		"p@ss word/1 p%40ss+word%2F1":                                                           "*** ***",
		" two\n\tlines\x00 \u202e ":                                                             "two lines \uFFFD",
		strings.Repeat("é", 200):                                                                strings.Repeat("é", 120) + "…",
	} {
		if got := c.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if _, err := c.Post(t.Context(), keyring.Secret("https://a b/secretsecret"), nil, nil); err == nil || !notifytest.Final(err) || strings.Contains(err.Error(), "secret") {
		t.Errorf("no address: %v", err)
	}
}
