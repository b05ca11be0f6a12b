package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	kubenotify "github.com/countersign-dev/countersign/internal/kube/notify"
)

// pausing is a channel whose process is paused while it tells the first person.
type pausing struct {
	*mailbox

	pause func()
}

func (p *pausing) Send(ctx context.Context, m notify.Message) (string, error) {
	id, err := p.mailbox.Send(ctx, m)
	if p.pause != nil {
		pause := p.pause
		p.pause = nil
		pause()
	}
	return id, err
}

// TestTwoLeaders: a leader that is paused between two mails, while another leads, goes on with
// the ledger as it is then: of each person's mails there is one more at most, that which was
// under way, with the same id.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	second := &kubenotify.Notify{Store: w.store, Channel: w.mails, Now: w.now, Log: w.notify.Log, Sent: func(bool) {}}
	w.notify.Channel = &pausing{w.mails, func() {
		w.wait(time.Minute)
		w.step(second, name)
	}}
	before := w.Count("patch status")
	w.step(w.notify, name)
	w.step(second, name)
	w.step(w.notify, name)
	count := map[string]int{}
	for _, m := range w.mails.sent {
		count[m]++
	}
	if len(count) != 2 || len(w.mails.sent) != 3 {
		t.Errorf("%v; want two people's mails, and one of them twice", count)
	}
	if n := w.Count("patch status") - before; n > 2 {
		t.Errorf("%d writes of the ledger", n)
	}
}
