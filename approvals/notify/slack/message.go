package slack

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// The actions of a message's buttons.
const (
	actionApprove = "countersign-approve"
	actionReject  = "countersign-reject"
	actionComment = "countersign-reject-comment"
)

// Slack's limits.
const (
	maxHeader  = 150 // characters of a header
	maxField   = 2000
	maxFields  = 10 // of one section
	maxSection = 6
)

// blocks is a card. All of other people's text is plain_text: Slack looks for
// nothing in it, neither mentions nor links, formatting or emoji.
func blocks(c templates.Card, buttons slack.Block) []slack.Block {
	out := []slack.Block{slack.NewHeaderBlock(plain(c.Title, maxHeader))}
	var fields []*slack.TextBlockObject
	flush := func() {
		if len(fields) > 0 && len(out) <= maxSection {
			out = append(out, slack.NewSectionBlock(nil, fields, nil))
		}
		fields = nil
	}
	for _, f := range c.Facts {
		if fields = append(fields, plain(f.Name+"\n"+f.Value, maxField)); len(fields) == maxFields {
			flush()
		}
	}
	flush()
	if c.Link != "" { // without a login the page is nobody's to open
		out = append(out, slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, link(c.Link), false, true), nil, nil))
	}
	if buttons != nil {
		out = append(out, buttons)
	}
	return out
}

// buttons vote on a; who may is found out when one is pressed.
func (c *Channel) buttons(a approvals.Approval) slack.Block {
	value := c.reference(a.Key)
	button := func(action, label string, style slack.Style) slack.BlockElement {
		return slack.NewButtonBlockElement(action, value, plain(label, 75)).WithStyle(style)
	}
	return slack.NewActionBlock("countersign",
		button(actionApprove, "Approve", slack.StylePrimary), button(actionReject, "Reject", slack.StyleDanger), button(actionComment, "Reject with comment…", slack.StyleDefault))
}

// said is a dialog that only says something.
func said(text string) *slack.ModalViewRequest {
	return &slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain("Countersign", 24), Close: plain("Close", 24),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(plain(text, 3000), nil, nil)}},
	}
}

func plain(s string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, approvals.Cut(s, most), false, false)
}

// link is our own address, in which nothing can end it.
func link(address string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(address) + "|Open the approval>"
}

// escape is for text where Slack looks for more than text: notifications, and
// answers to one person.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@channel", "@ channel", "@here", "@ here", "@everyone", "@ everyone").Replace(s)
}
