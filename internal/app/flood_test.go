package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/config"
)

// TestFloodOfTheInterceptor: with the limits that the service has by default, by TLS as it is
// served, somebody leaves hundreds of bodies of 4 MiB without their last byte and sends hundreds of whole
// ones at once. What the process has in memory stays within the budget for bodies and what
// connections cost, and anyone who sends from elsewhere is answered.
//
// It looks at the memory of the whole process, so nothing runs beside it.
func TestFloodOfTheInterceptor(t *testing.T) { //nolint:paralleltest // see above
	m, err := newMetrics(prometheus.NewRegistry(), ct.NewMemStore(), "v0.1.0", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	limits := config.DefaultLimits()
	c := &core{Options: Options{Now: time.Now, Config: config.Config{Limits: limits}}, metrics: m}
	var log lockedBuffer
	s := &server{
		name: "interceptor", address: "0.0.0.0:0", intake: c.interceptorIntake(), log: slog.New(slog.NewTextHandler(&log, nil)),
		tls: &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS12},
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			time.Sleep(time.Millisecond) // as long as it holds the body
			_, _ = fmt.Fprint(w, n)
		}),
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Start(ctx) }()
	_, port, err := net.SplitHostPort(log.address(t))
	if err != nil {
		t.Fatal(err)
	}
	dialer := func(from string) *tls.Dialer {
		return &tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own
	}
	peak := watchMemory(t)
	const size = 4 << 20
	almost := make([]byte, size-1)
	var open []net.Conn
	for i := range 120 {
		conn, err := dialer(fmt.Sprintf("127.0.1.%d", 1+i%3)).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		go func() { // until it is cut
			_, _ = io.WriteString(conn, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size))
			_, _ = conn.Write(almost)
		}()
	}
	body := strings.Repeat("y", 500_000) // one text, anyone who sends it
	send := func(from string, n int) (ok int) {
		client := &http.Client{Transport: &http.Transport{DialTLSContext: dialer(from).DialContext, DisableKeepAlives: true}}
		var all sync.WaitGroup
		var mu sync.Mutex
		for range n {
			all.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://127.0.0.1:"+port, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := client.Do(req)
				if err != nil {
					return // turned away
				}
				defer resp.Body.Close()
				if b, _ := io.ReadAll(resp.Body); resp.StatusCode == http.StatusOK && string(b) == fmt.Sprint(len(body)) {
					mu.Lock()
					ok++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return ok
	}
	var flood sync.WaitGroup
	flood.Go(func() { send("127.0.1.1", 100) })
	if ok := send("127.0.1.9", 20); ok != 20 {
		t.Errorf("%d of 20 requests of somebody else were answered", ok)
	}
	flood.Wait()
	// Three times the budget, for what was given back and is not collected yet, which is a round
	// of the collector more when the processors are busy, and 100 kB for each connection, of which
	// the test has the other end.
	if most, bound := peak(), 3*limits.Interceptor.BodyBytes+250*100<<10; most > bound {
		t.Errorf("%d MiB more in memory than before, the bound is %d", most>>20, bound>>20)
	} else {
		t.Logf("%d MiB more in memory than before, of the 600 MiB that came", most>>20)
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// watchMemory returns how much more there was on the heap, at most, than when it began.
func watchMemory(t *testing.T) func() int64 {
	t.Helper()
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	before, most := int64(now.HeapAlloc), int64(0) //nolint:gosec // no heap is so large
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			runtime.GC() // what is there, and not what was
			runtime.ReadMemStats(&now)
			most = max(most, int64(now.HeapAlloc)-before) //nolint:gosec // as above
		}
	}()
	return func() int64 {
		close(stop)
		<-done
		return most
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
