package app

import (
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/config"
)

// capabilities lists the parts of c that Gates may depend on.
func capabilities(c config.Config) *approvals.Capabilities {
	can := &approvals.Capabilities{Record: c.Record.Kept(), Login: c.OIDC != nil, Mail: c.SMTP != nil}
	for _, x := range c.Channels.Slack {
		can.Channels = append(can.Channels, x.Name)
		can.Slack = can.Slack || x.Bot()
	}
	for _, x := range c.Channels.Teams {
		can.Channels = append(can.Channels, x.Name)
	}
	for _, x := range c.Channels.Webhook {
		can.Channels = append(can.Channels, x.Name)
	}
	for _, x := range c.Channels.GitHub {
		can.Channels = append(can.Channels, x.Name)
	}
	return can
}
