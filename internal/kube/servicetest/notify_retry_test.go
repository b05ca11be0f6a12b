package servicetest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/internal/kube/store"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// everywhere lets everybody operate.
type everywhere struct{}

func (everywhere) MayOperate(context.Context, approvals.Identity, string) (bool, error) {
	return true, nil
}

// retry asks for another attempt, at another replica.
func (w *world) retry(name string) {
	w.t.Helper()
	w.desk.Operators = everywhere{}
	_, did, err := w.desk.Retry(w.t.Context(), approvals.Key{Namespace: "prod", Name: name}, approvals.Identity{Name: "olga", AuthMethod: approvals.AuthLogin})
	if err != nil || did != approvals.Again {
		w.t.Fatalf("%s, %v", did, err)
	}
}

// TestRetryRelease: a wish makes the leader post at once, once, and no more often
// when it looks again.
func TestRetryRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	w.listener.Answer(http.StatusInternalServerError)
	for range 6 {
		w.wait(2 * time.Minute)
		w.step(w.approvals, name)
	}
	posts := func() int {
		all, _ := w.listener.Requests()
		return len(all)
	}
	before := posts()
	w.step(w.approvals, name)
	if posts() != before {
		t.Fatal("posted before its time")
	}
	w.retry(name)
	for range 3 {
		w.step(w.approvals, name)
	}
	if got := posts() - before; got != 1 {
		t.Errorf("%d posts for one wish", got)
	}
	w.wait(10 * time.Second)
	w.listener.Answer(0)
	w.retry(name)
	w.step(w.approvals, name)
	w.step(w.approvals, name)
	if a := w.get(name); a.SecondRun == nil || a.Unreleased != nil {
		t.Errorf("next %v, unreleased %v", a.SecondRun, a.Unreleased)
	}
}

// TestRetryTelling: what a channel refused for good is tried again when somebody
// says so, once.
func TestRetryTelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, told("{channels: [ops]}"))
	ops, tell := w.room("ops")
	ops.err = notify.Finalf("slack ops: channel_not_found")
	name := w.opened()
	w.step(tell, name)
	attempts := func() int { return w.get(name).Deliveries[0].Attempts }
	w.retry(name)
	for range 3 {
		w.step(tell, name)
	}
	if got := w.condition(name, v1alpha1.ConditionNotified); !strings.HasPrefix(got, "False DeliveryFailed") || len(tell.Known) != 1 {
		t.Errorf("notified: %s, %d attempts, %d remembered", got, attempts(), len(tell.Known))
	}
	ops.err = nil
	w.step(tell, name)
	if len(ops.sent) != 0 {
		t.Fatalf("sent %v: one wish was acted on twice", ops.sent)
	}
	w.wait(10 * time.Second)
	w.retry(name)
	w.step(tell, name)
	w.step(tell, name)
	if strings.Join(ops.sent, ", ") != "opened Pending " || w.condition(name, v1alpha1.ConditionNotified) != "True Delivered " {
		t.Errorf("sent %v", ops.sent)
	}
}

// TestRetryIsNews: the leader hears of a wish that another replica took.
func TestRetryIsNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.listener.Serve(t)
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	object := func() *v1alpha1.Approval {
		var o v1alpha1.Approval
		if err := w.Get(t.Context(), request(name).NamespacedName, &o); err != nil {
			t.Fatal(err)
		}
		return &o
	}
	before := object()
	if store.IsNews(before, object()) {
		t.Error("nothing is news")
	}
	w.retry(name)
	if !store.IsNews(before, object()) {
		t.Error("a wish is none")
	}
}
