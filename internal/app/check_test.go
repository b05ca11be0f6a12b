package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals/notify/email"
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
	return &email.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: email.StartTLS}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/corp/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"issuer": "http://%s/corp"}`, r.Host)
	}))
	t.Cleanup(provider.Close)
	dead := greeter(t, "")
	for name, c := range map[string]struct {
		config config.Config
		want   string // in what failed; "": nothing did
	}{
		"nothing":             {},
		"a mail server":       {config: config.Config{SMTP: greeter(t, "220 mail.example.com ESMTP\r\n")}},
		"no mail server":      {config: config.Config{SMTP: greeter(t, "SSH-2.0-OpenSSH\r\n")}, want: "it is no mail server"},
		"nobody greets":       {config: config.Config{SMTP: dead}, want: "it does not greet"},
		"nobody is there":     {config: config.Config{SMTP: &email.Config{Host: "127.0.0.1", Port: 1, TLS: email.StartTLS}}, want: "refused"},
		"a login":             {config: config.Config{OIDC: &oidc.Config{Issuer: provider.URL + "/corp"}}},
		"another issuer":      {config: config.Config{OIDC: &oidc.Config{Issuer: provider.URL + "/corp/"}}, want: "it calls itself"},
		"no provider":         {config: config.Config{OIDC: &oidc.Config{Issuer: provider.URL + "/other"}}, want: "404"},
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
