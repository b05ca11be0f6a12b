package app

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/github"
	"github.com/countersign-dev/countersign/approvals/notify/slack"
	"github.com/countersign-dev/countersign/approvals/notify/teams"
	"github.com/countersign-dev/countersign/approvals/notify/webhook"
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/config"
	kubenotify "github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/templates"
)

// roomWorkers is enough for a channel: what waits is one message an Approval, and one
// namespace occupies half of them.
const roomWorkers = 4

type setup interface{ SetupWithManager(mgr ctrl.Manager) error }

type tellers struct {
	channels []notify.Channel
	bots     []*slack.Channel // those whose messages have buttons
}

func newTellers(c config.Config, mail func(a approvals.Approval, approver, address string) (templates.Data, error), set *templates.Set, now func() time.Time) tellers {
	var t tellers
	data := func(a approvals.Approval, approver string) (templates.Data, error) { return mail(a, approver, "") }
	if c.SMTP != nil {
		t.channels = append(t.channels, &email.Channel{Config: *c.SMTP, Data: mail, Set: set, Now: now})
	}
	for _, x := range c.Channels.Slack {
		s := slack.New(x, data, now)
		t.channels = append(t.channels, s)
		if x.Bot() {
			t.bots = append(t.bots, s)
		}
	}
	for _, x := range c.Channels.Teams {
		t.channels = append(t.channels, teams.New(x, data, now))
	}
	for _, x := range c.Channels.Webhook {
		t.channels = append(t.channels, webhook.New(x, data, now))
	}
	for _, x := range c.Channels.GitHub {
		t.channels = append(t.channels, github.New(x, data, now))
	}
	return t
}

// setups are one controller a channel, and one for the names that are none.
func (t tellers) setups(core *core) []setup {
	known := map[string]bool{}
	var out []setup
	for _, c := range t.channels {
		name, workers := c.Route().Name, roomWorkers
		if name == notify.Email {
			workers = notifyWorkers
		}
		known[name] = name != notify.Email
		var budget *kubenotify.Budget // channels are the configuration's, mail goes anywhere
		if name == notify.Email {
			budget = &kubenotify.Budget{Quota: core.quotas.Of}
		}
		out = append(out, &kubenotify.Notify{
			Store: core.store, Channel: c, Now: core.Now, Log: core.Log, Workers: workers, Preflight: core.preflight.Of, Budget: budget,
			Sent: func(ok bool) { core.metrics.deliveries.WithLabelValues(name, yes(ok)).Inc() },
		})
	}
	return append(out, &kubenotify.MissingChannels{Store: core.store, Known: func(name string) bool { return known[name] }})
}

// buttons serves what people press in Slack, when there is anything to press.
func (t tellers) buttons(d *web.Deps) {
	if len(t.bots) > 0 {
		d.Slack = &slack.Interactions{Channels: t.bots, Store: d.Store, Desk: d.Desk, People: d.People, Log: d.Log}
	}
}
