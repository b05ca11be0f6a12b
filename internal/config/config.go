// Package config reads the service's configuration: one strict YAML file, with
// secrets in files beside it.
package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/cafile"
	"github.com/countersign-dev/countersign/internal/oidc"
	"github.com/countersign-dev/countersign/templates"
)

// Config is everything that can be set.
type Config struct {
	// Files that it was read from; none: all is as by default.
	Files []string
	// External is the address of the pages for people, e.g. https://approve.example.com/x.
	External *url.URL
	// SMTP is nil when no mail is sent.
	SMTP *email.Config
	// OIDC is nil when there is no login.
	OIDC *oidc.Config
	// Directory has the names and addresses that belong to one person each.
	Directory *approvals.Directory
	// Channels that Gates may name.
	Channels Channels
	// TokenAudiences that bearer tokens must have; empty: the API server's own.
	TokenAudiences []string
	// Templates is a folder whose files replace templates; "": none.
	Templates string
	// Dashboard makes the link to a run; "": there is none.
	Dashboard templates.Dashboard
	Record    Record
	// CustomTasks are the kinds of approval tasks of other systems to answer; nil:
	// those whose CustomResourceDefinition is this service's.
	CustomTasks []string
	// EventListenerCAs is a file of CAs, in PEM, by which EventListeners with TLS are
	// trusted beside the system's; "": none.
	EventListenerCAs string
	// Limits bounds what is taken in at once.
	Limits Limits
}

// Record has the places of the audit log: at most one of SQLite and Postgres is set.
type Record struct {
	SQLite   string         // the path of a file
	Postgres keyring.Secret // a URL, which has a password in it
	Quiet    bool           // not to standard output
}

// Kept reports whether there is a store.
func (r Record) Kept() bool { return r.SQLite != "" || len(r.Postgres) > 0 }

// file is the YAML form. It is kept apart from Config so that what a user writes
// does not depend on how the program holds it.
type file struct {
	ExternalURL    string   `json:"externalURL"`
	TokenAudiences []string `json:"tokenAudiences,omitempty"`
	TemplatesDir   string   `json:"templatesDir,omitempty"`
	SMTP           *struct {
		Host         string `json:"host"`
		Port         int    `json:"port,omitempty"`
		TLS          string `json:"tls,omitempty"`
		CAFile       string `json:"caFile,omitempty"`
		Username     string `json:"username,omitempty"`
		PasswordFile string `json:"passwordFile,omitempty"`
		From         string `json:"from"`
		// RequesterDomains may be told of the outcome beside the domain of from.
		RequesterDomains []string `json:"requesterDomains,omitempty"`
		Timeout          string   `json:"timeout,omitempty"`
		AcceptTimeout    string   `json:"acceptTimeout,omitempty"`
	} `json:"smtp,omitempty"`
	OIDC     *login        `json:"oidc,omitempty"`
	Record   *recordFile   `json:"record,omitempty"`
	Channels []channelFile `json:"channels,omitempty"`
	Links    struct {
		Dashboard string `json:"dashboard,omitempty"`
	} `json:"links"`

	CustomTasks []string `json:"customTasks,omitempty"`

	EventListeners struct {
		CAFile string `json:"caFile,omitempty"`
	} `json:"eventListeners"`

	Limits *limitsFile `json:"limits,omitempty"`

	Directory []personFile `json:"directory,omitempty"`
}

type recordFile struct {
	SQLite *struct {
		Path string `json:"path"`
	} `json:"sqlite,omitempty"`
	Postgres *struct {
		URLFile string `json:"urlFile"`
	} `json:"postgres,omitempty"`
	Stdout *bool `json:"stdout,omitempty"`
}

func (f *recordFile) read() (Record, error) {
	if f == nil {
		return Record{}, nil
	}
	r := Record{Quiet: f.Stdout != nil && !*f.Stdout}
	var errs []error
	if f.SQLite != nil && f.Postgres != nil {
		errs = append(errs, errors.New("record has both sqlite and postgres, but the audit log is one chain in one store: keep one of them"))
	}
	if f.SQLite != nil {
		if r.SQLite = f.SQLite.Path; !filepath.IsAbs(r.SQLite) {
			errs = append(errs, fmt.Errorf("record.sqlite.path is %q: name a file on a volume, such as /var/lib/countersign/record.db", r.SQLite))
		}
	}
	if f.Postgres != nil {
		b, err := os.ReadFile(f.Postgres.URLFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("record.postgres.urlFile: %w", err))
		}
		if r.Postgres = keyring.Secret(strings.TrimSpace(string(b))); err == nil && len(r.Postgres) == 0 {
			errs = append(errs, fmt.Errorf("record.postgres.urlFile: %s is empty: put postgres://USER:PASSWORD@HOST/DATABASE into it", f.Postgres.URLFile))
		}
	}
	return r, errors.Join(errs...)
}

// DefaultURL is the address of kubectl port-forward.
const DefaultURL = "http://localhost:8080"

func parse(raw []byte) (Config, error) {
	var f file
	if err := yaml.UnmarshalStrict(raw, &f); err != nil {
		return Config{}, err
	}
	var errs []error
	c := Config{TokenAudiences: f.TokenAudiences, Templates: f.TemplatesDir}
	if f.ExternalURL == "" && f.SMTP == nil && f.OIDC == nil && len(f.Channels) == 0 {
		f.ExternalURL = DefaultURL // nobody is led there but by a port-forward
	}
	u, err := url.Parse(f.ExternalURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
		errs = append(errs, fmt.Errorf("externalURL is %q: set it to the address where people reach the service, https://HOST or https://HOST/PREFIX", f.ExternalURL))
	}
	c.External = u
	if c.Dashboard, err = templates.ParseDashboard(f.Links.Dashboard); err != nil {
		errs = append(errs, fmt.Errorf("links.dashboard: %w", err))
	}
	if s := f.SMTP; s != nil {
		c.SMTP = &email.Config{
			Host: s.Host, Port: s.Port, TLS: email.TLS(s.TLS), CAFile: s.CAFile, Username: s.Username, From: s.From, Timeout: 30 * time.Second,
			RequesterDomains: s.RequesterDomains,
		}
		if c.SMTP.TLS == "" {
			c.SMTP.TLS = email.StartTLS
		}
		if c.SMTP.Port == 0 {
			c.SMTP.Port = 587
		}
		if s.Timeout != "" {
			if c.SMTP.Timeout, err = time.ParseDuration(s.Timeout); err != nil || c.SMTP.Timeout <= 0 {
				errs = append(errs, fmt.Errorf("smtp.timeout is %q: use a duration such as 30s", s.Timeout))
			}
		}
		if s.AcceptTimeout != "" {
			if c.SMTP.Accept, err = time.ParseDuration(s.AcceptTimeout); err != nil || c.SMTP.Accept <= 0 {
				errs = append(errs, fmt.Errorf("smtp.acceptTimeout is %q: use a duration such as 10m", s.AcceptTimeout))
			}
		}
		if s.PasswordFile != "" {
			b, err := os.ReadFile(s.PasswordFile)
			if err != nil {
				errs = append(errs, fmt.Errorf("smtp.passwordFile: %w", err))
			}
			c.SMTP.Password = keyring.Secret(strings.TrimSpace(string(b)))
		}
		if err := c.SMTP.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	if f.OIDC != nil {
		c.OIDC, err = f.OIDC.config()
		errs = append(errs, err)
	}
	if c.Record, err = f.Record.read(); err != nil {
		errs = append(errs, err)
	}
	for _, name := range f.CustomTasks {
		if _, ok := tasks.Find(name); !ok {
			errs = append(errs, fmt.Errorf("customTasks has %q, which is unknown: use %s", name, strings.Join(tasks.Names(), ", ")))
		}
	}
	c.CustomTasks = f.CustomTasks
	if c.EventListenerCAs = f.EventListeners.CAFile; c.EventListenerCAs != "" {
		if _, err := cafile.Only(c.EventListenerCAs); err != nil { // it is read again when it is used
			errs = append(errs, fmt.Errorf("eventListeners.caFile: %w", err))
		}
	}
	if c.Limits, err = f.Limits.read(); err != nil {
		errs = append(errs, err)
	}
	if c.Directory, err = directory(f.Directory, c.OIDC); err != nil {
		errs = append(errs, err)
	}
	c.Channels, err = channels(f.Channels)
	return c, errors.Join(append(errs, err)...)
}
