package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is the service as a process of the test's own, which reaches the API
// server through a door that can kill it between any two of its writes.
type Process struct {
	Binary string
	Config string // the configuration's text
	Args   []string
	Health string // address of /readyz

	door       *door
	dir        string
	kubeconfig string
	log        *os.File

	mu  sync.Mutex
	cmd *exec.Cmd
}

// Fault kills the process at one write: before it reaches the API server, or
// after it did and before the process hears of it.
type Fault struct {
	Match func(method, path, body string) bool
	After bool
}

// NewProcess prepares a process that acts with token.
func NewProcess(t testing.TB, e *Env, token string, p *Process) *Process {
	t.Helper()
	p.dir = t.TempDir()
	p.door = newDoor(t, e, p.Kill)
	write := func(name, text string) string {
		path := filepath.Join(p.dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	config := write("config.yaml", p.Config)
	kubeconfig := write("kubeconfig", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
`, p.door.url, token))
	p.Args = append([]string{"--config=" + config}, p.Args...) // first, for Tool
	p.kubeconfig = kubeconfig
	var err error
	p.log, err = os.Create(filepath.Join(p.dir, "log"))
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			b, _ := os.ReadFile(p.log.Name())
			t.Logf("the process's log:\n%s", tail(b, 4000))
		}
	})
	return p
}

// Start starts the process, if it is not running, and waits until it is ready.
func (p *Process) Start(e *Env) {
	e.t.Helper()
	p.mu.Lock()
	if p.cmd == nil {
		cmd := exec.Command(p.Binary, p.Args...) //nolint:noctx // it is killed by the test, not by a context
		cmd.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig)
		cmd.Stdout, cmd.Stderr = p.log, p.log
		must(e.t, cmd.Start())
		p.cmd = cmd
		go func() {
			_ = cmd.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.cmd == cmd {
				p.cmd = nil
			}
		}()
	}
	p.mu.Unlock()
	e.Eventually(2*time.Minute, "the process", func() error {
		resp, err := http.Get("http://" + p.Health + "/readyz") //nolint:noctx // a poll of loopback
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", resp.Status)
		}
		return nil
	})
}

// Running reports whether the process lives.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd != nil
}

// Tool runs a subcommand of the service's program, such as verify, with the process's
// own configuration, whether the process lives or not.
func (p *Process) Tool(e *Env, args ...string) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Binary, append(args, p.Args[0])...)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		e.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, &wrong)
	}
	return string(out)
}

// Kill is kill -9.
func (p *Process) Kill() {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_, _ = cmd.Process.Wait()
	}
	p.mu.Lock()
	if p.cmd == cmd {
		p.cmd = nil
	}
	p.mu.Unlock()
}

// Arm sets the fault that fires once, at a write in e's namespace: what an earlier test
// has left in another one, which goes slowly, is not to take it.
func (p *Process) Arm(e *Env, f Fault) { p.door.arm(e.NS, f) }

// Fired reports whether the fault has killed the process.
func (p *Process) Fired() bool { return p.door.hasFired() }

// door is a reverse proxy to the API server.
type door struct {
	url  string
	kill func()

	mu        sync.Mutex
	namespace string
	fault     *Fault
	fired     bool
}

func newDoor(t testing.TB, e *Env, kill func()) *door {
	t.Helper()
	target, err := url.Parse(e.Rest.Host)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(e.Rest.CAData)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1 // watches
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
	d := &door{kill: kill}
	// TLS, because client-go sends a token over nothing else.
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := d.matched(r)
		if f == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		if f.After {
			answer := httptest.NewRecorder()
			proxy.ServeHTTP(answer, r)
			if answer.Code/100 != 2 { // another writer was first: this one has not been made
				d.again(f)
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
				return
			}
		}
		d.kill()
		panic(http.ErrAbortHandler)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that a kill cut
	srv.StartTLS()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	d.url = srv.URL
	return d
}

func (d *door) arm(namespace string, f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.namespace, d.fault, d.fired = namespace, &f, false
}

func (d *door) hasFired() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fired
}

// again arms a fault whose request came to nothing, unless another was armed meanwhile.
func (d *door) again(f *Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault == nil {
		d.fault, d.fired = f, false
	}
}

// matched takes the fault for its one request.
func (d *door) matched(r *http.Request) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault == nil || d.fault.Match == nil || r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/namespaces/"+d.namespace+"/") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || !d.fault.Match(r.Method, r.URL.Path, string(body)) {
		return nil
	}
	f := d.fault
	d.fault, d.fired = nil, true
	return f
}

func tail(b []byte, n int) string {
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return strings.ToValidUTF8(string(b), "")
}
