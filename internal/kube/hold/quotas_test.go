package hold_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/turns"
)

// TestHeldWithinQuota: of many large events of one namespace, sent at once, only so many bytes
// are held, whether or not the informer has told of those before. What was held can be
// held again, and what was decided leaves its place to others.
func TestHeldWithinQuota(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	o := c.Opener(t)
	now := ct.T0
	var mu sync.Mutex
	o.Quotas = &hold.Quotas{Client: c, Default: approvals.Quota{HeldBytes: 500_000, OpenApprovals: 1000}, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
	g := c.Gated(t, o)
	large := func(i int) approvals.Event {
		return servicetest.Push(fmt.Sprintf(`{"ref":%q}`, fmt.Sprintf("%d%s", i, strings.Repeat("x", 50_000))), fmt.Sprint("id-", i))
	}
	var all sync.WaitGroup
	refused := make(chan error, 100)
	for i := range 100 {
		all.Go(func() {
			if _, err := o.OpenEvent(t.Context(), g, large(i), http.Header{}); err != nil {
				refused <- err
			}
		})
	}
	all.Wait()
	close(refused)
	there := c.Approvals(t)
	var sum int64
	for _, a := range there {
		sum += int64(len(a.Source.Event.Body))
	}
	if sum > 500_000 || len(there) != 9 || len(refused) != 91 {
		t.Fatalf("%d are held, of %d bytes, %d were refused", len(there), sum, len(refused))
	}
	for err := range refused {
		if approvals.CodeOf(err) != approvals.CodeLimited {
			t.Fatal(err)
		}
	}
	if _, err := o.OpenEvent(t.Context(), g, *there[0].Source.Event, http.Header{}); err != nil {
		t.Errorf("one that is held already: %v", err)
	}
	// The informer tells of them, of one twice, and of one that was decided.
	for i, a := range there {
		obj := servicetest.ObjectOf(a)
		if i == 0 {
			o.Quotas.OnAdd(obj, false)
			obj = obj.DeepCopy()
			obj.Status.Outcome = "Approved"
		}
		o.Quotas.OnUpdate(nil, obj)
		o.Quotas.OnUpdate(nil, obj)
	}
	if _, err := o.OpenEvent(t.Context(), g, large(200), http.Header{}); err != nil {
		t.Errorf("after a decision: %v", err)
	}
	if _, err := o.OpenEvent(t.Context(), g, large(201), http.Header{}); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("%v", err)
	}
	if err := o.MayHold(t.Context(), g.Namespace, large(201).Size()); approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("it may hold one more: %v", err)
	}
	// What the informer never tells of was not created.
	mu.Lock()
	now = now.Add(hold.ComingFor + time.Second)
	mu.Unlock()
	if _, err := o.OpenEvent(t.Context(), g, large(202), http.Header{}); err != nil {
		t.Errorf("later: %v", err)
	}
	for _, a := range c.Approvals(t) {
		o.Quotas.OnDelete(servicetest.ObjectOf(a))
	}
	mu.Lock()
	now = now.Add(hold.ComingFor + time.Second)
	mu.Unlock()
	if _, err := o.Quotas.Reserve(t.Context(), "other", "x", approvals.Source{}); err != nil || len(o.Quotas.Seen) != 0 || len(o.Quotas.Used) != 1 {
		t.Errorf("%v, %+v", err, o.Quotas.Used)
	}
}

// TestLargeInTurns: while a large event of a namespace is opened, another of it waits, and is refused when that takes too
// long; small ones, and what is held already, do not wait.
func TestLargeInTurns(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	o := c.Opener(t)
	o.Large = turns.New(2, 1, 50*time.Millisecond)
	g := c.Gated(t, o)
	open := func(id string, size int) error {
		_, err := o.OpenEvent(t.Context(), g, servicetest.Push(`{"ref":"`+id+strings.Repeat("x", size)+`"}`, id), http.Header{})
		return err
	}
	if err := open("before", 100_000); err != nil {
		t.Fatal(err)
	}
	begun, may := make(chan struct{}), make(chan struct{})
	c.Fail(func(verb string, obj runtime.Object) error {
		if a, ok := obj.(*v1alpha1.Approval); ok && verb == "create" && a.Spec.Source.Event.ID == "first" {
			close(begun)
			<-may
		}
		return nil
	})
	first := make(chan error)
	go func() { first <- open("first", 100_000) }()
	<-begun
	if err := open("second", 100_000); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("another: %v", err)
	}
	if err := errors.Join(open("small", 100), open("before", 100_000)); err != nil {
		t.Error(err)
	}
	close(may)
	if err := errors.Join(<-first, open("second", 100_000)); err != nil {
		t.Error(err)
	}
}

// TestEventsPerMinute: a namespace that floods is refused, and nobody else is.
func TestEventsPerMinute(t *testing.T) {
	t.Parallel()
	now := ct.T0
	q := &hold.Quotas{Client: servicetest.NewCluster(t), Default: approvals.Quota{EventsPerMinute: 60}, Now: func() time.Time { return now }}
	size := 100
	taken := func(namespace string, n int) int {
		ok := 0
		for range n {
			may := q.MayHold(t.Context(), namespace, size)
			err := q.Event(t.Context(), namespace, size)
			if (may == nil) != (err == nil) {
				t.Fatalf("it was said before: %v, and then: %v", may, err)
			}
			if err == nil {
				ok++
			} else if approvals.CodeOf(err) != approvals.CodeLimited {
				t.Fatal(err)
			}
		}
		return ok
	}
	if n := taken("flood", 1000); n != 60 {
		t.Errorf("%d of 1000", n)
	}
	if n := taken("other", 60); n != 60 {
		t.Errorf("%d of another namespace's", n)
	}
	now = now.Add(10 * time.Second)
	if n := taken("flood", 1000); n != 10 {
		t.Errorf("%d ten seconds later", n)
	}
	size = 480_000 // each counts as 30
	if n := taken("large", 1000); n != 2 {
		t.Errorf("%d large ones of 1000, want 2", n)
	}
	size = 10 << 20 // more than there are in a minute
	if n := taken("huge", 1000); n != 1 {
		t.Errorf("%d huge ones of 1000, want 1", n)
	}
	size = 100
	if n := taken("none-"+strings.Repeat("x", 10), 1); n != 1 {
		t.Error("a namespace that is new")
	}
	for i := range hold.MaxPaced * 2 {
		taken(fmt.Sprint("n", i), 1)
	}
	if len(q.Minutes) > hold.MaxPaced {
		t.Errorf("%d namespaces are remembered", len(q.Minutes))
	}
	known := len(q.Minutes)
	if err := q.MayHold(t.Context(), "no-such-namespace", size); err != nil || len(q.Minutes) != known {
		t.Errorf("%v, and one that was only asked about is remembered: %t", err, len(q.Minutes) != known)
	}
}

// TestResourceQuota: what the API server says of a quota of the namespace reaches those who
// can do something about it.
func TestResourceQuota(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := servicetest.NewCluster(t, kubetest.Objects(t, servicetest.PushWorld)...)
	o := c.Opener(t)
	words := `exceeded quota: few, requested: count/approvals.countersign.dev=1, used: count/approvals.countersign.dev=2, limited: count/approvals.countersign.dev=2`
	c.Fail(func(verb string, obj runtime.Object) error {
		if _, ok := obj.(*v1alpha1.Approval); ok && verb == "create" {
			return apierrors.NewForbidden(schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}, "x", errors.New(words))
		}
		return nil
	})
	_, err := o.OpenEvent(t.Context(), c.Gated(t, o), servicetest.Push(`{"ref":"x"}`, "1"), http.Header{})
	if approvals.CodeOf(err) != approvals.CodeLimited {
		t.Errorf("%v", err)
	}
	said.Check(t, "the cluster's quota", approvals.Message(err))
}
