package queue_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/countersign-dev/countersign/internal/kube/queue"
)

func request(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// What a controller gets takes turns by namespace, and by Trigger within it.
func TestServed(t *testing.T) {
	q := queue.Served(1, queue.OfTrigger).NewQueue("test", nil)
	defer q.ShutDown()
	for _, r := range []reconcile.Request{
		request("a", "deploy-x"), request("a", "deploy-y"), request("a", "deploy-z"), request("a", "docs-x"), request("b", "deploy-x"), request("", "odd"),
	} {
		q.Add(r)
	}
	var got []string
	for q.Len() > 0 {
		r, _ := q.Get()
		q.Done(r)
		got = append(got, r.String())
	}
	if s, want := strings.Join(got, " "), "a/deploy-x b/deploy-x /odd a/docs-x a/deploy-y a/deploy-z"; s != want {
		t.Errorf("served %q, want %q", s, want)
	}
}

func TestMeasure(t *testing.T) {
	reg := prometheus.NewRegistry()
	for range 2 { // a process that leads a second time has a new queue
		q := newQueue(1, 0)
		queue.Measure(reg, "test", q.Len, q.Oldest)
		fill(q, "ns/x", 3)
		defer q.ShutDown()
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP countersign_queue_depth Items that wait for their turn or for a worker.
# TYPE countersign_queue_depth gauge
countersign_queue_depth{queue="test"} 3
`), "countersign_queue_depth"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "countersign_queue_oldest_seconds"); n != 1 || err != nil {
		t.Errorf("%d of the oldest, %v", n, err)
	}
}
