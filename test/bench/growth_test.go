//go:build bench

package bench

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

// TestGrowingRuns: 10, 100 and 1,000 runs that finish at once, until all are pending.
func TestGrowingRuns(t *testing.T) {
	s := newStage(t)
	g := growth{what: "runs that finish at once, until the last is pending", unit: "s"}
	pending := 0
	for _, n := range []int{10, 100, 1000} {
		var runs []string
		for i := range n {
			name := fmt.Sprintf("many-%d-%d", n, i)
			s.StartRun(name, "1")
			runs = append(runs, name)
		}
		start := time.Now()
		inParallel(8, runs, func(name string) { s.FinishRun(s.Run(name)) })
		pending += n
		s.Eventually(5*time.Minute, "all pending", func() error {
			if got := len(s.Approvals()); got != pending {
				return fmt.Errorf("%d of %d", got, pending)
			}
			return nil
		})
		g.add(n, time.Since(start).Seconds())
	}
	g.print()
}

// TestGrowing: 100, 1,000 and 10,000 pending: what a start costs, and what the API server
// writes and sends of them; then votes at 1, 10 and 100 a second.
func TestGrowing(t *testing.T) {
	s := newStage(t)
	s.Apply(heldTrigger)
	var (
		opened = growth{what: "events held, until the last is pending", unit: "s"}
		ready  = growth{what: "pending: a start, until both replicas are ready", unit: "s"}
		caught = growth{what: "pending: a start, until nothing is queued", unit: "s"}
		wrote  = growth{what: "pending: writes to open them", unit: ""}
		events = growth{what: "pending: watch events sent, to all who watch", unit: ""}
	)
	done := 0
	for _, n := range []int{100, 1000, 10000} {
		w0, e0, start := writes(t, s.Env), watchEvents(t, s.Env), time.Now()
		open(t, s.Env, s.servicePod(t), done, n)
		opened.add(n-done, time.Since(start).Seconds())
		time.Sleep(5 * time.Second) // the conditions that everybody can wait for
		wrote.add(n-done, float64(writes(t, s.Env)-w0))
		events.add(n-done, float64(watchEvents(t, s.Env)-e0))
		done = n
		r, c := s.restart(t)
		ready.add(n, r.Seconds())
		caught.add(n, c.Seconds())
	}
	for _, g := range []growth{opened, wrote, events, ready, caught} {
		g.print()
	}
	s.growingVotes(t)
}

// heldTrigger is the gated Trigger for events, in the place of that for runs.
var heldTrigger = strings.ReplaceAll(strings.Split(cluster.Gated("deploy", "gate", ""), "\n---\n")[0],
	"        - {name: after, value: {pipeline: part-1}}\n        - {name: forward, value: {version: \"params.version\"}}",
	"        - {name: forward, value: {version: \"body.version\"}}")

// watchEvents counts what the API server has sent of our kinds to those who watch them.
func watchEvents(t *testing.T, e *cluster.Env) int {
	t.Helper()
	b, err := e.Clientset.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for l := range strings.Lines(string(b)) {
		if strings.HasPrefix(l, "apiserver_watch_events_total{") && strings.Contains(l, `group="countersign.dev"`) {
			v := 0
			if _, err := fmt.Sscan(l[strings.LastIndexByte(l, ' ')+1:], &v); err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

func (s *stage) servicePod(t *testing.T) string {
	t.Helper()
	return podIP(t, s.Env, cluster.ServiceNamespace, "app.kubernetes.io/name=countersign")
}

// restart has all of the service's pods start anew, at once.
func (s *stage) restart(t *testing.T) (ready, caughtUp time.Duration) {
	t.Helper()
	old := map[types.UID]bool{}
	now := int64(0)
	start := time.Now()
	before := s.ServicePods()
	for i := range before {
		old[before[i].UID] = true
		if err := s.Delete(t.Context(), &before[i], &client.DeleteOptions{GracePeriodSeconds: &now}); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	var pods []corev1.Pod
	poll(t, "the service's new pods", func() bool {
		pods = slices.DeleteFunc(s.ServicePods(), func(p corev1.Pod) bool { return old[p.UID] })
		return len(pods) == len(before)
	})
	ready = time.Since(start)
	s.quiet(t, pods)
	return ready, time.Since(start)
}

// quiet waits until one of the service's pods leads and nothing is queued.
func (s *stage) quiet(t *testing.T, pods []corev1.Pod) {
	t.Helper()
	quiet := 0 // three times in a row: what fills a queue may take a moment
	poll(t, "nothing to be queued", func() bool {
		leads, queued := false, 0.0
		for i := range pods {
			for name, v := range metricsOf(s.Env, pods[i].Status.PodIP) {
				leads = leads || strings.HasPrefix(name, "leader_election_master_status") && v == 1
				if strings.HasPrefix(name, "workqueue_depth{") {
					queued += v
				}
			}
		}
		if quiet++; !leads || queued > 0 {
			quiet = 0
		}
		return quiet == 3
	})
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there was no end of waiting for %s", what)
		}
	}
}

// growingVotes decides some of what is pending, at 1, 10 and 100 a second.
func (s *stage) growingVotes(t *testing.T) {
	pending := s.pendingNames()
	answer := growth{what: "votes a second: the answer, p99", unit: "ms"}
	late := growth{what: "votes a second: from the last vote to its run", unit: "ms"}
	for _, at := range []struct{ rate, seconds int }{{1, 10}, {10, 20}, {100, 60}} {
		rate, seconds := at.rate, at.seconds
		n := rate * seconds
		if len(pending) < n {
			t.Fatalf("%d are pending", len(pending))
		}
		names := pending[:n]
		pending = pending[n:]
		var mu sync.Mutex
		var took []float64
		var again atomic.Int64
		var wg sync.WaitGroup
		start := time.Now()
		for i, name := range names {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
			wg.Go(func() {
				asked := time.Now()
				again.Add(s.approveInTheEnd(t, name))
				mu.Lock()
				defer mu.Unlock()
				took = append(took, ms(time.Since(asked)))
			})
		}
		wg.Wait()
		last := time.Now()
		seen, missing := s.runs.settled(names, 30*time.Second)
		slices.Sort(took)
		fmt.Printf("bench: %d votes at %d a second for %d s: recorded in %.0f ms (p50), %.0f ms (p99), all after %.0f s, %d asked to come again; the last run was visible %.0f ms later, %d are missing\n",
			n, rate, seconds, took[len(took)/2], took[len(took)*99/100], last.Sub(start).Seconds(), again.Load(), ms(max(seen.Sub(last), 0)), missing)
		if missing > 0 {
			t.Errorf("%d of %d votes started nothing", missing, n)
		}
		answer.add(rate, took[len(took)*99/100])
		late.add(rate, ms(max(seen.Sub(last), 0)))
	}
	answer.print()
	late.print()
}

// approveInTheEnd votes as somebody does who comes again when asked to. It returns how often.
func (s *stage) approveInTheEnd(t *testing.T, name string) (again int64) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; again++ {
		switch a := s.Vote(name, s.token, "approve", "fine"); {
		case a.Status == http.StatusCreated, a.Status == http.StatusOK:
			return again
		case a.Status != 0 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable || time.Now().After(end):
			t.Errorf("vote: %d %s", a.Status, a.Body)
			return again
		}
		time.Sleep(time.Second)
	}
}

func (s *stage) pendingNames() []string {
	var out []string
	for _, a := range s.Approvals() {
		if a.Status.Outcome == "Pending" {
			out = append(out, a.Name)
		}
	}
	return out
}

func inParallel(workers int, names []string, do func(string)) {
	next := make(chan string)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for name := range next {
				do(name)
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	wg.Wait()
}
