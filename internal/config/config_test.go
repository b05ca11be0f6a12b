package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/oidc"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// place is the folder of a test's file.
var place = regexp.MustCompile(`/\S*/\d{3}/`)

// plain is what err says, without the folders of this test.
func plain(err error) string { return place.ReplaceAllString(err.Error(), "DIR/") }

func TestLoad(t *testing.T) {
	t.Parallel()
	password := write(t, "password", "  hunter2-hunter2\n")
	const url = "https://a.example.com"
	for name, c := range map[string]struct {
		yaml     string
		external string
		want     Config
	}{
		"the least": {"externalURL: https://approve.example.com", "https://approve.example.com", Config{}},
		"a prefix":  {"externalURL: http://localhost:8080/x/", "http://localhost:8080/x/", Config{}},
		"mail, by default": {
			"externalURL: https://a.example.com\nsmtp: {host: mail.example.com, from: c@example.com}", "https://a.example.com",
			Config{SMTP: &email.Config{Host: "mail.example.com", Port: 587, TLS: email.StartTLS, From: "c@example.com", Timeout: 30 * time.Second}},
		},
		"everything": {
			"externalURL: https://a.example.com\ntokenAudiences: [countersign]\ntemplatesDir: /etc/t\nsmtp: {host: m, port: 465, tls: tls, caFile: /ca, username: u, passwordFile: " + password + ", from: 'C <c@example.com>', timeout: 5s}",
			"https://a.example.com",
			Config{TokenAudiences: []string{"countersign"}, Templates: "/etc/t", SMTP: &email.Config{
				Host: "m", Port: 465, TLS: email.Implicit, CAFile: "/ca", Username: "u", Password: []byte("hunter2-hunter2"), From: "C <c@example.com>", Timeout: 5 * time.Second,
			}},
		},
		"a dashboard": {
			"externalURL: " + url + "\nlinks: {dashboard: 'https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}'}", url,
			Config{Dashboard: "https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}"},
		},
		"a login, by default": {
			"externalURL: " + url + "\noidc: {issuer: https://login.example.com, clientID: countersign}", url,
			Config{OIDC: &oidc.Config{Issuer: "https://login.example.com", ClientID: "countersign"}},
		},
		"a login, everything": {
			"externalURL: " + url + "\noidc: {issuer: https://login.example.com, clientID: c, clientSecretFile: " + password +
				", caFile: /ca, scopes: [roles], usernameClaim: upn, groupsClaim: roles, usernamePrefix: 'corp:', groupsPrefix: 'g:', sessionLifetime: 8h}", url,
			Config{OIDC: &oidc.Config{
				Issuer: "https://login.example.com", ClientID: "c", ClientSecret: []byte("hunter2-hunter2"), CAFile: "/ca", Scopes: []string{"roles"},
				UsernameClaim: "upn", GroupsClaim: "roles", UsernamePrefix: "corp:", GroupsPrefix: "g:", SessionLifetime: 8 * time.Hour,
			}},
		},
		"approval tasks": {
			"externalURL: " + url + "\ncustomTasks: [automatiko, kuberocketci]", url, Config{CustomTasks: []string{"automatiko", "kuberocketci"}},
		},
		"no approval tasks": {"externalURL: " + url + "\ncustomTasks: []", url, Config{CustomTasks: []string{}}},
		"a record in a file": {
			"externalURL: https://a.example.com\nrecord: {sqlite: {path: /var/lib/countersign/record.db}, stdout: false}", "https://a.example.com",
			Config{Record: Record{SQLite: "/var/lib/countersign/record.db", Quiet: true}},
		},
		"a record in PostgreSQL": {
			"externalURL: https://a.example.com\nrecord: {postgres: {urlFile: " + password + "}, stdout: true}", "https://a.example.com",
			Config{Record: Record{Postgres: []byte("hunter2-hunter2")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Load(write(t, "config.yaml", c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if got.External.String() != c.external {
				t.Errorf("external %s", got.External)
			}
			got.External, got.Files = nil, nil // TestFiles
			got.Directory = nil                // TestDirectory
			got.Limits = Limits{}              // TestLimits
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if s := fmt.Sprintf("%+v %#v %+v %#v", got.SMTP, got.SMTP, got.OIDC, got.OIDC); strings.Contains(s, "hunter2") {
				t.Errorf("it prints its password: %s", s)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const url = "externalURL: https://a.example.com\n"
	for name, yaml := range map[string]string{
		"mail without links":  "smtp: {host: m.example.com, from: a@example.com}",
		"no scheme":           "externalURL: a.example.com",
		"another scheme":      "externalURL: ftp://a.example.com",
		"no host":             "externalURL: https:///x",
		"an unknown part":     url + "links: {dashboard: 'https://a.example.com/{run}/{name}'}",
		"no dashboard":        url + "links: {dashboard: 'javascript:{name}'}",
		"a query":             "externalURL: https://a.example.com/?x=1",
		"no URL at all":       "externalURL: 'https://a b'",
		"unknown field":       url + "externalUrl2: x",
		"unknown, inside":     url + "smtp: {host: m, from: c@example.com, password: hunter2}",
		"twice":               url + url,
		"not YAML":            "externalURL: [",
		"another type":        url + "smtp: {host: m, port: many}",
		"no host of mail":     url + "smtp: {from: c@example.com}",
		"time-out":            url + "smtp: {host: m, from: c@example.com, timeout: soon}",
		"time-out of none":    url + "smtp: {host: m, from: c@example.com, timeout: 0s}",
		"password in clear":   url + "smtp: {host: m, tls: none, from: c@example.com, passwordFile: PASSWORD}",
		"no password file":    url + "smtp: {host: m, from: c@example.com, passwordFile: /nonexistent}",
		"unknown, of a login": url + "oidc: {issuer: https://l.example.com, clientID: c, clientSecret: hunter2}",
		"issuer":              url + "oidc: {issuer: http://l.example.com, clientID: c}",
		"no client":           url + "oidc: {issuer: https://l.example.com}",
		"no secret file":      url + "oidc: {issuer: https://l.example.com, clientID: c, clientSecretFile: /nonexistent}",
		"an empty secret":     url + "oidc: {issuer: https://l.example.com, clientID: c, clientSecretFile: /dev/null}",
		"session":             url + "oidc: {issuer: https://l.example.com, clientID: c, sessionLifetime: long}",
		"two records":         url + "record: {sqlite: {path: /x}, postgres: {urlFile: PASSWORD}}",
		"no place":            url + "record: {sqlite: {}}",
		"no folder":           url + "record: {sqlite: {path: record.db}}",
		"no file of a URL":    url + "record: {postgres: {urlFile: /nonexistent}}",
		"an empty URL":        url + "record: {postgres: {urlFile: /dev/null}}",
		"no CA file":          url + "eventListeners: {caFile: /nonexistent/ca.pem}",
		"no CA in the file":   url + "eventListeners: {caFile: /dev/null}",
		"unknown tasks":       url + "customTasks: [jira]",
		"everything at once":  "externalURL: x\nsmtp: {port: -1, tls: ssl, from: nobody, timeout: soon, passwordFile: /nonexistent}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			yaml := strings.ReplaceAll(yaml, "PASSWORD", write(t, "password", "hunter2-hunter2"))
			path := write(t, "config.yaml", yaml)
			_, err := Load(path)
			if err == nil {
				t.Fatal("taken")
			}
			said.Check(t, name, plain(err))
			if strings.Contains(err.Error(), "hunter2-hunter2") {
				t.Errorf("it has the password: %v", err)
			}
		})
	}
	if _, err := Load("/nonexistent/config.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
