//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// controlPlaneFaults kill and stop the API server and etcd, and take the lease away.
func (i *injector) controlPlaneFaults() map[string]fault {
	return map[string]fault{
		"apiserver-kill": func(ctx context.Context) (string, error) { return i.restart(ctx, "kube-apiserver", 0) },
		"apiserver-down": func(ctx context.Context) (string, error) { return i.restart(ctx, "kube-apiserver", i.seconds(5, 12)) },
		"etcd-kill":      func(ctx context.Context) (string, error) { return i.restart(ctx, "etcd", i.seconds(0, 4)) },
		"apiserver-pause": func(ctx context.Context) (string, error) {
			return i.pauseProgram(ctx, "kube-apiserver", i.seconds(5, 15))
		},
		"etcd-pause":             func(ctx context.Context) (string, error) { return i.pauseProgram(ctx, "etcd", i.seconds(3, 10)) },
		"api-kill-in-etcd-pause": func(ctx context.Context) (string, error) { return i.killAPIAtCommit(ctx, i.seconds(2, 4)) },
		"kill9-leader-in-api-pause": func(ctx context.Context) (string, error) {
			d, done := i.seconds(5, 8), make(chan error, 1)
			go func() { _, err := i.pauseProgram(ctx, "kube-apiserver", d); done <- err }()
			wait(ctx, time.Second)
			x, err := i.kill9(ctx, i.leader())
			return fmt.Sprintf("%s in a pause of the API server of %.1f s", x, d.Seconds()), errors.Join(err, <-done)
		},
		"lease-delete": func(ctx context.Context) (string, error) {
			return "", i.k.Delete(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: "countersign"}})
		},
		"lease-steal": i.stealLease,
	}
}

func programPid(name string) (int, error) {
	b, err := os.ReadFile(filepath.Join(cache(), "cluster", "run", name+".pid"))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, err
	}
	cmd, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(cmd), name) {
		return 0, fmt.Errorf("pid %d is not %s", pid, name)
	}
	return pid, nil
}

func (i *injector) pauseProgram(ctx context.Context, name string, d time.Duration) (string, error) {
	pid, err := programPid(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (pid %d) for %.1f s", name, pid, d.Seconds()), i.pause(ctx, pid, d)
}

// restart kills a program of the control plane and starts it again after a while, and waits
// until the API server is ready.
func (i *injector) restart(ctx context.Context, program string, after time.Duration) (string, error) {
	script := filepath.Join(os.Getenv("COUNTERSIGN_ROOT"), "cluster", "lib", "restart.sh")
	mend, err := i.undo.broken("restart "+program, fmt.Sprintf("kubectl get --raw /readyz --request-timeout=5s >/dev/null 2>&1 || bash %s %s", script, program))
	if err != nil {
		return "", err
	}
	start := time.Now()
	b, err := exec.CommandContext(ctx, "bash", script, program, fmt.Sprintf("%.1f", after.Seconds())).CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(b)), errors.Join(err, mend(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	err = persist(ctx, func() error {
		once, cancel := context.WithTimeout(ctx, 8*time.Second)
		defer cancel()
		return i.k.clientset.Discovery().RESTClient().Get().AbsPath("/readyz").Do(once).Error()
	})
	return fmt.Sprintf("%s; ready after %.1f s", strings.TrimSpace(string(b)), time.Since(start).Seconds()), errors.Join(err, mend(ctx))
}

// killAPIAtCommit stops etcd, so that writes are on their way to it, kills the API server
// that waits for them, and lets etcd go on: what it does with them nobody is told.
func (i *injector) killAPIAtCommit(ctx context.Context, d time.Duration) (string, error) {
	pid, err := programPid("etcd")
	if err != nil {
		return "", err
	}
	mend, err := i.undo.broken("etcd", fmt.Sprintf("kill -CONT %d 2>/dev/null || true", pid))
	if err != nil {
		return "", err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return "", errors.Join(err, mend(ctx))
	}
	wait(ctx, d)
	mended := make(chan error, 1)
	time.AfterFunc(700*time.Millisecond, func() { mended <- mend(ctx) })
	s, err := i.restart(ctx, "kube-apiserver", 0)
	return fmt.Sprintf("etcd for %.1f s, then the API server: %s", d.Seconds(), s), errors.Join(err, <-mended)
}

// stealLease gives the lease to somebody else, who does not renew it.
func (i *injector) stealLease(ctx context.Context) (string, error) {
	var l coordinationv1.Lease
	if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &l); err != nil {
		return "", err
	}
	was := ""
	if l.Spec.HolderIdentity != nil {
		was = *l.Spec.HolderIdentity
	}
	nobody, now := "nobody", metav1.NewMicroTime(time.Now())
	l.Spec.HolderIdentity, l.Spec.RenewTime = &nobody, &now
	return "from " + was, i.k.Update(ctx, &l)
}
