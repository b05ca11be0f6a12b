package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// door is a port of this machine that leads into the cluster.
type door struct {
	name string // as run.sh and humans know it
	port int    // the first to try
	to   target
}

var doors = []door{
	{"PAGE", 8080, target{serviceNamespace, "app.kubernetes.io/name=countersign", 8080}},
	{"MAIL", 8025, target{namespace, "app=mail", 8025}},
	{"CURL", 8081, target{namespace, "eventlistener=terraform-curl", 8080}},
}

// published is the file in which publish notes the process that it started.
type published struct {
	PID   int            `json:"pid"`
	Ports map[string]int `json:"ports"`
}

// publish ends the process that an earlier run started, starts one that forwards
// free ports and outlives us, and prints the ports for a shell. The pages can be
// looked at for as long as it lives.
func publish(ctx context.Context, state string) error {
	if err := unpublish(state); err != nil {
		return err
	}
	ports := map[string]int{}
	var files []*os.File
	var args []string
	for _, d := range doors {
		l, port, err := listen(ctx, d.port, ports)
		if err != nil {
			return fmt.Errorf("no port for %s: %w", strings.ToLower(d.name), err)
		}
		defer closing(l)
		f, err := l.File()
		if err != nil {
			return err
		}
		defer closing(f)
		ports[d.name] = port
		files, args = append(files, f), append(args, strconv.Itoa(port))
	}
	log, err := os.OpenFile(filepath.Join(state, "forward.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer closing(log)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Without ctx: it is to outlive us.
	cmd := exec.Command(self, "serve", "-state", state, "-ports", strings.Join(args, ","))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	raw, err := json.Marshal(published{PID: cmd.Process.Pid, Ports: ports})
	if err == nil {
		err = os.WriteFile(filepath.Join(state, "forward.json"), raw, 0o600)
	}
	if err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	for _, d := range doors {
		fmt.Printf("DEMO_%s_PORT=%d\n", d.name, ports[d.name])
	}
	return cmd.Process.Release()
}

// listen takes the first free port from first on.
func listen(ctx context.Context, first int, taken map[string]int) (*net.TCPListener, int, error) {
	var err error
next:
	for port := first; port < first+20; port++ {
		for _, p := range taken {
			if p == port {
				continue next
			}
		}
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return l.(*net.TCPListener), port, nil
		}
	}
	return nil, 0, err
}

// lockFile is locked by the process that forwards for as long as it lives: a pid
// alone may by now be somebody else's.
func lockFile(state string) (*os.File, error) {
	return os.OpenFile(filepath.Join(state, "forward.lock"), os.O_CREATE|os.O_RDWR, 0o600)
}

func unpublish(state string) error {
	lock, err := lockFile(state)
	if err != nil {
		return err
	}
	defer closing(lock)
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return nil
	}
	p, err := readPublished(state)
	if err != nil {
		return err
	}
	if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end process %d of an earlier run: %w", p.PID, err)
	}
	for range 50 {
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("process %d of an earlier run does not end: kill -9 %d", p.PID, p.PID)
}

func readPublished(state string) (published, error) {
	var p published
	raw, err := os.ReadFile(filepath.Join(state, "forward.json"))
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		return p, fmt.Errorf("what an earlier run left: %w", err)
	}
	return p, nil
}

// serve is the process that publish starts; it is given the open ports.
func serve(ctx context.Context, state, ports string) error {
	lock, err := lockFile(state)
	if err != nil {
		return err
	}
	defer closing(lock)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	c, err := connect()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	for i, port := range strings.Split(ports, ",") {
		if i >= len(doors) {
			break
		}
		l, err := net.FileListener(os.NewFile(uintptr(3+i), "port "+port))
		if err != nil {
			return fmt.Errorf("port %s: %w", port, err)
		}
		go c.serve(ctx, l, doors[i].to, func(err error) { log.WarnContext(ctx, "not forwarded", "port", port, "error", err.Error()) })
	}
	return c.whileThere(ctx)
}

// whileThere returns when the cluster has been away for two minutes: nobody would
// think of ending us after the cluster.
func (c *cluster) whileThere(ctx context.Context) error {
	for seen := time.Now(); time.Since(seen) < 2*time.Minute; {
		if _, err := c.kube.Discovery().ServerVersion(); err == nil {
			seen = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(15 * time.Second):
		}
	}
	return errors.New("the cluster is gone")
}
