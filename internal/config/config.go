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
	"github.com/countersign-dev/countersign/approvals/notify/slack"
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
//
// docs/reference/configuration.md has the comments of the fields, here and in the structs that they have, as
// their meaning. Their default is in defaults, or what a comment has behind "Default:".
type file struct {
	// Where people reach the service: `https://HOST` or `https://HOST/PREFIX`. Mailed links begin with it; its path is the
	// prefix of all routes. It is required with `smtp`, `oidc` or `channels`.
	ExternalURL string `json:"externalURL,omitempty"`
	// Audiences of which a bearer token must have one (`kubectl create token NAME --audience=…`).
	//
	// Default: the API server's own.
	TokenAudiences []string `json:"tokenAudiences,omitempty"`
	// A folder with `*.html` and `*.txt` files that replace templates, or parts of them by `{{define}}`. They are tried
	// on sample approvals at the start; one that fails stops the start. They are used in each language: `{{t "Approve"}}`
	// is a sentence of ours in the reader's, and what has no translation stays as it is.
	TemplatesDir string `json:"templatesDir,omitempty"`
	// Where pages lead to.
	Links linksFile `json:"links"`
	// The mail server. Without it no mail is sent, and people decide by API or login.
	SMTP *smtpFile `json:"smtp,omitempty"`
	// The login provider. Without it there is no [login](#login): people use mailed links and tokens.
	OIDC *login `json:"oidc,omitempty"`
	// Where [the audit log](#the-audit-log) is stored, and with it the bytes of evidence. Without it, the log is printed alone.
	Record *recordFile `json:"record,omitempty"`
	// Which [approval tasks of other systems](approvaltask.md) are answered: a list of `automatiko`,
	// `manual-approval-gate` and `kuberocketci`; `[]` for none. Tasks of a listed kind are answered even without its
	// CRD, but never if the CRD belongs to another system.
	//
	// Default: those whose CRD Countersign installed.
	CustomTasks []string `json:"customTasks,omitempty"`
	// How the service reaches [EventListeners](#eventlisteners-with-tls).
	EventListeners eventListenersFile `json:"eventListeners"`
	// How much the service accepts at once: see [limits](#limits).
	Limits *limitsFile `json:"limits,omitempty"`
	// Which names and addresses belong to which person: see [the directory](#the-directory).
	Directory []personFile `json:"directory,omitempty"`
	// Channels that Gates may name under `notify`: see [channels](#channels).
	Channels []channelFile `json:"channels,omitempty"`
}

type linksFile struct {
	// Where people see a run, such as `https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}` of the
	// Tekton Dashboard. The names of runs on pages lead there.
	Dashboard string `json:"dashboard,omitempty"`
}

type smtpFile struct {
	// The host name of the mail server.
	Host string `json:"host"`
	// The port of the mail server: 587 for `starttls`, 465 for `tls`.
	Port int `json:"port,omitempty"`
	// `starttls`: the connection is refused if the server does not offer it. `tls`: from the first byte. `none`: never
	// together with a password.
	TLS string `json:"tls,omitempty"`
	// A file with the CAs, in PEM, to trust instead of the system's.
	//
	// Default: the system's CAs.
	CAFile string `json:"caFile,omitempty"`
	// The user name at the server. Without it there is no authentication.
	Username string `json:"username,omitempty"`
	// A file with the password, read at the start. White space at its ends is dropped.
	PasswordFile string `json:"passwordFile,omitempty"`
	// The sender: `address` or `Name <address>`.
	From string `json:"from"`
	// Domains of requesters who may get a mail about the outcome, in addition to the domain of `from` and those of the
	// Gate's own addresses. A limit is needed because anybody can write any author into a push.
	RequesterDomains []string `json:"requesterDomains,omitempty"`
	// The time limit for sending one mail.
	Timeout string `json:"timeout,omitempty"`
	// The time limit for the server's answer after that. The default is what RFC 5321 asks for. A mail without an
	// answer may have been delivered: it is sent once more, with the same `Message-ID`, and not again.
	AcceptTimeout string `json:"acceptTimeout,omitempty"`
}

type eventListenersFile struct {
	// A file with the CAs, in PEM, to trust for EventListeners with TLS, in addition to those of the system. It is read
	// again for each new connection.
	CAFile string `json:"caFile,omitempty"`
}

type recordFile struct {
	// A database in a file, for a service of one replica. Not together with `postgres`.
	SQLite *sqliteFile `json:"sqlite,omitempty"`
	// A database of PostgreSQL, for several replicas. Not together with `sqlite`.
	Postgres *postgresFile `json:"postgres,omitempty"`
	// Whether entries are printed, too: JSON lines on standard output, apart from the log, which is on standard error.
	Stdout *bool `json:"stdout,omitempty"`
}

type sqliteFile struct {
	// The path of the file, on a volume.
	Path string `json:"path"`
}

type postgresFile struct {
	// A file with `postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full`, read at the start.
	URLFile string `json:"urlFile"`
}

// smtpTimeout is for sending one mail.
const smtpTimeout = 30 * time.Second

// defaults has the values of fields that a file leaves out. What is not here has none then.
func defaults() file {
	stdout := true
	return file{
		ExternalURL: DefaultURL,
		SMTP:        &smtpFile{Port: 587, TLS: string(email.StartTLS), Timeout: smtpTimeout.String(), AcceptTimeout: email.DefaultAccept.String()},
		OIDC:        &login{Scopes: oidc.DefaultScopes(), GroupsClaim: oidc.DefaultGroupsClaim},
		Record:      &recordFile{Stdout: &stdout},
		Limits:      fileOf(DefaultLimits()),
		Channels: []channelFile{{
			Timeout: channelTimeout.String(), Slack: &slackFile{APIURL: slack.DefaultAPI},
			GitHub: &githubFile{APIURL: "https://api.github.com", Context: "countersign", RepositoryParam: "repo-full-name", RevisionParam: "revision"},
		}},
	}
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
		f.ExternalURL = defaults().ExternalURL // nobody is led there but by a port-forward
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
			Host: s.Host, Port: s.Port, TLS: email.TLS(s.TLS), CAFile: s.CAFile, Username: s.Username, From: s.From, Timeout: smtpTimeout,
			RequesterDomains: s.RequesterDomains,
		}
		if s.TLS == "" {
			c.SMTP.TLS = email.TLS(defaults().SMTP.TLS)
		}
		if c.SMTP.Port == 0 {
			c.SMTP.Port = defaults().SMTP.Port
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
