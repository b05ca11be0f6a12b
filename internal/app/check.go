package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/internal/config"
)

// checkWithin bounds one connection.
const checkWithin = 10 * time.Second

// Finding is what came of trying one thing that the configuration names.
type Finding struct {
	Level  string `json:"level"` // ok or failed
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// Check tries what the configuration names, and changes nothing: the mail server, the login's
// provider, the audit log's store.
func Check(ctx context.Context, c config.Config) []Finding {
	var out []Finding
	try := func(name, remedy string, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, checkWithin)
		defer cancel()
		if err := f(ctx); err != nil {
			text := err.Error() // only people who may exec into the pod read it
			if _, ours := errors.AsType[*approvals.Error](err); ours {
				text = approvals.Message(err)
			}
			out = append(out, Finding{"failed", name + ": " + text, remedy})
			return
		}
		out = append(out, Finding{Level: "ok", What: name})
	}
	if len(c.Files) == 0 {
		out = append(out, Finding{Level: "ok", What: "there is no configuration: no mail, no login, and the audit log is printed"})
	}
	if s := c.SMTP; s != nil {
		try("mail server "+net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), "look at smtp of the configuration, and whether a NetworkPolicy lets the service connect to that port: docs/tasks/email.md",
			func(ctx context.Context) error { return greeted(ctx, s) })
	}
	if o := c.OIDC; o != nil {
		try("login by "+o.Issuer, "look at oidc of the configuration: issuer must be exactly what the provider calls itself, and its CA be known (caFile): docs/tasks/oidc-login.md",
			func(ctx context.Context) error { return discovered(ctx, o.Issuer, o.CAFile) })
	}
	if c.Record.Kept() {
		try("store of the audit log", "look at record of the configuration: docs/tasks/retention-and-export.md", func(ctx context.Context) error {
			l, err := OpenRecord(c.Record)
			if err != nil {
				return err
			}
			defer l.Close()
			_, err = l.Head(ctx)
			return err
		})
	}
	return out
}

// greeted is whether a mail server answers as one.
func greeted(ctx context.Context, s *email.Config) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if s.TLS == email.Implicit {
		roots, err := rootsOf(s.CAFile)
		if err != nil {
			return err
		}
		secure := tls.Client(conn, &tls.Config{ServerName: s.Host, RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secure
	}
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			return err
		}
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 4096)).ReadString('\n')
	if err != nil {
		return fmt.Errorf("it does not greet: %w", err)
	}
	if !strings.HasPrefix(line, "220") {
		return fmt.Errorf("it is no mail server, or refuses: %q", strings.TrimSpace(line))
	}
	return nil
}

// discovered is whether an OpenID Connect provider is there under the name that it has.
func discovered(ctx context.Context, issuer, caFile string) error {
	roots, err := rootsOf(caFile)
	if err != nil {
		return err
	}
	c := &http.Client{Timeout: checkWithin, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var said struct{ Issuer string }
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", req.URL, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said); err != nil {
		return fmt.Errorf("%s is no OpenID Connect configuration: %w", req.URL, err)
	}
	if said.Issuer != issuer {
		return fmt.Errorf("it calls itself %q, and the configuration %q", said.Issuer, issuer)
	}
	return nil
}

// rootsOf is nil for the system's.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return pool, nil
}
