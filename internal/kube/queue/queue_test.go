package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/countersign-dev/countersign/internal/kube/queue"
)

// newQueue is of items "namespace/part/number".
func newQueue(workers, share int) *queue.Queue[string] {
	return queue.New(queue.Options[string]{Workers: workers, Share: share, Place: func(s string) (string, string) {
		p := strings.Split(s, "/")
		return p[0], p[1]
	}})
}

// pass lets time pass, and those act whose time has come.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func fill(q *queue.Queue[string], prefix string, n int) {
	for i := range n {
		q.Add(fmt.Sprintf("%s/%d", prefix, i))
	}
}

// served are the next n items, each done before the next is taken.
func served(t *testing.T, q *queue.Queue[string], n int) []string {
	t.Helper()
	var out []string
	for range n {
		if q.Len() == 0 {
			t.Fatalf("nothing is left after %v", out)
		}
		key, _ := q.Get()
		out = append(out, key)
		q.Done(key)
	}
	return out
}

// A thousand of one namespace wait behind each other, and nobody else does.
func TestANamespacesThousandDelayNobodyElse(t *testing.T) {
	q := newQueue(1, 0)
	fill(q, "flood/x", 1000)
	served(t, q, 10)
	q.Add("quiet/x/0")
	q.Add("other/x/0")
	if got := served(t, q, 3); !slices.Contains(got, "quiet/x/0") || !slices.Contains(got, "other/x/0") {
		t.Errorf("the next three are %v: of each namespace one is to be among them", got)
	}
}

// Within a namespace its parts take turns.
func TestPartsOfANamespaceTakeTurns(t *testing.T) {
	q := newQueue(1, 0)
	fill(q, "ns/flood", 1000)
	fill(q, "ns/quiet", 3)
	got := served(t, q, 6)
	if want := []string{"ns/flood/0", "ns/quiet/0", "ns/flood/1", "ns/quiet/1", "ns/flood/2", "ns/quiet/2"}; !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// However many namespaces are busy, and however slow their work is, one that comes later
// finds a worker; and one alone has its share of them.
func TestOneNamespaceOccupiesNoMoreThanIsLeftToOthers(t *testing.T) {
	for _, tt := range []struct{ workers, share, floods, want int }{
		{8, 0, 1, 4}, {8, 3, 1, 3}, {8, 8, 1, 4}, {8, 0, 2, 6}, {8, 0, 3, 6}, {1, 0, 1, 1}, {2, 0, 1, 1}, {2, 0, 2, 2}, {16, 4, 3, 12},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(tt.workers, tt.share)
			defer q.ShutDown()
			for i := range tt.floods {
				fill(q, fmt.Sprintf("flood%d/x", i), 100)
			}
			busy := busyNow(q, tt.workers)
			if len(busy) != tt.want {
				t.Errorf("%+v: %d workers are busy: %v", tt, len(busy), busy)
			}
			before := q.Len()
			q.Add("quiet/x/0")
			synctest.Wait()
			if left := q.Len(); tt.want < tt.workers && left != before {
				t.Errorf("%+v: the namespace that had nothing yet finds no worker", tt)
			}
		})
	}
}

// busyNow are the items that workers get, of whom none finishes.
func busyNow(q *queue.Queue[string], workers int) []string {
	var mu sync.Mutex
	var out []string
	for range workers {
		go func() {
			if key, down := q.Get(); !down {
				mu.Lock()
				defer mu.Unlock()
				out = append(out, key)
			}
		}()
	}
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(out)
}

// What a worker has is handed to nobody else, and once more after that when it was added
// meanwhile.
func TestAnItemHasOneWorkerAtATime(t *testing.T) {
	q := newQueue(4, 0)
	q.Add("ns/x/0")
	q.Add("ns/x/0")
	key, _ := q.Get()
	q.Add(key)
	q.Add(key)
	if n := q.Len(); n != 0 {
		t.Fatalf("%d can be handed out while a worker has it", n)
	}
	q.Done(key)
	if got := served(t, q, 1); got[0] != key || q.Len() != 0 {
		t.Errorf("served %v, and %d are left", got, q.Len())
	}
	q.Done(key) // nobody has it: nothing happens
	if q.Len() != 0 {
		t.Error("done twice is added")
	}
}

// What waits for its time is handed out then, the earliest of several times counts, and
// what happens at once is not put off by a later time.
func TestTimes(t *testing.T) { synctest.Test(t, times) }

func times(t *testing.T) {
	q := newQueue(1, 0)
	defer q.ShutDown()
	q.AddAfter("ns/x/late", time.Minute)
	q.AddAfter("ns/x/soon", time.Hour)
	q.AddAfter("ns/x/soon", time.Second)
	q.AddAfter("ns/x/soon", time.Hour)
	q.Add("ns/x/now")
	q.AddAfter("ns/x/now", time.Hour)
	if got := served(t, q, 1); got[0] != "ns/x/now" || q.Len() != 0 {
		t.Fatalf("served %v, and %d are ready", got, q.Len())
	}
	pass(time.Second)
	if got := served(t, q, 1); got[0] != "ns/x/soon" || q.Len() != 0 {
		t.Fatalf("served %v, and %d are ready", got, q.Len())
	}
	q.AddAfter("ns/x/last", 2*time.Hour)
	pass(time.Hour)
	q.Add("ns/x/last")
	if got := served(t, q, 2); !slices.Equal(got, []string{"ns/x/late", "ns/x/last"}) {
		t.Errorf("served %v", got)
	}
	if pass(5 * time.Hour); q.Len() != 0 {
		t.Errorf("%d are there that were served", q.Len())
	}
}

// An item that was to come later, and that a worker got meanwhile, keeps its time.
func TestALaterTimeOfABusyItem(t *testing.T) { synctest.Test(t, laterWhileBusy) }

func laterWhileBusy(t *testing.T) {
	q := newQueue(1, 0)
	defer q.ShutDown()
	q.Add("ns/x/0")
	key, _ := q.Get()
	q.AddAfter(key, time.Minute)
	q.Done(key)
	if q.Len() != 0 {
		t.Fatal("it is ready before its time")
	}
	pass(time.Minute)
	served(t, q, 1)
}

// What an informer lists at the start waits behind what happens now, but not for ever; and
// what happens to it brings it forward.
func TestLowPriority(t *testing.T) {
	q := newQueue(1, 0)
	low := -100
	for i := range 100 {
		q.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, fmt.Sprintf("old/x/%d", i))
	}
	fill(q, "new/x", 32)
	q.Add("old/x/77")
	counts := map[string]int{}
	for _, key := range served(t, q, 32) {
		counts[strings.Split(key, "/")[0]]++
		if key == "old/x/77" {
			counts["forward"]++
		}
	}
	if counts["forward"] != 1 || counts["old"] < 4 || counts["old"] > 6 {
		t.Errorf("of the first 32: %v", counts)
	}
	if n := len(served(t, q, q.Len())); n != 132-32 {
		t.Errorf("%d were left", n)
	}
}

// Everybody who waits is woken at the end, and nothing is handed out after it.
func TestShutDown(t *testing.T) {
	q := newQueue(2, 0)
	done := make(chan bool)
	for range 2 {
		go func() { _, down := q.Get(); done <- down }()
	}
	q.ShutDown()
	for range 2 {
		if !<-done {
			t.Error("something was handed out")
		}
	}
	q.Add("ns/x/0")
	if _, down := q.Get(); !down || q.Len() != 0 || !q.ShuttingDown() {
		t.Error("it goes on after its end")
	}
}

// Nothing is lost and nothing is handed out twice, however many add and take at once.
func TestManyAtOnce(t *testing.T) {
	q := newQueue(8, 0)
	const namespaces, each = 7, 200
	got := make(chan string)
	for range 8 {
		go func() {
			for {
				key, down := q.Get()
				if down {
					return
				}
				got <- key
				q.Done(key)
			}
		}()
	}
	for n := range namespaces {
		go func() {
			for i := range each {
				q.AddAfter(fmt.Sprintf("ns%d/%d/%d", n, i%3, i), time.Duration(i%2)*time.Millisecond)
			}
		}()
	}
	seen := map[string]int{}
	for range namespaces * each {
		seen[<-got]++
	}
	q.ShutDown()
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s was handed out %d times", key, n)
		}
	}
}
