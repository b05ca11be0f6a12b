//go:build e2e

package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/cluster"
)

// posted is one request that came to the room.
type posted struct {
	header http.Header
	body   []byte
	Type   string `json:"type"`
	Data   struct{ Namespace, Name, Outcome string }
}

// openRoom serves the room, for as long as the test runs. The first request of
// each event is answered 503.
func openRoom(t *testing.T) func(namespace string) []posted {
	t.Helper()
	l, err := net.Listen("tcp", cluster.RoomAddress)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []posted
	refused := map[string]bool{}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		p := posted{header: r.Header.Clone(), body: body}
		if err := json.Unmarshal(body, &p); err != nil {
			t.Errorf("posted %q: %v", body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if id := r.Header.Get("Webhook-Id"); !refused[id] {
			refused[id] = true
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		all = append(all, p)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return func(namespace string) []posted {
		mu.Lock()
		defer mu.Unlock()
		var mine []posted
		for _, p := range all {
			if p.Data.Namespace == namespace {
				mine = append(mine, p)
			}
		}
		return mine
	}
}

// A room is told that something waits and how it ended: signed, once, after a
// refusal again. A room that is dead holds up nothing, and the Approval says so.
func TestRoomsAreTold(t *testing.T) {
	room := openRoom(t)
	e, tokens := guarded(t, `
  approvers: {users: [{name: USER-ann}]}
  notify: {channels: [`+cluster.Room+`, `+cluster.DeadRoom+`]}`, "ann")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Condition(name, "Notified", "DeliveryFailed", cluster.DeadRoom)
	e.Eventually(time.Minute, "the room's first event", func() error {
		if got := room(e.NS); len(got) != 1 {
			return fmt.Errorf("%d events", len(got))
		}
		return nil
	})
	taken(t, ballot(t, e, name, tokens["ann"], map[string]any{"vote": "approve", "comment": "<script>@channel"}), `"outcome": "Approved"`)
	e.Confirmed(name)
	// The dead one had not been told when all this was done, and is not by now.
	e.Condition(name, "Notified", "DeliveryFailed", cluster.DeadRoom)
	e.Eventually(time.Minute, "the outcome in the room", func() error {
		if got := room(e.NS); len(got) != 2 {
			return fmt.Errorf("%d events", len(got))
		}
		return nil
	})
	e.Consistently(3*time.Second, "no more events", func() error {
		if got := room(e.NS); len(got) != 2 {
			return fmt.Errorf("%d events", len(got))
		}
		return nil
	})
	got := room(e.NS)
	for i, want := range []string{"opened", "decided"} {
		p := got[i]
		if p.Type != "dev.countersign.approval."+want+".v1" || p.Data.Name != name || (p.Data.Outcome == "Approved") != (want == "decided") {
			t.Errorf("%s of %+v", p.Type, p.Data)
		}
		mac := hmac.New(sha256.New, cluster.RoomKey)
		fmt.Fprintf(mac, "%s.%s.%s", p.header.Get("Webhook-Id"), p.header.Get("Webhook-Timestamp"), p.body)
		if sig := p.header.Get("Webhook-Signature"); !strings.Contains(sig, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			t.Errorf("%s is signed %q", want, sig)
		}
	}
}
