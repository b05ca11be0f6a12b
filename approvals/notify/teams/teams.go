// Package teams posts Adaptive Cards to a Workflows webhook of Microsoft Teams.
// Nothing in a card votes: the person who clicks there is not authenticated.
package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
	"github.com/countersign-dev/countersign/templates"
)

// Config is one Workflows webhook.
type Config struct {
	Name    string
	URL     keyring.Secret // anyone who has it can post
	Timeout time.Duration
}

// Validate lists everything that is wrong.
func (c Config) Validate() error { return outbound.Address("teams.webhookURLFile", string(c.URL)) }

// Channel posts to one webhook.
type Channel struct {
	Config Config // exported: fmt hides a Secret only where it can see it
	data   func(a approvals.Approval, approver string) (templates.Data, error)
	out    *outbound.Client
}

var _ notify.Channel = (*Channel)(nil)

// New makes the channel. It calls data with approver "", because a card is for nobody in
// particular.
func New(c Config, data func(a approvals.Approval, approver string) (templates.Data, error), now func() time.Time) *Channel {
	return &Channel{Config: c, data: data, out: outbound.New("teams "+c.Name, c.Timeout, now, c.URL)}
}

// Close ends connections that are kept open.
func (c *Channel) Close() { c.out.Close() }

// Route is everything. A card can't be edited, so the outcome is another one.
func (c *Channel) Route() notify.Route { return notify.Route{Name: c.Config.Name} }

// Send posts one card.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	data, err := c.data(m.Approval, "")
	if err != nil {
		return "", err
	}
	data.News = string(m.Kind)
	body, err := json.Marshal(message(templates.NewCard(data)))
	if err != nil {
		return "", err
	}
	_, err = c.out.Post(ctx, c.Config.URL, http.Header{"Content-Type": {"application/json"}}, body)
	return m.ID, err
}

type object = map[string]any

// message is a card in the form that a Teams Workflow accepts.
func message(c templates.Card) object {
	body := []object{{"type": "Container", "style": styles[c.Tone], "bleed": true, "items": []object{
		{"type": "RichTextBlock", "inlines": []object{{"type": "TextRun", "text": plain(c.Title), "size": "Large", "weight": "Bolder"}}},
	}}}
	if c.Sum != "" {
		body = append(body, object{"type": "RichTextBlock", "inlines": []object{
			{"type": "TextRun", "text": c.Say("What would change: %s", ""), "weight": "Bolder"},
			{"type": "TextRun", "text": plain(c.Sum), "weight": "Bolder", "color": colour(c.Alarming)},
		}})
	}
	for _, f := range c.Facts {
		body = append(body, row(f))
	}
	if len(c.Lines) > 0 {
		var runs []object
		for i, l := range c.Lines {
			if i < len(c.Lines)-1 {
				l += "\n"
			}
			runs = append(runs, object{"type": "TextRun", "text": plain(l), "fontType": "Monospace", "size": "Small"})
		}
		body = append(body, object{"type": "RichTextBlock", "spacing": "Small", "inlines": runs})
	}
	if c.More != "" {
		body = append(body, object{"type": "RichTextBlock", "spacing": "Small", "inlines": []object{{"type": "TextRun", "text": plain(c.More)}}})
	}
	actions := []object{}
	if c.Link != "" { // without a login the page is nobody's to open
		actions = append(actions, object{"type": "Action.OpenUrl", "title": c.Say("Open the approval"), "url": c.Link})
	}
	return object{
		"type": "message",
		"attachments": []object{{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"contentUrl":  nil,
			"content": object{
				"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
				"fallbackText": plain(c.Title), "body": body,
				"actions": actions,
				"msteams": object{"width": "full"},
			},
		}},
	}
}

// row is a fact as a row of two columns. A FactSet would read Markdown in its values.
func row(f templates.Fact) object {
	value := object{"type": "RichTextBlock", "inlines": []object{{"type": "TextRun", "text": plain(f.Value)}}}
	if !f.At.IsZero() {
		// Teams shows it in the zone of each reader, and only in a TextBlock; nothing else is in that.
		at := f.At.UTC().Format(time.RFC3339)
		value = object{"type": "TextBlock", "text": "{{DATE(" + at + ",SHORT)}} {{TIME(" + at + ")}}", "wrap": true}
	}
	column := func(width string, item object) object {
		return object{"type": "Column", "width": width, "items": []object{item}}
	}
	return object{"type": "ColumnSet", "spacing": "Small", "columns": []object{
		column("130px", object{"type": "RichTextBlock", "inlines": []object{{"type": "TextRun", "text": plain(f.Name), "weight": "Bolder"}}}),
		column("stretch", value),
	}}
}

// styles are Teams' colours of a band.
var styles = map[templates.Tone]string{
	templates.Asks: "accent", templates.Good: "good", templates.Bad: "attention", templates.Warns: "warning", templates.Neutral: "emphasis",
}

func colour(alarming bool) string {
	if alarming {
		return "Attention"
	}
	return "Default"
}

// plain keeps Teams from reading more than text: a TextRun knows no Markdown, but
// {{DATE(…)}}, ${…} and <at>…</at> are looked for in all of a card.
func plain(s string) string {
	return strings.NewReplacer("{{", "{ {", "${", "$ {", "<at>", "< at>", "</at>", "< /at>").Replace(s)
}
