//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/cluster"
)

// Memory of the service with nothing, 1,000 and 10,000 pending. They are held
// events, so that what grows is ours and not the copies of 10,000 runs.
func TestMemory(t *testing.T) {
	e := begin(t)
	user, _ := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.Apply(heldTrigger)
	ip := podIP(t, e, cluster.ServiceNamespace, "app.kubernetes.io/name=countersign")
	heap0, rss0 := heapOf(t, e, ip), rssOf(t, "countersign")
	fmt.Printf("bench: memory with nothing more pending: heap %.1f MiB, resident %.0f MiB\n", heap0, rss0)
	done := 0
	for _, n := range []int{1000, 10000} {
		start := time.Now()
		open(t, e, ip, done, n)
		done = n
		took := time.Since(start)
		time.Sleep(3 * time.Second) // the watch
		heap, rss := heapOf(t, e, ip), rssOf(t, "countersign")
		fmt.Printf("bench: %6d pending: heap %.1f MiB (%.1f kB each), resident %.0f MiB, at rest %.0f MiB; opened in %.0f s\n",
			n, heap, (heap-heap0)*1024/float64(n), rss, atRest(t), took.Seconds())
	}
}

// open has the interceptor hold events, as an EventListener would.
func open(t *testing.T, e *cluster.Env, ip string, from, to int) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				body := fmt.Sprintf(`{"body":"{\"version\":\"%d\",\"message\":\"%s\"}","header":{"Content-Type":["application/json"],"X-Request-Id":["%d"]},"context":{"event_url":"/","trigger_id":"namespaces/%s/triggers/deploy"}}`,
					i, strings.Repeat("x", 500), i, e.NS)
				if a := e.PostInsecure("https://"+ip+":8443/", []byte(body)); !strings.Contains(a.Body, "held as approval") {
					t.Errorf("%d: %d %s", i, a.Status, a.Body)
				}
			}
		})
	}
	for i := from; i < to; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
}

// atRest is the least resident memory within minutes: the service gives back what it does not need once a
// minute, and looks less and less often at what waits.
func atRest(t *testing.T) float64 {
	t.Helper()
	least := rssOf(t, "countersign")
	for end := time.Now().Add(150 * time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		least = min(least, rssOf(t, "countersign"))
	}
	return least
}

// heapOf is the smallest heap just after a collection, which is near what is live. The
// service collects when it has to, so it is asked for its metrics until it has to.
func heapOf(t *testing.T, e *cluster.Env, ip string) float64 {
	t.Helper()
	least, first := 0.0, -1.0
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		m := metricsOf(e, ip)
		heap, collections := m["go_memstats_heap_alloc_bytes"]/(1<<20), m["go_gc_duration_seconds_count"]
		if first < 0 {
			first = collections
		}
		// What the first one leaves may wait for finalizers.
		if collections >= first+2 && (least == 0 || heap < least) {
			least = heap
		}
		if collections >= first+4 {
			return least
		}
	}
	t.Fatal("the service did not collect its garbage")
	return 0
}

func metricsOf(e *cluster.Env, ip string) map[string]float64 {
	m := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(e.Metrics(ip))); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				m[name] = v
			}
		}
	}
	return m
}
