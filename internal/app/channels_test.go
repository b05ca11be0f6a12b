package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/github"
	"github.com/countersign-dev/countersign/approvals/notify/slack"
	"github.com/countersign-dev/countersign/approvals/notify/teams"
	"github.com/countersign-dev/countersign/approvals/notify/webhook"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
)

// TestTellers: every configured channel has a controller of its own, and only a bot
// opens the door for Slack.
func TestTellers(t *testing.T) {
	t.Parallel()
	m, err := newMetrics(prometheus.NewRegistry(), ct.NewMemStore(), "v0.1.0", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config{SMTP: &email.Config{}, Channels: config.Channels{
		Slack: []slack.Config{{Name: "news"}, {Name: "ops", Token: []byte("xoxb")}}, Teams: []teams.Config{{Name: "office"}},
		Webhook: []webhook.Config{{Name: "audit"}}, GitHub: []github.Config{{Name: "status"}},
	}}
	told := newTellers(c, nil, nil, time.Now)
	var names string
	log := slog.New(slog.DiscardHandler)
	for _, s := range told.setups(&core{Options: Options{Now: time.Now, Log: log}, metrics: m, preflight: &preflight.Preflights{}}) {
		switch x := s.(type) {
		case *notify.Notify:
			names += x.Channel.Route().Name + " "
			x.Sent(true)
		case *notify.MissingChannels:
			if !x.Known("ops") || x.Known("gone") || x.Known("email") {
				t.Error("known are not those that a Gate may name")
			}
		}
	}
	if names != "email news ops office audit status " {
		t.Errorf("controllers for %s", names)
	}
	var d web.Deps
	told.buttons(&d)
	if i, ok := d.Slack.(*slack.Interactions); !ok || len(i.Channels) != 1 || i.Channels[0].Config.Name != "ops" {
		t.Errorf("%+v", d.Slack)
	}
	d = web.Deps{}
	newTellers(config.Config{}, nil, nil, time.Now).buttons(&d)
	if d.Slack != nil {
		t.Error("without a bot there is an endpoint")
	}
}
