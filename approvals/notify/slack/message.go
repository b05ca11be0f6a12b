package slack

import (
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// The actions of a message's buttons.
const (
	actionApprove = "countersign-approve"
	actionReject  = "countersign-reject"
	actionComment = "countersign-reject-comment"
	actionReview  = "countersign-review" // leads to the page, and does nothing here
)

// Slack's limits.
const (
	maxHeader  = 150 // characters of a header
	maxField   = 2000
	maxText    = 2500 // characters of one rich text
	maxTexts   = 6
	maxConfirm = 300
)

// blocks is a card. All of other people's text is plain_text, or an element of rich_text: Slack
// looks for nothing in either, neither mentions nor links, formatting or emoji.
func blocks(c templates.Card, buttons slack.Block) []slack.Block {
	out := []slack.Block{slack.NewHeaderBlock(plain(c.Title, maxHeader))}
	if c.Sum != "" {
		out = append(out, slack.NewSectionBlock(plain(c.Say("What would change: %s", c.Sum), maxField), nil, nil))
	}
	for _, text := range facts(c.Facts) {
		out = append(out, slack.NewRichTextBlock("", slack.NewRichTextSection(text...)))
	}
	if len(c.Lines) > 0 {
		out = append(out, slack.NewRichTextBlock("", &slack.RichTextPreformatted{
			Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(strings.Join(c.Lines, "\n"), nil)},
		}))
	}
	if c.More != "" {
		out = append(out, slack.NewSectionBlock(plain(c.More, maxField), nil, nil))
	}
	if c.Link != "" { // without a login the page is nobody's to open
		out = append(out, slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, link(c.Link, c.Say("Open the approval")), false, true), nil, nil))
	}
	if buttons != nil {
		out = append(out, buttons)
	}
	return out
}

// facts are lines of a name in bold and its value, as many texts as they take. Slack shows a time
// in the zone of each reader.
func facts(all []templates.Fact) [][]slack.RichTextSectionElement {
	var out [][]slack.RichTextSectionElement
	var text []slack.RichTextSectionElement
	n := 0
	for _, f := range all {
		size := utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value) + 3
		if n += size; n > maxText && len(text) > 0 {
			if len(out) == maxTexts-1 {
				break
			}
			out, text, n = append(out, text), nil, size
		}
		name := f.Name + ": "
		if len(text) > 0 {
			name = "\n" + name
		}
		text = append(text, slack.NewRichTextSectionTextElement(name, &slack.RichTextSectionTextStyle{Bold: true}))
		if f.At.IsZero() {
			text = append(text, slack.NewRichTextSectionTextElement(f.Value, nil))
		} else {
			text = append(text, slack.NewRichTextSectionDateElement(f.At.Unix(), "{date_short_pretty}, {time}", nil, &f.Value))
		}
	}
	if len(text) > 0 {
		out = append(out, text)
	}
	return out
}

// buttons vote on a; who may is found out when one is pressed. What the card does not show
// whole is not approved here: a button leads to the page.
func (c *Channel) buttons(a approvals.Approval, card templates.Card) slack.Block {
	value := c.reference(a.Key)
	button := func(action, label string, style slack.Style) slack.BlockElement {
		return slack.NewButtonBlockElement(action, value, plain(label, 75)).WithStyle(style)
	}
	approve := slack.NewButtonBlockElement(actionApprove, value, plain(card.Say("Approve"), 75)).WithStyle(slack.StylePrimary)
	if card.Confirm != "" {
		approve.Confirm = slack.NewConfirmationBlockObject(plain(card.Say("Approve?"), 100), plain(card.Confirm, maxConfirm), plain(card.Say("Approve"), 30), plain(card.Say("Cancel"), 30))
	}
	if !card.Whole && card.Link != "" {
		approve = slack.NewButtonBlockElement(actionReview, value, plain(card.Say("Review…"), 75)).WithStyle(slack.StylePrimary).WithURL(card.Link)
	}
	return slack.NewActionBlock("countersign",
		approve, button(actionReject, card.Say("Reject"), slack.StyleDanger), button(actionComment, card.Say("Reject with comment…"), slack.StyleDefault))
}

// said returns a dialog with a text and a button that closes it.
func said(text string, to templates.Voice) *slack.ModalViewRequest {
	return &slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain("Countersign", 24), Close: plain(to.Say("Close"), 24),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(plain(text, 3000), nil, nil)}},
	}
}

func plain(s string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, approvals.Cut(s, most), false, false)
}

// link is our own address, in which nothing can end it, with a text of ours.
func link(address, text string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(address) + "|" + text + ">"
}

// escape returns s without Slack's markup and mentions, for fields in which Slack looks for them:
// notifications, and answers to one person.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@channel", "@ channel", "@here", "@ here", "@everyone", "@ everyone").Replace(s)
}
