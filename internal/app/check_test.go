package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/email/emailtest"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/oidc"
)

// greeter is a server that sends one line on each connection.
func greeter(t *testing.T, line string) *email.Config {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, line)
			c.Close()
		}
	}()
	return &email.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: email.StartTLS, Timeout: time.Minute}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/corp/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"issuer": "http://%[1]s/corp", "authorization_endpoint": "http://%[1]s/auth", "token_endpoint": "http://%[1]s/token", "jwks_uri": "http://%[1]s/keys"}`, r.Host)
	}))
	t.Cleanup(provider.Close)
	external := &url.URL{Scheme: "https", Host: "approve.example.com"}
	mails := emailtest.Serve(t, emailtest.Kind{TLS: true})
	server := &email.Config{Host: "127.0.0.1", Port: mails.Address.Port, TLS: email.StartTLS, CAFile: mails.CA, Timeout: time.Minute}
	unknown := *server
	unknown.CAFile = ""
	for name, c := range map[string]struct {
		config config.Config
		want   string // in what failed; "": nothing did
	}{
		"nothing":             {},
		"a mail server":       {config: config.Config{SMTP: server}},
		"its CA is unknown":   {config: config.Config{SMTP: &unknown}, want: "certificate"},
		"no mail server":      {config: config.Config{SMTP: greeter(t, "SSH-2.0-OpenSSH\r\n")}, want: "mail server 127.0.0.1"},
		"nobody greets":       {config: config.Config{SMTP: greeter(t, "")}, want: "EOF"},
		"nobody is there":     {config: config.Config{SMTP: &email.Config{Host: "127.0.0.1", Port: 1, TLS: email.StartTLS, Timeout: time.Minute}}, want: "refused"},
		"a login":             {config: config.Config{External: external, OIDC: &oidc.Config{Issuer: provider.URL + "/corp"}}},
		"another issuer":      {config: config.Config{External: external, OIDC: &oidc.Config{Issuer: provider.URL + "/corp/"}}, want: "did not match"},
		"no provider":         {config: config.Config{External: external, OIDC: &oidc.Config{Issuer: provider.URL + "/other"}}, want: "404"},
		"a store":             {config: config.Config{Record: config.Record{SQLite: filepath.Join(t.TempDir(), "record.db")}}},
		"a store in no place": {config: config.Config{Record: config.Record{SQLite: "/nonexistent/record.db"}}, want: "store of the audit log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := ""
			found := Check(t.Context(), c.config)
			for _, f := range found {
				if f.Level == "failed" {
					failed += f.What
					if f.Remedy == "" {
						t.Errorf("%s, and nothing says what to do", f.What)
					}
				}
			}
			if len(found) == 0 || (failed == "") != (c.want == "") || !strings.Contains(failed, c.want) {
				t.Errorf("found %+v, want a failure of %q", found, c.want)
			}
		})
	}
}
