package email_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600) // the process's own zone is seen nowhere
	goleak.VerifyTestMain(m)
}

// mailServer is a real SMTP server in this process.
type mailServer struct {
	host string
	port int
	ca   string // file of its certificate, "" without TLS

	mu    sync.Mutex
	mails [][]byte
	from  []string
	to    []string
	auth  []string // user:password
	calls int

	// fault, when set, answers a command: "mail", "rcpt", "data" or "auth".
	fault func(command string) error
}

type kind struct {
	tls      bool // offers STARTTLS
	implicit bool // TLS from the first byte
	login    bool // offers AUTH
	fault    func(command string) error
}

func newMailServer(t *testing.T, k kind) *mailServer {
	t.Helper()
	s := &mailServer{fault: k.fault}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls++
		if k.login {
			return &loginSession{session{s}}, nil
		}
		return &session{s}, nil
	}))
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout = "mail.test", 5*time.Second, 5*time.Second
	srv.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	s.host, s.port = addr.IP.String(), addr.Port
	if k.tls || k.implicit {
		cert := certificate(t)
		s.ca = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(s.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		if k.implicit {
			l = tls.NewListener(l, conf)
		} else {
			srv.TLSConfig = conf
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		_ = srv.Close()
		_ = l.Close() // Serve may not have begun
		wg.Wait()
	})
	return s
}

// only is the one mail that was taken.
func (s *mailServer) only(t *testing.T) []byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 {
		t.Fatalf("%d mails were taken, want one", len(s.mails))
	}
	return s.mails[0]
}

func (s *mailServer) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

type session struct{ s *mailServer }

func (x *session) answer(command string) error {
	if x.s.fault != nil {
		return x.s.fault(command)
	}
	return nil
}

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mu.Lock()
	x.s.from = append(x.s.from, from)
	x.s.mu.Unlock()
	return x.answer("mail")
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	x.s.to = append(x.s.to, to)
	x.s.mu.Unlock()
	return x.answer("rcpt")
}

func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := x.answer("data"); err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.mails = append(x.s.mails, bytes.Clone(raw))
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// loginSession offers AUTH too.
type loginSession struct{ session }

func (*loginSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *loginSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		x.s.mu.Lock()
		x.s.auth = append(x.s.auth, username+":"+password)
		x.s.mu.Unlock()
		if err := x.answer("auth"); err != nil {
			return err
		}
		if username != "countersign" || password != thePassword {
			return errors.New("no such user or password")
		}
		return nil
	}), nil
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
