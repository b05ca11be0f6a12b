// Package emailtest is a mail server for tests: a real one, in their own process, that
// answers as it is configured. It does not parse the mails.
package emailtest

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
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Password is accepted for user countersign.
const Password = "correct-horse-battery-staple"

// Server is a real SMTP server. What it has noted is read once it has answered.
type Server struct {
	Address *net.TCPAddr
	CA      string // file of its certificate, "" without TLS

	mu    sync.Mutex
	mails [][]byte
	From  []string
	To    []string
	Auth  []string // user:password
	Calls int

	fault func(command string) error
}

// Kind configures a server: its extensions, and the commands that fail.
type Kind struct {
	TLS      bool // offers STARTTLS
	Implicit bool // TLS from the first byte
	Login    bool // offers AUTH
	// Fault, when set, answers a command: "mail", "rcpt", "data" or "auth".
	Fault func(command string) error
	// Taken, when set, is called after the server got a mail and before it sends its 250.
	Taken func(c *smtp.Conn)
}

// Serve serves until the test is over.
func Serve(t *testing.T, k Kind) *Server {
	t.Helper()
	s := &Server{fault: k.Fault}
	var busy sync.WaitGroup // with what it still does for a caller who hung up
	srv := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Calls++
		if k.Login {
			return &loginSession{session{s, conn, k.Taken, &busy}}, nil
		}
		return &session{s, conn, k.Taken, &busy}, nil
	}))
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout = "mail.test", 5*time.Second, 5*time.Second
	srv.ErrorLog = log.New(io.Discard, "", 0)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = l.Addr().(*net.TCPAddr)
	if k.TLS || k.Implicit {
		cert := certificate(t)
		s.CA = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(s.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		if k.Implicit {
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
		busy.Wait()
	})
	return s
}

// Only returns the one accepted mail. The test fails at once when there is none, or another.
func (s *Server) Only(t *testing.T) []byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 {
		t.Fatalf("%d mails were taken, want one", len(s.mails))
	}
	return s.mails[0]
}

// Mails returns the accepted mails, as they came.
func (s *Server) Mails() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

type session struct {
	s     *Server
	conn  *smtp.Conn
	taken func(c *smtp.Conn)
	busy  *sync.WaitGroup
}

func (x *session) answer(command string) error {
	x.busy.Add(1)
	defer x.busy.Done()
	if x.s.fault != nil {
		return x.s.fault(command)
	}
	return nil
}

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mu.Lock()
	x.s.From = append(x.s.From, from)
	x.s.mu.Unlock()
	return x.answer("mail")
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	x.s.To = append(x.s.To, to)
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
	x.s.mails = append(x.s.mails, bytes.Clone(raw))
	x.s.mu.Unlock()
	if x.taken != nil {
		x.busy.Add(1)
		defer x.busy.Done()
		x.taken(x.conn)
	}
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
		x.s.Auth = append(x.s.Auth, username+":"+password)
		x.s.mu.Unlock()
		if err := x.answer("auth"); err != nil {
			return err
		}
		if username != "countersign" || password != Password {
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
