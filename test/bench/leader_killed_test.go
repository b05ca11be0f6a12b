//go:build bench

package bench

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// kill -9 of the leader in a burst of 30 decisions: none lost, none doubled.
func TestLeaderKilledInABurst(t *testing.T) {
	s := newStage(t)
	const n = 30
	names := s.pend(t, "kill", n)
	start := time.Now()
	var voted atomic.Int32
	var once, wg sync.WaitGroup
	once.Add(1)
	for _, name := range names {
		wg.Go(func() {
			s.Eventually(time.Minute, "the vote", func() error {
				if v := s.Vote(name, s.token, "approve", ""); v.Status != 201 && v.Status != 200 {
					return fmt.Errorf("%d %s", v.Status, v.Body)
				}
				return nil
			})
			if voted.Add(1) == n/3 {
				once.Done()
			}
		})
	}
	once.Wait()
	killLeader(t, s.Env)
	wg.Wait()
	took := s.runs.wait(t, names, time.Minute).Sub(start)
	time.Sleep(3 * time.Second)
	if runs := s.Runs("deploy"); len(runs) != n {
		t.Errorf("%d runs, want %d", len(runs), n)
	}
	s.Eventually(time.Minute, "all confirmed", func() error {
		for _, name := range names {
			if s.Approval(name).Status.SecondRun == nil {
				return fmt.Errorf("%s is not", name)
			}
		}
		return nil
	})
	fmt.Printf("bench: kill -9 of the leader in a burst of %d decisions: all runs visible after %.1f s (goal ≤ 15), confirmed after %.1f s, none lost, none doubled\n",
		n, took.Seconds(), time.Since(start).Seconds())
	if took > 15*time.Second {
		t.Logf("the goal was missed")
	}
}

// killLeader sends SIGKILL to the process of the pod that holds the lease.
func killLeader(t *testing.T, e *cluster.Env) {
	t.Helper()
	var lease coordinationv1.Lease
	if err := e.Get(t.Context(), types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &lease); err != nil {
		t.Fatal(err)
	}
	pod, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	for _, pid := range pidsOf(t, "countersign") {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && strings.Contains(string(env), "POD_NAME="+pod+"\x00") {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no process of %s", *lease.Spec.HolderIdentity)
}
