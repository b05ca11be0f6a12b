package servicetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/notify"
)

// TestMailsOverBudget: two approvers, and one mail an hour. The second waits, says so on the
// Approval with one write, and goes at its time, once.
func TestMailsOverBudget(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, strings.Replace(kubetest.World, "expiresAfter: 1h", "expiresAfter: 3h", 1))
	w.notify.Budget = &notify.Budget{Quota: func(_ context.Context, namespace string) (approvals.Quota, error) {
		if namespace != "prod" {
			t.Errorf("namespace %q", namespace)
		}
		return approvals.Quota{MailsPerHour: 1}, nil
	}}
	name := w.opened()
	before := w.Count("patch status")
	if got := w.step(w.notify, name).RequeueAfter; got != time.Hour {
		t.Errorf("again in %s", got)
	}
	if n := w.Count("patch status") - before; n != 1 || len(w.mails.sent) != 1 {
		t.Errorf("%d writes, sent %v", n, w.mails.sent)
	}
	got := w.condition(name, v1alpha1.ConditionNotified)
	if got == "" {
		t.Errorf("notified: %s", got)
	}
	said.Check(t, "over the limit", got)
	w.wait(59 * time.Minute)
	if got := w.step(w.notify, name).RequeueAfter; got != time.Minute || len(w.mails.sent) != 1 {
		t.Errorf("before its time: again in %s, sent %v", got, w.mails.sent)
	}
	// A failure costs nothing of the budget again.
	w.wait(time.Minute)
	w.mails.down = true
	if got := w.step(w.notify, name).RequeueAfter; got != 5*time.Second {
		t.Errorf("again in %s", got)
	}
	w.mails.down = false
	w.wait(5 * time.Second)
	for range 2 {
		w.step(w.notify, name)
	}
	if s := w.mails.sent; len(s) != 2 || s[0] == s[1] {
		t.Errorf("sent %v", s)
	}
	if got := w.condition(name, v1alpha1.ConditionNotified); got != "True Delivered " {
		t.Errorf("notified: %s", got)
	}
}
