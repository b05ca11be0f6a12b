package notifytest

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// zones: a message says the same in whatever zone the process is.
func zones(t *testing.T, k Kit) {
	for _, kind := range Kinds {
		var mu sync.Mutex
		var bodies []string
		s := Serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			bodies = append(bodies, string(body))
			_, _ = io.WriteString(w, k.Answer)
		})
		c, m := k.New(t, s.URL, 5*time.Second), Message(kind, nil)
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("JST", 9*3600)} {
			m.Approval = ct.InZone(m.Approval, zone)
			if _, err := c.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if n := len(bodies); n == 0 || n%2 != 0 || bodies[n-1] != bodies[n/2-1] {
			t.Errorf("%s: %q", kind, bodies)
		}
	}
}
