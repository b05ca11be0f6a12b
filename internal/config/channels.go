package config

import (
	"cmp"
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
	// What Gates call the channel: lower case letters, digits and `-`, at most 63; not `email`.
	Name string `json:"name"`
	// The time limit of one request, at most 1m.
	Timeout string `json:"timeout,omitempty"`
	// A channel of Slack. A channel has exactly one of `slack`, `teams`, `webhook` and `github`.
	Slack *slackFile `json:"slack,omitempty"`
	// A channel of Microsoft Teams.
	Teams *teamsFile `json:"teams,omitempty"`
	// Any receiver of [events](resources.md#who-is-notified).
	Webhook *webhookFile `json:"webhook,omitempty"`
	// Commit statuses of GitHub.
	GitHub *githubFile `json:"github,omitempty"`
}

type slackFile struct {
	// A file with the address of an incoming webhook: messages without buttons. It stands alone, without the fields below.
	WebhookURLFile string `json:"webhookURLFile,omitempty"`
	// A file with the bot's token (`xoxb-…`): messages with Approve and Reject, which show in the end who decided.
	TokenFile string `json:"tokenFile,omitempty"`
	// A file with the app's signing secret: it verifies the clicks of people. It is required with `tokenFile`.
	SigningSecretFile string `json:"signingSecretFile,omitempty"`
	// The id of the channel (`C…`), from its details. Invite the app to it. It is required with `tokenFile`.
	Channel string `json:"channel,omitempty"`
	// The names that Gates list, by Slack user ids (`U…`). Anyone who is not here is known by the address that Slack has
	// confirmed, if that is an approver's name or in [the directory](#the-directory).
	Users map[string]string `json:"users,omitempty"`
	// The address of Slack's API.
	APIURL string `json:"apiURL,omitempty"`
}

type teamsFile struct {
	// A file with the address of a Workflows webhook ("When a Teams webhook request is received"). Cards have a link and
	// no buttons that vote.
	WebhookURLFile string `json:"webhookURLFile"`
}

type webhookFile struct {
	// Where events are posted; http will do. It is required without `urlFile`.
	URL string `json:"url,omitempty"`
	// A file with the address, in the place of `url`, if the address has a token in it.
	URLFile string `json:"urlFile,omitempty"`
	// A file with the keys that sign, one a line as Standard Webhooks writes them: `echo whsec_$(openssl rand -base64 32)`.
	// Each signs, so that a receiver can change.
	SecretFile string `json:"secretFile"`
}

type githubFile struct {
	// The address of the API: `https://HOST/api/v3` for GitHub Enterprise.
	APIURL string `json:"apiURL,omitempty"`
	// A file with a token that may write commit statuses (`statuses: write`), of the repositories meant and no others.
	TokenFile string `json:"tokenFile"`
	// What a status is called: `CONTEXT/NAMESPACE/TRIGGER`.
	Context string `json:"context,omitempty"`
	// The forwarded param with `OWNER/NAME`.
	RepositoryParam string `json:"repositoryParam,omitempty"`
	// The forwarded param with the commit's full SHA.
	RevisionParam string `json:"revisionParam,omitempty"`
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
		d := defaults().Channels[0].GitHub
		x := github.Config{
			Name: f.Name, Timeout: timeout, API: cmp.Or(s.APIURL, d.APIURL), Token: r.secret("github.tokenFile", s.TokenFile),
			Context: cmp.Or(s.Context, d.Context), RepositoryParam: cmp.Or(s.RepositoryParam, d.RepositoryParam), RevisionParam: cmp.Or(s.RevisionParam, d.RevisionParam),
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
