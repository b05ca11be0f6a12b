// Package postgrestest starts a real PostgreSQL for tests, to be stopped and killed by them. It
// knows nothing of what is kept in it.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Server is a real PostgreSQL of its own, in a folder of its own.
type Server struct {
	bin, dir string
	port     int
	as       *syscall.SysProcAttr // PostgreSQL does not run as root
}

// installed is the newest PostgreSQL of this machine.
func installed() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there is no PostgreSQL on this machine: apt-get install postgresql, or make test-record, which does")
	}
	return filepath.Dir(path), nil
}

// Start starts one in a temporary folder.
func Start() (*Server, error) {
	dir, err := os.MkdirTemp("", "countersign-postgres-")
	if err != nil {
		return nil, err
	}
	return StartIn(dir)
}

// StartIn starts one in a folder that is there and empty, which Remove deletes.
func StartIn(dir string) (*Server, error) {
	bin, err := installed()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 31)
		gid, _ := strconv.ParseUint(u.Gid, 10, 31)
		if err := os.Chown(s.dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.run("initdb", "--no-sync", "--auth=trust", "--username=countersign", "--encoding=UTF8", "--locale=C.UTF-8", "-D", s.data()); err != nil {
		return nil, err
	}
	return s, s.Up()
}

// freePort is one where nobody listens. It is below those that the kernel gives to
// programs that ask for any, such as the clients of another server, while this one is not up.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := 20_000 + rand.IntN(10_000) //nolint:gosec // a port, and no secret
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, last
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Up starts it again.
func (s *Server) Up() error {
	options := fmt.Sprintf("-c listen_addresses=127.0.0.1 -c port=%d -c unix_socket_directories='' -c fsync=off -c max_connections=200", s.port)
	return s.run("pg_ctl", "start", "--wait", "--silent", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-o", options)
}

// Down kills the server as a power cut does: nothing is finished.
func (s *Server) Down() error {
	return s.run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate", "-D", s.data())
}

// Runs reports whether it runs.
func (s *Server) Runs() bool { return s.run("pg_ctl", "status", "-D", s.data()) == nil }

// Remove ends it and leaves nothing behind.
func (s *Server) Remove() {
	_ = s.Down() // it may be down
	_ = os.RemoveAll(s.dir)
}

func (s *Server) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:gosec,noctx // PostgreSQL's own programs, which a test waits for
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("%s: %w\n%s%s", name, err, &out, log)
	}
	return nil
}

// Address returns host and port of the server.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is of one of its databases, on this machine.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://countersign@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}
