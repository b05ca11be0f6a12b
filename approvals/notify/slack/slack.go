// Package slack sends messages to a channel in Slack, and takes votes from the buttons of its
// messages: signed by Slack, by a user whom we know.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
	"github.com/countersign-dev/countersign/templates"
)

// Channel is one room.
type Channel struct {
	Config Config // exported: fmt hides a Secret only where it can see it
	data   func(a approvals.Approval, approver string) (templates.Data, error)
	out    *outbound.Client
	api    *slack.Client
	team   atomic.Pointer[string] // the bot's own, nil until it was asked for
}

var _ notify.Channel = (*Channel)(nil)

// New makes the channel. It calls data with approver "", because a message is for nobody in
// particular.
func New(c Config, data func(a approvals.Approval, approver string) (templates.Data, error), now func() time.Time) *Channel {
	out := outbound.New("slack "+c.Name, c.Timeout, now, c.WebhookURL, c.Token, c.SigningSecret)
	return &Channel{Config: c, data: data, out: out, api: slack.New(string(c.Token), slack.OptionAPIURL(c.API), slack.OptionHTTPClient(out))}
}

// Close ends connections that are kept open.
func (c *Channel) Close() { c.out.Close() }

// Route is everything.
func (c *Channel) Route() notify.Route { return notify.Route{Name: c.Config.Name} }

// Send posts a message, answers to the earlier one, or edits that. The id locates the message in
// Slack, as CHANNEL/TIMESTAMP; a channel without a bot can't edit, and its id is the message's own.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	data, err := c.data(m.Approval, "")
	if err != nil {
		return "", err
	}
	data.News = string(m.Kind)
	card := templates.NewCard(data)
	if !c.Config.Bot() {
		return m.ID, c.post(ctx, card)
	}
	ctx, cancel := c.out.Limit(ctx)
	defer cancel()
	var buttons slack.Block
	if m.Kind != notify.Decided && m.Kind != notify.RunEnded && m.Kind != notify.Commented {
		buttons = c.buttons(m.Approval, card)
	}
	text := slack.MsgOptionText(escape(card.Title), false)
	whole := slack.MsgOptionCompose(text, slack.MsgOptionBlocks(blocks(card, buttons)...), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionParse(false))
	room, ts, ok := place(m.Earlier)
	switch {
	case ok && m.Kind == notify.Decided:
		_, _, _, err := c.api.UpdateMessageContext(ctx, room, ts, whole)
		if err == nil || !isGone(err) {
			return m.Earlier, c.failure(ctx, "chat.update", err)
		}
	case ok:
		// The buttons are at the message that this answers to.
		whole = slack.MsgOptionCompose(text, slack.MsgOptionBlocks(blocks(card.Answer(), nil)...), slack.MsgOptionTS(ts), slack.MsgOptionBroadcast(), slack.MsgOptionParse(false))
	}
	room, ts, err = c.api.PostMessageContext(ctx, c.Config.Room, whole)
	if err == nil && !timestamps.MatchString(ts) {
		err = errors.New("the answer does not say where the message is")
	}
	if err != nil {
		return "", c.failure(ctx, "chat.postMessage", err)
	}
	return room + "/" + ts, nil
}

// post posts to the incoming webhook.
func (c *Channel) post(ctx context.Context, card templates.Card) error {
	off := false
	body, err := json.Marshal(slack.WebhookMessage{Text: escape(card.Title), Blocks: &slack.Blocks{BlockSet: blocks(card, nil)}, Parse: "none", UnfurlLinks: &off})
	if err != nil {
		return err
	}
	_, err = c.out.Post(ctx, c.Config.WebhookURL, http.Header{"Content-Type": {"application/json"}}, body)
	return err
}

var timestamps = regexp.MustCompile(`^[0-9]{1,20}\.[0-9]{1,10}$`)

// place reads an id that Send returned. ok is false for one of a channel without a bot.
func place(id string) (room, ts string, ok bool) {
	room, ts, ok = strings.Cut(id, "/")
	return room, ts, ok && roomIDs.MatchString(room) && timestamps.MatchString(ts)
}

// passing are Slack's errors that go by themselves.
var passing = []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}

// advice has what to do about the most common errors of Slack's API.
var advice = map[string]string{ //nolint:gosec // words about tokens, and none
	"not_in_channel": "invite the app to the channel", "channel_not_found": "invite the app to the channel, and check channel in the configuration", "is_archived": "name another channel in the configuration",
	"invalid_auth": "put the bot's token into tokenFile", "token_revoked": "put a new token into tokenFile", "account_inactive": "put a new token into tokenFile", "missing_scope": "give the app the scopes that docs/reference/configuration.md lists",
}

// failure is err as the ledger may hold it, and whether another try can help.
func (c *Channel) failure(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if _, ok := errors.AsType[*notify.Failure](err); ok {
		return err
	}
	refused, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok {
		return fmt.Errorf("slack %s: %s: %s", c.Config.Name, method, c.out.Clean(err.Error()))
	}
	text := fmt.Sprintf("slack %s: %s: %s", c.Config.Name, method, c.out.Clean(refused.Err))
	if what := advice[refused.Err]; what != "" {
		text += ": " + what
	}
	return &notify.Failure{Err: errors.New(text), Final: !slices.Contains(passing, refused.Err)}
}

// isGone reports whether Slack refused an edit because the message was deleted, or may not be
// edited any more.
func isGone(err error) bool {
	refused, ok := errors.AsType[slack.SlackErrorResponse](err)
	return ok && slices.Contains([]string{"message_not_found", "cant_update_message", "edit_window_closed"}, refused.Err)
}
