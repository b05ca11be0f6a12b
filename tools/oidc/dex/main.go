// Dex is an OpenID Connect provider for tests: dex itself, all in memory, on a
// port of its own. It has a main of its own because dex's needs a version of its
// API's module that is not published.
//
// It reads a configuration from stdin, prints its issuer's URL, and ends when
// stdin does, so that it never outlives the test that started it.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"golang.org/x/crypto/bcrypt"
)

// config is one line of JSON.
type config struct {
	Address  string             `json:"address"`  // of a provider that was down; "": any port
	Password string             `json:"password"` // everybody's
	Cert     string             `json:"cert"`     // PEM of a certificate and its key: https; "": http
	Key      string             `json:"key"`
	Clients  []storage.Client   `json:"clients"`
	People   []storage.Password `json:"people"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dex:", err)
		os.Exit(1)
	}
}

func run() error {
	stdin := bufio.NewReader(os.Stdin)
	first, err := stdin.ReadBytes('\n')
	if err != nil {
		return err
	}
	var c config
	if err := json.Unmarshal(first, &c); err != nil {
		return err
	}
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String() + "/dex"
	if c.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
		if err != nil {
			return err
		}
		issuer = "https://" + l.Addr().String() + "/dex"
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	handler, err := provider(issuer, c)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(0)
	}()
	fmt.Println(issuer)
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
}

func provider(issuer string, c config) (http.Handler, error) {
	const life = time.Hour
	ctx, log := context.Background(), slog.New(slog.NewTextHandler(os.Stderr, nil))
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	for i := range c.People {
		c.People[i].Hash = hash
	}
	s := storage.WithStaticClients(memory.New(log), c.Clients)
	s = storage.WithStaticPasswords(s, c.People, log)
	s = storage.WithStaticConnectors(s, []storage.Connector{{ID: "local", Type: "local", Name: "Password"}})
	keys, err := (&signer.LocalConfig{KeysRotationPeriod: "24h"}).Open(ctx, s, life, time.Now, log)
	if err != nil {
		return nil, err
	}
	return server.NewServer(ctx, server.Config{
		Issuer: issuer, Storage: s, Signer: keys, Logger: log, SkipApprovalScreen: true, IDTokensValidFor: life, AuthRequestsValidFor: life,
	})
}
