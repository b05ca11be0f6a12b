package servicetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// crowdSize is the number of Approvals that wait. A thousand would say no more: not one call and
// not one object read may come of it, and the cluster in memory takes time by the square.
const crowdSize = 30

// TestManyPending: what waits holds nothing up. Beside a crowd that is pending, another
// one's whole life asks for as much, and reads as many objects, as when it is alone; and
// the crowd costs no write while it waits.
func TestManyPending(t *testing.T) {
	t.Parallel()
	for name, docs := range map[string]string{
		"kept":   kubetest.World,
		"newest": strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 1h\n  supersede: Newest\n  supersedeKey: params.env", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone := newWorld(t, docs)
			crowd := newWorld(t, docs)
			var waiting []string
			for i := range crowdSize {
				waiting = append(waiting, crowd.another(fmt.Sprintf("wait-%d", i), fmt.Sprintf("env-%d", i)))
			}
			for _, n := range waiting {
				crowd.step(crowd.approvals, n)
				crowd.step(crowd.notify, n)
			}
			if d := cmp.Diff(alone.lifeOfOne(), crowd.lifeOfOne()); d != "" {
				t.Errorf("alone, and beside others (-alone +beside):\n%s", d)
			}
			writes := crowd.Writes()
			for range 2 {
				crowd.wait(10 * time.Minute)
				for _, n := range waiting {
					crowd.step(crowd.approvals, n)
					crowd.step(crowd.notify, n)
				}
			}
			if n := crowd.Writes() - writes; n != 0 {
				t.Errorf("%d writes for what only waits", n)
			}
			if a := crowd.get(waiting[0]); a.Outcome != approvals.Pending || len(a.Deliveries) != 2 {
				t.Errorf("the first is %s, told %+v", a.Outcome, a.Deliveries)
			}
		})
	}
}

// lifeOfOne has an Approval opened, told of, voted on and released, and returns how
// often what was asked of the API server or its cache, and how many Approvals came back.
func (w *world) lifeOfOne() map[string]int {
	w.t.Helper()
	w.listener.Serve(w.t)
	asked := map[string]int{}
	w.Fail(func(verb string, o runtime.Object) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		asked[fmt.Sprintf("%s %T", verb, o)]++
		return nil
	})
	w.WithWatch = interceptor.NewClient(w.WithWatch, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
		err := c.List(ctx, l, opts...)
		w.mu.Lock()
		defer w.mu.Unlock()
		asked[fmt.Sprintf("read %T", l)] += meta.LenList(l)
		return err
	}})
	name := w.another("plan-2", "production")
	for range 2 {
		w.step(w.approvals, name)
		w.step(w.notify, name)
	}
	w.vote(name, "alice", approvals.Approve)
	for range 5 {
		w.wait(max(outcome.LeaderTakeoverDelay, outcome.QuietPeriod))
		w.step(w.approvals, name)
		w.step(w.notify, name)
	}
	if a := w.get(name); a.SecondRun == nil || len(a.Deliveries) != 2 {
		w.t.Errorf("next %v, told %+v; refused %v", a.SecondRun, a.Deliveries, w.listener.Refusals())
	}
	if asked["create *v1alpha1.Approval"] != 1 || asked["patch status *v1alpha1.Approval"] != 3 {
		w.t.Errorf("asked %v", asked) // or nothing was counted
	}
	w.Fail(nil)
	return asked
}
