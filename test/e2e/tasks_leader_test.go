//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// The leader is killed while tasks of each kind wait, and one is started and one vote
// cast while nobody leads: every one has its answer in the end, once.
func TestLeaderKilledWhileTasksWait(t *testing.T) {
	e := inhabited(t)
	e.Apply(alices)
	var waiting []run
	for _, m := range tasks.All() {
		r := startWith(t, e, "run-"+m.Name, "wait", waitsOnly(m.Name, ""))
		r.asked(0)
		waiting = append(waiting, r)
	}
	leader := leaderPod(t, e)
	if err := e.Clientset.CoreV1().Pods(cluster.ServiceNamespace).Delete(t.Context(), leader, *metav1.NewDeleteOptions(0)); err != nil {
		t.Fatal(err)
	}
	waiting = append(waiting, startWith(t, e, "run-leaderless", "wait", waitsOnly(tasks.Automatiko, "")))
	for _, r := range waiting {
		r.says(r.asked(0).Name, "alice", "approve", "still here")
	}
	for _, r := range waiting {
		r.ends(corev1.ConditionTrue, "Succeeded")
	}
	if n := len(e.Approvals()); n != len(waiting) {
		t.Errorf("%d approvals of %d tasks", n, len(waiting))
	}
	if now := leaderPod(t, e); now == leader {
		t.Errorf("pod %s leads still: the test proves nothing", now)
	}
	e.Eventually(2*time.Minute, "the replica in its place", func() error {
		if n := len(e.ServicePods()); n != 2 {
			return fmt.Errorf("%d ready replicas", n)
		}
		return nil
	})
}

// leaderPod is the name of the pod that does the background work.
func leaderPod(t *testing.T, e *cluster.Env) string {
	t.Helper()
	l, err := e.Clientset.CoordinationV1().Leases(cluster.ServiceNamespace).Get(t.Context(), "countersign", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
	return pod
}
