package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/github"
	"github.com/countersign-dev/countersign/approvals/notify/slack"
	"github.com/countersign-dev/countersign/approvals/notify/teams"
	"github.com/countersign-dev/countersign/approvals/notify/webhook"
)

// Channels are the configured channels by kind.
type Channels struct {
	Slack   []slack.Config
	Teams   []teams.Config
	Webhook []webhook.Config
	GitHub  []github.Config
}

// channelFile is the YAML form of one: a name and exactly one kind.
type channelFile struct {
	Name    string `json:"name"`
	Timeout string `json:"timeout,omitempty"`
	Slack   *struct {
		WebhookURLFile    string            `json:"webhookURLFile,omitempty"`
		TokenFile         string            `json:"tokenFile,omitempty"`
		SigningSecretFile string            `json:"signingSecretFile,omitempty"`
		Channel           string            `json:"channel,omitempty"`
		Users             map[string]string `json:"users,omitempty"`
		APIURL            string            `json:"apiURL,omitempty"`
	} `json:"slack,omitempty"`
	Teams *struct {
		WebhookURLFile string `json:"webhookURLFile"`
	} `json:"teams,omitempty"`
	Webhook *struct {
		URL        string `json:"url,omitempty"`
		URLFile    string `json:"urlFile,omitempty"`
		SecretFile string `json:"secretFile"`
	} `json:"webhook,omitempty"`
	GitHub *struct {
		APIURL          string `json:"apiURL,omitempty"`
		TokenFile       string `json:"tokenFile"`
		Context         string `json:"context,omitempty"`
		RepositoryParam string `json:"repositoryParam,omitempty"`
		RevisionParam   string `json:"revisionParam,omitempty"`
	} `json:"github,omitempty"`
}

// maxChannels bounds what is run: each has workers of its own.
const maxChannels = 64

// channelTimeout is of one request.
const channelTimeout = 10 * time.Second

// channelNames are labels of metrics, and words in Gates.
var channelNames = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// channels reads the list; the error has everything that is wrong, each with where.
func channels(list []channelFile) (Channels, error) {
	var c Channels
	var errs []error
	if len(list) > maxChannels {
		errs = append(errs, fmt.Errorf("channels has %d entries and the limit is %d", len(list), maxChannels))
	}
	names := map[string]bool{}
	for i, f := range list {
		where := fmt.Sprintf("channels[%d]", i)
		switch {
		case !channelNames.MatchString(f.Name):
			errs = append(errs, fmt.Errorf("%s.name is %q: use lower case letters, digits and -, at most 63", where, f.Name))
		case f.Name == notify.Email:
			errs = append(errs, fmt.Errorf("%s.name is %q, which is the name of the channel that smtp configures: use another name", where, f.Name))
		case names[f.Name]:
			errs = append(errs, fmt.Errorf("%s.name is %q, which two channels have: use another name", where, f.Name))
		default:
			where += " (" + f.Name + ")"
		}
		names[f.Name] = true
		r := reader{}
		c.add(f, &r)
		for _, err := range r.errs {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
	}
	return c, errors.Join(errs...)
}

// add reads one channel.
func (c *Channels) add(f channelFile, r *reader) {
	timeout := channelTimeout
	if f.Timeout != "" {
		var err error
		if timeout, err = time.ParseDuration(f.Timeout); err != nil || timeout <= 0 || timeout > time.Minute {
			r.wrong(fmt.Errorf("timeout is %q: use a duration such as 10s, at most 1m", f.Timeout))
		}
	}
	kinds := 0
	if s := f.Slack; s != nil {
		kinds++
		x := slack.Config{
			Name: f.Name, Timeout: timeout, Room: s.Channel, Users: s.Users, API: s.APIURL, WebhookURL: r.secret("slack.webhookURLFile", s.WebhookURLFile),
			Token: r.secret("slack.tokenFile", s.TokenFile), SigningSecret: r.secret("slack.signingSecretFile", s.SigningSecretFile),
		}
		if x.API == "" && s.WebhookURLFile == "" {
			x.API = slack.DefaultAPI
		}
		r.check(x)
		c.Slack = append(c.Slack, x)
	}
	if s := f.Teams; s != nil {
		kinds++
		x := teams.Config{Name: f.Name, Timeout: timeout, URL: r.secret("teams.webhookURLFile", s.WebhookURLFile)}
		r.check(x)
		c.Teams = append(c.Teams, x)
	}
	if s := f.Webhook; s != nil {
		kinds++
		x := webhook.Config{Name: f.Name, Timeout: timeout, URL: keyring.Secret(s.URL)}
		if s.URLFile != "" {
			x.URL, x.Hidden = r.secret("webhook.urlFile", s.URLFile), true
		}
		if s.URL != "" && s.URLFile != "" {
			r.wrong(errors.New("webhook has both url and urlFile: use one"))
		}
		keys, err := webhook.Keys(r.secret("webhook.secretFile", s.SecretFile))
		if err != nil {
			r.wrong(fmt.Errorf("webhook.secretFile: %w", err))
		}
		x.Keys = keys
		r.check(x)
		c.Webhook = append(c.Webhook, x)
	}
	if s := f.GitHub; s != nil {
		kinds++
		x := github.Config{
			Name: f.Name, Timeout: timeout, API: or(s.APIURL, "https://api.github.com"), Token: r.secret("github.tokenFile", s.TokenFile),
			Context: or(s.Context, "countersign"), RepositoryParam: or(s.RepositoryParam, "repo-full-name"), RevisionParam: or(s.RevisionParam, "revision"),
		}
		r.check(x)
		c.GitHub = append(c.GitHub, x)
	}
	if kinds != 1 {
		r.wrong(fmt.Errorf("it has %d of slack, teams, webhook and github: use exactly one", kinds))
	}
}

// reader collects what is wrong.
type reader struct{ errs []error }

func (r *reader) wrong(err error) { r.errs = append(r.errs, err) }

// check takes a file that could not be read for what it is, not for an empty
// secret as well.
func (r *reader) check(c interface{ Validate() error }) {
	if err := c.Validate(); err != nil && len(r.errs) == 0 {
		r.wrong(err)
	}
}

// secret is a file's content without white space at its ends; "" names no file.
func (r *reader) secret(field, path string) keyring.Secret {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		r.wrong(fmt.Errorf("%s: %w", field, err))
	}
	return keyring.Secret(strings.TrimSpace(string(b)))
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
