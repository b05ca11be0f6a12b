package slack

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
)

// DefaultAPI is Slack's.
const DefaultAPI = "https://slack.com/api/"

// Config is one room: by an incoming webhook, which can only tell, or by a bot,
// whose messages have buttons and show how it ended.
type Config struct {
	Name       string
	WebhookURL keyring.Secret // anyone who has it can post

	API           string
	Token         keyring.Secret // of the bot
	SigningSecret keyring.Secret // proves what people press
	Room          string         // its id, C…
	// Users are people's names, as Gates list them, by Slack user id; who is not
	// here is looked for by the address that Slack has confirmed.
	Users   map[string]string
	Timeout time.Duration
}

// Bot reports whether messages have buttons.
func (c Config) Bot() bool { return len(c.Token) > 0 }

var (
	roomIDs = regexp.MustCompile(`^[CGD][A-Z0-9]{1,30}$`)
	userIDs = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
)

// Validate lists everything that is wrong.
func (c Config) Validate() error {
	if len(c.WebhookURL) > 0 {
		if c.Bot() || len(c.SigningSecret) > 0 || c.Room != "" || len(c.Users) > 0 {
			return errors.New("slack has both webhookURLFile and a bot's fields: use webhookURLFile alone, or tokenFile, signingSecretFile and channel")
		}
		return outbound.Address("slack.webhookURLFile", string(c.WebhookURL))
	}
	errs := []error{outbound.Address("slack.apiURL", c.API)}
	if !strings.HasSuffix(c.API, "/") {
		errs = append(errs, errors.New("slack.apiURL must end in /, as "+DefaultAPI+" does"))
	}
	if !c.Bot() {
		errs = append(errs, errors.New("slack has neither webhookURLFile nor tokenFile: use webhookURLFile to tell people, or tokenFile, signingSecretFile and channel for buttons"))
	}
	if len(c.SigningSecret) == 0 {
		errs = append(errs, errors.New("slack.signingSecretFile has no secret: it is on the app's page Basic Information"))
	}
	if !roomIDs.MatchString(c.Room) {
		errs = append(errs, fmt.Errorf("slack.channel is %q: use the channel's id, such as C0123456789, from its details in Slack", c.Room))
	}
	for id, name := range c.Users {
		if !userIDs.MatchString(id) || name == "" {
			errs = append(errs, fmt.Errorf("slack.users has %q: %q; use a Slack user id, such as U0123456789, and the name that Gates list", id, name))
		}
	}
	return errors.Join(errs...)
}

// answers reports whether Slack's answers may be sent to address: a signed request names it,
// and it must still be Slack's.
func (c Config) answers(address string) bool {
	api, err1 := url.Parse(c.API)
	to, err2 := url.Parse(address)
	if err1 != nil || err2 != nil || to.Scheme != api.Scheme {
		return false
	}
	return to.Host == api.Host || to.Host == "hooks."+api.Host
}
