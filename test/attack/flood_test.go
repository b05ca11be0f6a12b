//go:build attack

package attack

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// restarts counts the restarts of the service's pods so far. A replica that ran out of memory has
// one more.
func (a *arena) restarts() map[string]int32 {
	a.t.Helper()
	out := map[string]int32{}
	for _, p := range a.ServicePods() {
		for _, c := range p.Status.ContainerStatuses {
			out[p.Name] += c.RestartCount
		}
	}
	return out
}

// survived fails the test when a replica has restarted since before, or a vote does not count.
func (a *arena) survived(before map[string]int32, approval string) {
	a.t.Helper()
	a.approve(approval)
	for pod, n := range a.restarts() {
		if was, ok := before[pod]; !ok || n != was {
			a.t.Errorf("pod %s has restarted %d times, and before the attack %d", pod, n, was)
		}
	}
}

// TestHalfSentBodies: a pod without rights leaves three hundred bodies unfinished at each
// replica's ports, every one of which says that it is as large as may be.
func TestHalfSentBodies(t *testing.T) {
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	before := a.restarts()
	almost := make([]byte, 4<<20)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for _, p := range a.ServicePods() {
		for i := range 300 {
			var c net.Conn
			var err error
			length := 4 << 20
			if i%2 == 0 {
				c, err = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", p.Status.PodIP+":8443") //nolint:gosec // an attacker does not look
			} else {
				length = 1 << 20
				c, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Status.PodIP+":8080")
			}
			if err != nil {
				continue // it is turned away
			}
			open = append(open, c)
			go func() { // until it is cut: all but the last byte
				_, _ = fmt.Fprintf(c, "POST /api/v1/namespaces/%s/approvals/%s/votes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", a.NS, name, length)
				_, _ = c.Write(almost[:length-1])
			}()
		}
	}
	a.survived(before, name)
	a.Confirmed(name)
}

// TestManyLargeEvents: a pod has large events held in the name of a Trigger whose Gate proves
// no sender. The namespace's quota takes so many bytes of them; the Trigger says so, and a
// run is asked about all the same.
func TestManyLargeEvents(t *testing.T) {
	const quota = 8 << 20
	a := newArena(t, "")
	t.Cleanup(func() { // the test's own context is over by then
		if err := a.Delete(context.WithoutCancel(t.Context()), &v1alpha1.GatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "few-" + a.NS}}); err != nil {
			t.Error(err)
		}
	})
	a.Apply(`{apiVersion: countersign.dev/v1alpha1, kind: GatePolicy, metadata: {name: few-NAMESPACE}, spec: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}, quota: {heldBytes: 8388608}}}`)
	a.Apply(cluster.Gated("deploy", "gate", ""))
	a.Apply(strings.NewReplacer("name: deploy}", "name: held}", "{ref: deploy}", "{ref: deploy}", "        - {name: after, value: {pipeline: part-1}}\n", "",
		`{version: "params.version"}`, `{version: "body.version"}`).Replace(strings.Split(cluster.Gated("deploy", "gate", ""), "\n---\n")[0]))
	before := a.restarts()
	pods := a.ServicePods()
	body := func(i int) []byte {
		event := fmt.Sprintf(`{"version":"%d","x":%q}`, i, strings.Repeat("y", 480_000))
		raw, err := json.Marshal(call{Body: event, Header: map[string][]string{"X-Github-Event": {"push"}}, Context: map[string]string{"trigger_id": "namespaces/" + a.NS + "/triggers/held"}})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	next := make(chan int)
	for range 32 {
		all.Go(func() {
			for i := range next {
				got := a.PostInsecure("https://"+pods[i%len(pods)].Status.PodIP+":8443/", body(i))
				var answer struct {
					Status struct {
						Code int `json:"code"`
					} `json:"status"`
				}
				_ = json.Unmarshal([]byte(got.Body), &answer)
				mu.Lock()
				answers[fmt.Sprintf("%d, code %d", got.Status, answer.Status.Code)]++
				mu.Unlock()
			}
		})
	}
	for i := range 300 {
		next <- i
	}
	close(next)
	all.Wait()
	t.Logf("answers: %v", answers)
	if answers["200, code 8"] == 0 { // ResourceExhausted
		t.Errorf("none was refused as too much: %v", answers)
	}
	sum := 0
	for _, o := range a.Approvals() {
		if e := o.Spec.Source.Event; e != nil {
			sum += len(e.Body)
		}
	}
	// Each replica sees what the other has opened a moment later.
	if sum == 0 || sum > 2*quota {
		t.Errorf("%d bytes are held, and the quota is %d", sum, quota)
	}
	a.Eventually(time.Minute, "the Trigger to say so", func() error {
		var events corev1.EventList
		if err := a.List(t.Context(), &events, client.InNamespace(a.NS)); err != nil {
			return err
		}
		if !slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
			return e.InvolvedObject.Name == "held" && e.Reason == "CountersignOverLimit" && strings.Contains(e.Message, "few-"+a.NS)
		}) {
			return fmt.Errorf("%d events, and none of it", len(events.Items))
		}
		return nil
	})
	a.survived(before, a.waiting("part-1"))
}

// TestTokensThatAreMadeUp: three thousand tokens that nobody knows are answered, and most of
// them without asking the API server; a token that was good before is good still.
func TestTokensThatAreMadeUp(t *testing.T) {
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	before := a.restarts()
	pods := a.ServicePods()
	list := func(token string, i int) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+pods[i%len(pods)].Status.PodIP+":8080/api/v1/namespaces/"+a.NS+"/approvals/"+name, nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := a.HTTP.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return resp.StatusCode
	}
	for i := range pods {
		if got := list(a.token, i); got != http.StatusOK {
			t.Fatalf("the approver's own token: %d", got)
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range next {
				got := list(fmt.Sprintf("made-up-%d", i), i)
				mu.Lock()
				answers[got]++
				mu.Unlock()
			}
		})
	}
	for i := range 3000 {
		next <- i
	}
	close(next)
	all.Wait()
	t.Logf("answers: %v", answers)
	// 256 at once and 5 a second after that, of each replica.
	if answers[http.StatusUnauthorized]+answers[http.StatusTooManyRequests] != 3000 || answers[http.StatusTooManyRequests] < 1500 {
		t.Errorf("answers: %v", answers)
	}
	for i := range pods {
		if got := list(a.token, i); got != http.StatusOK {
			t.Errorf("the approver's own token afterwards: %d", got)
		}
	}
	a.survived(before, name)
}
