package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/github"
	"github.com/countersign-dev/countersign/approvals/notify/slack"
	"github.com/countersign-dev/countersign/approvals/notify/teams"
	"github.com/countersign-dev/countersign/approvals/notify/webhook"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/oidc"
)

// TestCapabilities: every kind of channel counts, and of Slack's those that have buttons.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	none := capabilities(config.Config{})
	if d := cmp.Diff(&approvals.Capabilities{}, none); d != "" {
		t.Errorf("of nothing (-want +got)\n%s", d)
	}
	all := capabilities(config.Config{
		SMTP: &email.Config{}, OIDC: &oidc.Config{}, Record: config.Record{SQLite: "/record.db"},
		Channels: config.Channels{
			Slack: []slack.Config{{Name: "a", Token: []byte("t")}}, Teams: []teams.Config{{Name: "b"}},
			Webhook: []webhook.Config{{Name: "c"}}, GitHub: []github.Config{{Name: "d"}},
		},
	})
	want := &approvals.Capabilities{Record: true, Login: true, Mail: true, Slack: true, Channels: []string{"a", "b", "c", "d"}}
	if d := cmp.Diff(want, all); d != "" {
		t.Errorf("of everything (-want +got)\n%s", d)
	}
}
