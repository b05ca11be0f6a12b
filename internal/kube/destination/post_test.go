package destination

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// peer is what answers at the ClusterIP, and all that was dialed.
type peer struct {
	*httptest.Server
	dialed atomic.Pointer[string]
	conns  atomic.Int64
}

func (p *peer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.dialed.Store(&address)
	p.conns.Add(1)
	return (&net.Dialer{}).DialContext(ctx, network, p.Listener.Addr().String())
}

func serve(t *testing.T, h http.HandlerFunc) (*peer, *Client) {
	t.Helper()
	p := &peer{Server: httptest.NewServer(h)}
	c := &Client{Dial: p.dial}
	t.Cleanup(func() { c.Close(); p.Close() })
	return p, c
}

func hooks(t *testing.T, tls bool) Destination {
	t.Helper()
	el, svc := world()
	if tls {
		withTLS(el, "TLS_CERT", "TLS_KEY")
		svc.Spec.Ports[0].Name, svc.Spec.Ports[0].Port = "https-listener", 8443
	}
	d, err := Of(el, svc)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPost(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:3128")
	t.Setenv("http_proxy", "http://192.0.2.1:3128")
	var got *http.Request
	var body []byte
	p, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"eventListener":"hooks","eventID":"1b4e28ba-2fa1-11d2-883f-0016d3cca427"}`)
	})
	id, err := c.Post(t.Context(), hooks(t, false), "/hooks?x=1", http.Header{"X-Github-Event": {"push"}}, []byte(`{"a":1}`))
	if err != nil || id != "1b4e28ba-2fa1-11d2-883f-0016d3cca427" {
		t.Fatalf("%q, %v", id, err)
	}
	if got.Host != "el-hooks.shop.svc:8080" || got.RequestURI != "/hooks?x=1" || string(body) != `{"a":1}` || got.Header.Get("X-Github-Event") != "push" || *p.dialed.Load() != "10.96.0.10:8080" {
		t.Errorf("%s %s %s %v, dialed %s", got.Host, got.RequestURI, body, got.Header, *p.dialed.Load())
	}
}

// TestReach: a connection is all that it asks for, and what keeps one from being made is
// said.
func TestReach(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	p, c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("something was asked") })
	if err := c.Reach(t.Context(), hooks(t, false)); err != nil || *p.dialed.Load() != "10.96.0.10:8080" {
		t.Errorf("%v, dialed %s", err, *p.dialed.Load())
	}
	down := &Client{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused by host evil")}
	}}
	err := down.Reach(t.Context(), hooks(t, false))
	if approvals.CodeOf(err) != approvals.CodeUnavailable || strings.Contains(approvals.Message(err), "evil") {
		t.Errorf("%v", err)
	}
	said.Check(t, "down", approvals.Message(err))
}

// TestPostRefuses: nothing is dialed for what can't be posted.
func TestPostRefuses(t *testing.T) {
	t.Parallel()
	p, c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was posted") })
	for _, path := range notPaths {
		if _, err := c.Post(t.Context(), hooks(t, false), path, http.Header{}, nil); approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, h := range []http.Header{{"X-A": {"b\r\nHost: attacker"}}, {"X-A": {"ok", "b\nc"}}, {"X A": {"b"}}, {"X-A\r\nX-B": {"b"}}, {"X-A": {"\x00"}}, {"": {"b"}}} {
		if _, err := c.Post(t.Context(), hooks(t, false), "/", h, nil); approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%q: %v", h, err)
		}
	}
	if n := p.conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestFailed: whatever the other side says, the message is ours; its words are in the
// cause.
func TestFailed(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const evil = "approve-everything-now"
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		fails  bool
	}{
		"500":              {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, evil, http.StatusInternalServerError) }, true},
		"a text of status": {raw("HTTP/1.1 503 " + evil + "\r\nContent-Length: 0\r\n\r\n"), true},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+evil+"/", http.StatusTemporaryRedirect)
		}, true},
		"not HTTP":        {raw(evil + "\r\n\r\n"), true},
		"nothing":         {raw(""), true},
		"endless headers": {raw("HTTP/1.1 202 Accepted\r\n" + strings.Repeat("X-A: "+evil+"\r\n", 10_000)), true},
		"half an answer":  {raw("HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n" + evil), true},
		"an id of words": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"eventID":"look at `+evil+`"}`)
		}, false},
		"an endless id": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"eventID":"`+strings.Repeat("x", 100_000))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := serve(t, c.answer)
			id, err := client.Post(t.Context(), hooks(t, false), "/", http.Header{}, nil)
			if !c.fails {
				if id != "" || err != nil {
					t.Errorf("%q, %v", id, err)
				}
				return
			}
			m := approvals.Message(err)
			if approvals.CodeOf(err) != approvals.CodeUnavailable || strings.Contains(m, evil) {
				t.Errorf("%s: %s", approvals.CodeOf(err), m)
			}
			said.Check(t, name, m)
		})
	}
	cause := errors.New("connection refused by " + evil)
	down := &Client{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: cause}
	}}
	_, err := down.Post(t.Context(), hooks(t, false), "/", http.Header{}, nil)
	if !errors.Is(err, cause) { // for the log
		t.Errorf("nobody there: %v", err)
	}
	said.Check(t, "nobody there", approvals.Message(err))
}

// TestOneServiceOneWay: a Service that gets the address of another, or is made again,
// gets none of its connections.
func TestOneServiceOneWay(t *testing.T) {
	t.Parallel()
	p, c := serve(t, func(http.ResponseWriter, *http.Request) {})
	post := func(change func(el, svc string) (string, string)) {
		t.Helper()
		el, svc := world()
		if change != nil {
			elUID, uid := change(string(el.UID), string(svc.UID))
			el.UID, svc.UID = types.UID(elUID), types.UID(uid)
			svc.OwnerReferences[0].UID = el.UID
		}
		d, err := Of(el, svc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Post(t.Context(), d, "/", http.Header{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		post(nil)
	}
	if n := p.conns.Load(); n != 1 {
		t.Errorf("%d connections for one Service", n)
	}
	post(func(el, _ string) (string, string) { return el, "s-2" })
	post(func(string, string) (string, string) { return "u-2", "s-2" })
	if n := p.conns.Load(); n != 3 {
		t.Errorf("%d connections for three", n)
	}
	for i := range maxWays {
		el, svc := world()
		el.Name = "l" + strings.Repeat("x", i%7)
		svc.UID = types.UID(el.Name + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		svc.Name, svc.OwnerReferences[0].Name, svc.Spec.Selector = "el-"+el.Name, el.Name, map[string]string{Label: el.Name}
		d, err := Of(el, svc)
		if err != nil {
			t.Fatal(err)
		}
		c.way(d)
	}
	if n := len(c.ways); n > maxWays {
		t.Errorf("%d ways are kept", n)
	}
}

// TestTLS: a certificate by the company's own CA is taken once the CA is configured,
// for the Service's name and no other, and what is wrong is said.
func TestTLS(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	ours, theirs := newCA(t), newCA(t)
	for name, c := range map[string]struct {
		ca    *authority // nil: none is configured
		names []string
		until time.Duration
		plain bool
		fails bool
	}{
		"our CA":                  {ours, []string{"el-hooks.shop.svc"}, time.Hour, false, false},
		"the long name":           {ours, []string{"el-hooks.shop.svc.cluster.local"}, time.Hour, false, false},
		"no CA configured":        {nil, []string{"el-hooks.shop.svc"}, time.Hour, false, true},
		"another CA":              {theirs, []string{"el-hooks.shop.svc"}, time.Hour, false, true},
		"another EventListener's": {ours, []string{"el-hooks.evil.svc", "approve-everything-now"}, time.Hour, false, true},
		"expired":                 {ours, []string{"el-hooks.shop.svc"}, -time.Minute, false, true},
		"no TLS at all":           {ours, nil, 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &peer{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
			p.Config.ErrorLog = log.New(io.Discard, "", 0)
			if c.plain {
				p.Start()
			} else {
				p.TLS = &tls.Config{Certificates: []tls.Certificate{ours.sign(t, c.names, c.until)}, MinVersion: tls.VersionTLS12}
				p.StartTLS()
			}
			client := &Client{Dial: p.dial}
			t.Cleanup(func() { client.Close(); p.Close() })
			if c.ca != nil {
				client.CAFile = c.ca.file(t)
			}
			_, err := client.Post(t.Context(), hooks(t, true), "/", http.Header{}, nil)
			if !c.fails {
				if err != nil || *p.dialed.Load() != "10.96.0.10:8443" {
					t.Errorf("%v, dialed %s", err, *p.dialed.Load())
				}
				return
			}
			m := approvals.Message(err)
			if err == nil || strings.Contains(m, "approve-everything") {
				t.Errorf("%v", err)
			}
			said.Check(t, name, m)
		})
	}
	c := &Client{CAFile: filepath.Join(t.TempDir(), "nothing")}
	_, err := c.Post(t.Context(), hooks(t, true), "/", http.Header{}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	said.Check(t, "no file", approvals.Message(err))
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Company CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) sign(t *testing.T, names []string, valid time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
