//go:build bench

package bench

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// What a pod without any rights does to a tenant: it reaches the service's ports, and no more.

// 120 bodies at each port of each replica that never come to their end, opened again when they
// are cut.
func TestFairUnderHalfSentBodies(t *testing.T) {
	quiet := newTenant(t, "quiet-half", 1)
	quietly := quiet.measure(t, "before")
	stop := &stopper{}
	for _, p := range quiet.ServicePods() {
		for range 120 {
			stop.in(func(enough func() bool) {
				for !enough() {
					c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", p.Status.PodIP+":8443") //nolint:gosec // an attacker does not look
					leaveHalf(c, err, "/", 4<<20)
					stop.made.Add(1)
				}
			})
			stop.in(func(enough func() bool) {
				for !enough() {
					c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Status.PodIP+":8080")
					leaveHalf(c, err, "/api/v1/namespaces/"+quiet.NS+"/approvals/none/votes", 1<<20)
					stop.made.Add(1)
				}
			})
		}
	}
	time.Sleep(5 * time.Second)
	during := quiet.measure(t, "during")
	sent := stop.now()
	during.against("120 half-sent bodies at each port", quietly)
	fmt.Printf("bench:   %d bodies were begun\n", sent)
}

// leaveHalf sends all but the last byte of a body, and waits until it is cut, 20 s at most.
func leaveHalf(c net.Conn, err error, path string, length int) {
	if err != nil {
		time.Sleep(100 * time.Millisecond) // it is turned away
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, length)
	_, _ = c.Write(make([]byte, length-1))
	_, _ = c.Read(make([]byte, 1))
}

// 80 events of 480 kB a second, to be held in the name of one tenant's Trigger. Beside it, what that costs
// without us: the same requests to Triggers' own interceptor, and ten objects of that size a second, which is what the
// tenant's quota of a minute comes to; it lets the first 600 through at once.
func TestFairUnderLargeEvents(t *testing.T) {
	quiet := newTenant(t, "quiet-large", 1)
	flood := newTenant(t, "flood-large", 1)
	flood.Apply(heldTrigger)
	flood.usualQuota(t)
	quietly := quiet.measure(t, "before")
	pods := flood.ServicePods()
	core := podIP(t, flood.Env, "tekton-pipelines", "app.kubernetes.io/component=interceptors")
	large := strings.Repeat("y", 480_000)
	post := func(url string, request map[string]any) {
		raw, err := json.Marshal(request)
		if err != nil {
			t.Error(err)
			return
		}
		_ = flood.PostInsecure(url, raw)
	}
	event := func(w, i int) string { return fmt.Sprintf(`{"version":"%d-%d","x":%q}`, w, i, large) }
	plain := paced(func(w, i int) {
		post("https://"+core+":8443/cel", map[string]any{
			"body": event(w, i), "header": map[string][]string{}, "interceptor_params": map[string]any{"filter": "body.version == ''"},
		})
		if i%8 == 0 {
			_ = flood.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: flood.NS, Name: fmt.Sprintf("large-%d-%d", w, i)}, Data: map[string]string{"x": large}})
		}
	})
	beside := quiet.measure(t, "beside")
	plain.now()
	stop := paced(func(w, i int) {
		post("https://"+pods[i%len(pods)].Status.PodIP+":8443/", map[string]any{
			"body": event(w, i), "header": map[string][]string{"X-Request-Id": {fmt.Sprintf("%d-%d", w, i)}},
			"context": map[string]string{"event_url": "/", "trigger_id": "namespaces/" + flood.NS + "/triggers/deploy"},
		})
	})
	during := quiet.measure(t, "during")
	sent := stop.now()
	during.against("events of 480 kB", quietly)
	during.against("events of 480 kB, to the same without us", beside)
	fmt.Printf("bench:   %d were sent\n", sent)
}

// TestHeldBySize measures what events of some sizes cost that are held, by program: what a large one counts for in a
// namespace's eventsPerMinute follows from it.
func TestHeldBySize(t *testing.T) {
	s := newStage(t)
	s.Apply(heldTrigger)
	pod := s.servicePod(t)
	for _, size := range []int{1_000, 16_000, 120_000, 480_000} {
		const n = 40
		use := cpuUse{}
		before := cpuOfAll()
		for i := range n {
			raw, err := json.Marshal(map[string]any{
				"body": fmt.Sprintf(`{"version":"%d-%d","x":%q}`, size, i, strings.Repeat("y", size)), "header": map[string][]string{"X-Request-Id": {fmt.Sprintf("%d-%d", size, i)}},
				"context": map[string]string{"event_url": "/", "trigger_id": "namespaces/" + s.NS + "/triggers/deploy"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if a := s.PostInsecure("https://"+pod+":8443/", raw); !strings.Contains(a.Body, "held as approval") {
				t.Fatalf("%d: %d %s", i, a.Status, a.Body)
			}
		}
		time.Sleep(5 * time.Second) // what is written to it afterwards, and read by all who watch
		use.add(before)
		fmt.Printf("bench:   an event of %d kB that is held: ms of CPU %s\n", size/1000, use.per(n))
	}
}

// paced does something eighty times a second, from eight senders. It begins some seconds before it returns.
func paced(do func(sender, i int)) *stopper {
	stop := &stopper{}
	for w := range 8 {
		stop.in(func(enough func() bool) {
			for i := 0; !enough(); i++ {
				do(w, i)
				stop.made.Add(1)
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	time.Sleep(5 * time.Second)
	return stop
}

// usualQuota holds a tenant to what the service is configured for by default; the bench's
// configuration bounds nothing.
func (x *tenant) usualQuota(t *testing.T) {
	t.Helper()
	x.Apply(`
apiVersion: countersign.dev/v1alpha1
kind: GatePolicy
metadata: {name: usual-NAMESPACE}
spec:
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
  quota: {openApprovals: 2000, heldBytes: 67108864, eventsPerMinute: 600}`)
	t.Cleanup(func() { // the test's own context is over by then
		if err := x.Delete(context.WithoutCancel(t.Context()), &v1alpha1.GatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "usual-" + x.NS}}); err != nil {
			t.Error(err)
		}
	})
}

// 60 runs that end at once, with an expression forwarded that would take all memory.
func TestFairUnderHostileExpressions(t *testing.T) {
	quiet := newTenant(t, "quiet-expr", 1)
	flood := newTenant(t, "flood-expr", 1)
	nested := strings.Repeat("[", 36) + `'\"\"\"\"'` + strings.Repeat("].marshalJSON()", 36) // 547 bytes
	hostile := strings.Replace(cluster.Gated("hostile", "gate", ""), `version: "params.version"`, fmt.Sprintf("version: %q", nested), 1)
	flood.Apply(strings.ReplaceAll(hostile, "part-1", "hostile-1"))
	quietly := quiet.measure(t, "before")
	for i := range 60 {
		flood.FinishRun(flood.Start(fmt.Sprintf("hostile-%d", i), "hostile-1", "1"))
	}
	quiet.measure(t, "during").against("60 runs that forward nested marshalJSON", quietly)
}

// stopper ends goroutines that go on until they are told.
type stopper struct {
	over atomic.Bool
	made atomic.Int64
	all  sync.WaitGroup
}

// in runs do, which asks whether it is enough.
func (s *stopper) in(do func(enough func() bool)) {
	s.all.Go(func() { do(s.over.Load) })
}

// now ends them all, and returns how much they made together.
func (s *stopper) now() int64 {
	s.over.Store(true)
	s.all.Wait()
	return s.made.Load()
}
