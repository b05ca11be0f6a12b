//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

// processFaults kill and stop the service's own processes.
func (i *injector) processFaults() map[string]fault {
	both := func(do func(context.Context, replica) (string, error)) fault {
		return func(ctx context.Context) (string, error) {
			a, b := i.leader(), i.follower()
			done := make(chan error, 1)
			other := ""
			go func() { var err error; other, err = do(ctx, b); done <- err }()
			x, err := do(ctx, a)
			err = errors.Join(err, <-done)
			return x + ", " + other, err
		}
	}
	pause := func(d time.Duration) func(context.Context, replica) (string, error) {
		return func(ctx context.Context, r replica) (string, error) { return i.pausePod(ctx, r, d) }
	}
	inBurst := func(do func(context.Context, replica) (string, error)) fault {
		return func(ctx context.Context) (string, error) {
			a := i.leader()
			go i.l.burst(ctx, 12)
			wait(ctx, i.seconds(0.05, 1.2))
			x, err := do(ctx, a)
			return x + ", in a burst", err
		}
	}
	return map[string]fault{
		"pod-delete-leader":     func(ctx context.Context) (string, error) { return i.deleteReplica(ctx, i.leader()) },
		"pod-delete-follower":   func(ctx context.Context) (string, error) { return i.deleteReplica(ctx, i.follower()) },
		"pod-delete-both":       both(i.deleteReplica),
		"kill9-leader":          func(ctx context.Context) (string, error) { return i.kill9(ctx, i.leader()) },
		"kill9-follower":        func(ctx context.Context) (string, error) { return i.kill9(ctx, i.follower()) },
		"kill9-both":            both(i.kill9),
		"kill9-leader-in-burst": inBurst(i.kill9),
		"pause-leader":          func(ctx context.Context) (string, error) { return i.pausePod(ctx, i.leader(), i.seconds(5, 12)) },
		// Longer than its lease: it wakes up as a leader of before, beside another one.
		"pause-leader-long":     func(ctx context.Context) (string, error) { return i.pausePod(ctx, i.leader(), i.seconds(13, 20)) },
		"pause-follower":        func(ctx context.Context) (string, error) { return i.pausePod(ctx, i.follower(), i.seconds(5, 20)) },
		"pause-both":            func(ctx context.Context) (string, error) { return both(pause(i.seconds(5, 12)))(ctx) },
		"pause-leader-in-burst": func(ctx context.Context) (string, error) { return inBurst(pause(i.seconds(9, 16)))(ctx) },
	}
}

func (i *injector) leader() replica {
	return whoRuns(func() replica { leader, _ := i.v.roles(); return leader })
}

func (i *injector) follower() replica {
	n := i.rng.IntN(1 << 30) // one draw, however often it is looked
	return whoRuns(func() replica {
		_, others := i.v.roles()
		if len(others) == 0 {
			return replica{}
		}
		return others[n%len(others)]
	})
}

// whoRuns waits for a moment until there is such a replica: the fault before may have left none.
func whoRuns(which func() replica) (r replica) {
	for range 60 {
		if r = which(); r.ip != "" && pidOf(r.name) != 0 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	return r
}

func (i *injector) deleteReplica(ctx context.Context, r replica) (string, error) {
	if r.name == "" {
		return "", errNone
	}
	return r.name, i.deletePod(ctx, cluster.ServiceNamespace, r.name)
}

func (i *injector) deletePod(ctx context.Context, ns, name string) error {
	zero := int64(0)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return persist(ctx, func() error {
		return client.IgnoreNotFound(i.k.clientset.CoreV1().Pods(ns).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &zero}))
	})
}

// kill9 kills the process; the kubelet starts it again. One that it would wait long with
// is deleted instead: that would say more of the kubelet than of us.
func (i *injector) kill9(ctx context.Context, r replica) (string, error) {
	pid := pidOf(r.name)
	if pid == 0 {
		return "", fmt.Errorf("no process of %q", r.name)
	}
	err := syscall.Kill(pid, syscall.SIGKILL)
	if r.restarts >= 2 {
		return fmt.Sprintf("%s (pid %d, and the pod: %d restarts)", r.name, pid, r.restarts), errors.Join(err, i.deletePod(ctx, cluster.ServiceNamespace, r.name))
	}
	return fmt.Sprintf("%s (pid %d)", r.name, pid), err
}

func (i *injector) pausePod(ctx context.Context, r replica, d time.Duration) (string, error) {
	pid := pidOf(r.name)
	if pid == 0 {
		return "", fmt.Errorf("no process of %q", r.name)
	}
	return fmt.Sprintf("%s (pid %d) for %.1f s", r.name, pid, d.Seconds()), i.pause(ctx, pid, d)
}

// pause stops a process for a while. One that was killed meanwhile, by its liveness probe
// say, needs no waking.
func (i *injector) pause(ctx context.Context, pid int, d time.Duration) error {
	mend, err := i.undo.broken(fmt.Sprintf("pause %d", pid), fmt.Sprintf("kill -CONT %d 2>/dev/null || true", pid))
	if err != nil {
		return err
	}
	err = syscall.Kill(pid, syscall.SIGSTOP)
	if err == nil {
		wait(ctx, d)
	}
	return errors.Join(err, mend(ctx))
}
