//go:build chaos

package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
	kubepostgres "github.com/countersign-dev/countersign/internal/audit/postgres"
	kubepostgrestest "github.com/countersign-dev/countersign/internal/audit/postgres/postgrestest"
	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

const (
	// storeAddress is the address at which the service finds the store of its audit log.
	storeAddress = cluster.NodeAddress + ":5432"
	// storeConfig has it keep the record there alone: what processes print is no part of it.
	storeConfig = "record: {stdout: false, postgres: {urlFile: /etc/countersign-secrets/record-url}}\n"
	// storeBytes is the size of the store's disk.
	storeBytes = 320 << 20
)

// store is a real PostgreSQL on a disk of its own, and the way to it, which can be slow.
type store struct {
	*kubepostgrestest.Server

	dir string // the disk

	mu    sync.Mutex
	door  net.Listener
	conns map[net.Conn]bool
	late  time.Duration // of each piece that passes
	holds chan struct{} // nothing passes until it is closed; nil: everything does
}

// deployed has the service run as tests want it, with a store if this run has one.
func deployed(ctx context.Context, s settings) (*store, error) {
	if !s.store {
		// New processes: the kubelet keeps 10 MiB of a log, and of those that served another suite it may have dropped the
		// beginning of the audit log's chain.
		return nil, cluster.DeployedWith(ctx, fmt.Sprintf("# chaos since %s\n", time.Now().Format(time.RFC3339Nano)), nil)
	}
	db, err := newStore(ctx)
	if err != nil {
		return db, err
	}
	return db, cluster.DeployedWith(ctx, storeConfig, map[string]string{
		"record-url": "postgres://countersign@" + storeAddress + "/postgres?sslmode=disable",
	})
}

func newStore(ctx context.Context) (*store, error) {
	dir, err := os.MkdirTemp("", "countersign-chaos-store-")
	if err != nil {
		return nil, err
	}
	s := &store{dir: dir, conns: map[net.Conn]bool{}}
	// A test program has mounts of its own: this one goes with it.
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", storeBytes)); err != nil {
		return s, fmt.Errorf("a disk for the store: %w", err)
	}
	data := filepath.Join(dir, "server")
	if err := os.Mkdir(data, 0o755); err != nil {
		return s, err
	}
	if s.Server, err = kubepostgrestest.StartIn(data); err != nil { //nolint:contextcheck // it ends by Remove
		return s, err
	}
	return s, s.open(ctx)
}

// end ends the store, and has the service keep its record nowhere again.
func (s *store) end(ctx context.Context) {
	if s == nil {
		return
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if err := cluster.Deployed(within); err != nil {
		say("the service is left with a store that is gone: %v", err)
	}
	s.shut()
	if s.Server != nil {
		s.Remove()
	}
	if err := errors.Join(syscall.Unmount(s.dir, syscall.MNT_DETACH), os.RemoveAll(s.dir)); err != nil {
		say("%s is left: %v", s.dir, err)
	}
}

// open begins to take connections, and shut refuses them and ends those that there are.
func (s *store) open(ctx context.Context) error {
	l, err := listen(ctx, storeAddress)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.door = l
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.relay(ctx, c)
		}
	}()
	return nil
}

func (s *store) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.door != nil {
		_ = s.door.Close()
	}
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *store) relay(ctx context.Context, c net.Conn) {
	defer c.Close()
	to, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", s.Address())
	if err != nil {
		return
	}
	defer to.Close()
	s.mu.Lock()
	s.conns[c] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, to}, {to, c}} {
		go func() { s.pass(way[0], way[1]); ended <- struct{}{} }()
	}
	<-ended
}

// pass passes on what comes, as late as it is to be.
func (s *store) pass(from io.Reader, to io.Writer) {
	for b := make([]byte, 64<<10); ; {
		n, err := from.Read(b)
		s.mu.Lock()
		late, holds := s.late, s.holds
		s.mu.Unlock()
		time.Sleep(late)
		if holds != nil {
			<-holds
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (s *store) slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = d
}

// hang has nothing pass until the function that it returns is called.
func (s *store) hang() (goOn func()) {
	holds := make(chan struct{})
	set := func(c chan struct{}) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holds = c
	}
	set(holds)
	return func() { set(nil); close(holds) }
}

// fill leaves no room on the store's disk until the function that it returns is called.
func (s *store) fill() (empty func() error, bytes int64, err error) {
	name := filepath.Join(s.dir, "full")
	f, err := os.Create(name)
	if err != nil {
		return nil, 0, err
	}
	for piece := make([]byte, 1<<16); err == nil; {
		var n int
		n, err = f.Write(piece)
		bytes += int64(n)
	}
	empty = func() error { return errors.Join(f.Close(), os.Remove(name)) }
	if !errors.Is(err, syscall.ENOSPC) {
		return nil, 0, errors.Join(err, empty())
	}
	return empty, bytes, nil
}

// save writes the record, as the store has it, beside what processes printed.
func (s *store) save(ctx context.Context, dir string) error {
	if s == nil {
		return nil
	}
	l, err := kubepostgres.Open(keyring.Secret(s.URL("postgres")))
	if err != nil {
		return err
	}
	defer l.Close()
	f, err := os.Create(filepath.Join(dir, history.LogPrefix+"store"+history.LogOut))
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := l.Rows(ctx, func(r record.Row) error {
		_, err := w.Write(append(r.Text, '\n'))
		return err
	}); err != nil {
		return err
	}
	return w.Flush()
}
