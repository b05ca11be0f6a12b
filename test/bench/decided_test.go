//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/test/cluster"
)

// TestGrowingDecided: a start with 1,000 and 10,000 Approvals that were decided, and with as many as DECIDED says,
// which are kept because no Gate says for how long. All but the first are copies of it, signed with the service's key, that
// were put there while the service did not run.
func TestGrowingDecided(t *testing.T) {
	s := newStage(t)
	most := 10_000
	if text := os.Getenv("DECIDED"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil {
			t.Fatalf("DECIDED: %v", err)
		}
	}
	of := s.pend(t, "decided", 1)[0]
	s.approve(t, of)
	var one *v1alpha1.Approval
	s.Eventually(time.Minute, "the second run to be seen and to end", func() error {
		one = s.Approval(of)
		if one.Status.SecondRun == nil {
			return fmt.Errorf("%+v", one.Status)
		}
		if one.Status.SecondRun.EndedAt == nil {
			if pr := s.Run(one.Status.SecondRun.Name); pr.Status.CompletionTime == nil {
				s.FinishRun(pr)
			}
			return fmt.Errorf("its end is not recorded")
		}
		return nil
	})
	var (
		caught = growth{what: "decided: a first start, until nothing is queued", unit: "s"}
		ready  = growth{what: "decided: a start, until both replicas are ready", unit: "s"}
		idle   = growth{what: "decided: a start, until nothing is queued", unit: "s"}
		memory = growth{what: "decided: resident memory of a replica", unit: "MiB"}
	)
	done := 1
	for n := 1000; n <= most; n *= 10 {
		before := s.stopService(t)
		s.copyDecided(t, one, done, n)
		done = n
		start := time.Now()
		s.scaleService(t, before)
		poll(t, "the service to run", func() bool { return len(s.ServicePods()) == int(before) })
		s.quiet(t, s.ServicePods())
		caught.add(n, time.Since(start).Seconds())
		r, q := s.restart(t)
		ready.add(n, r.Seconds())
		idle.add(n, q.Seconds())
		memory.add(n, rssOf(t, "countersign"))
	}
	for _, g := range []growth{caught, ready, idle, memory} {
		g.print()
	}
	other := newStage(t) // there is no list of so many to wait for
	names := other.pend(t, "after", 1)
	start := time.Now()
	other.approve(t, names[0])
	last := other.runs.wait(t, names, time.Minute)
	fmt.Printf("bench: growth: beside %d decided, a vote to its run: %.0f ms\n", done, ms(last.Sub(start)))
}

// stopService ends all of the service's pods, and returns how many there were to be.
func (s *stage) stopService(t *testing.T) (replicas int32) {
	t.Helper()
	replicas = s.scaleService(t, 0)
	poll(t, "the service to end", func() bool { return len(s.ServicePods()) == 0 })
	return replicas
}

// scaleService says how many pods there are to be, and returns how many there were.
func (s *stage) scaleService(t *testing.T, n int32) (before int32) {
	t.Helper()
	var d appsv1.Deployment
	if err := s.Get(t.Context(), types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &d); err != nil {
		t.Fatal(err)
	}
	before = *d.Spec.Replicas
	if err := s.Patch(t.Context(), &d, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n))); err != nil {
		t.Fatal(err)
	}
	return before
}

// copyDecided makes the copies from the given number up to another.
func (s *stage) copyDecided(t *testing.T, of *v1alpha1.Approval, from, to int) {
	t.Helper()
	service := s.As("system:serviceaccount:"+cluster.ServiceNamespace+":countersign", "system:serviceaccounts", "system:authenticated") // nobody else may
	ring, resolved := s.ServiceRing(), convert.ToDomain(of).Resolved
	status, err := json.Marshal(map[string]any{"status": of.Status})
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range next {
				o := of.DeepCopy()
				o.ObjectMeta = of.ObjectMeta
				o.Name, o.UID, o.ResourceVersion, o.ManagedFields = fmt.Sprintf("%s-%06d", of.Spec.Trigger, i), "", "", nil
				o.Spec.Source.PipelineRun.Name, o.Spec.Source.PipelineRun.UID = fmt.Sprintf("gone-%d", i), fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
				store.SignSource(ring, o)
				store.SetResolved(ring, o, resolved)
				err := service.Create(t.Context(), o)
				if err == nil {
					err = service.Status().Patch(t.Context(), o, client.RawPatch(types.MergePatchType, status))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := from; i < to && !t.Failed(); i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
