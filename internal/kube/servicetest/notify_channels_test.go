package servicetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	kubenotify "github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// room is a channel that keeps what it was given.
type room struct {
	name string
	mu   sync.Mutex
	sent []string
	err  error
	hang bool
}

func (r *room) Route() notify.Route { return notify.Route{Name: r.name} }

func (r *room) Send(ctx context.Context, m notify.Message) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hang {
		ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Millisecond, errors.New("chat did not answer within 10ms"))
		defer cancel()
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	if r.err != nil {
		return "", r.err
	}
	r.sent = append(r.sent, m.Event+" "+string(m.Approval.Outcome)+" "+m.Earlier)
	return "C1/" + m.Event, nil
}

func (w *world) room(name string) (*room, *kubenotify.Notify) {
	r := &room{name: name}
	return r, &kubenotify.Notify{Store: w.store, Channel: r, Now: w.now, Log: w.notify.Log, Sent: func(bool) {}}
}

// told is a Gate that tells rooms.
func told(notify string) string {
	return strings.Replace(kubetest.World, "required: 1", "required: 1\n  notify: "+notify, 1)
}

// TestRoom: a room is told of the opening, reminded, and told of the end, each with
// where the first message is; the outcome wakes it.
func TestRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, told("{channels: [ops], remindEvery: 10m, escalate: {after: 25m, channels: [bosses]}}"))
	ops, tell := w.room("ops")
	bosses, escalate := w.room("bosses")
	name := w.opened()
	w.step(tell, name)
	for _, want := range []time.Duration{10 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		got := w.step(tell, name).RequeueAfter
		if got <= 0 || got > want {
			t.Errorf("again in %s", got)
		}
		w.wait(got)
		w.step(tell, name)
		w.step(escalate, name)
	}
	before := &v1alpha1.Approval{}
	if err := w.Get(t.Context(), request(name).NamespacedName, before); err != nil {
		t.Fatal(err)
	}
	w.vote(name, "alice", approvals.Approve)
	after := &v1alpha1.Approval{}
	if err := w.Get(t.Context(), request(name).NamespacedName, after); err != nil {
		t.Fatal(err)
	}
	if !store.IsNews(before, after) || store.IsNews(after, after) {
		t.Error("the outcome is no news")
	}
	for range 3 {
		w.step(tell, name)
		w.step(escalate, name)
	}
	if got, want := strings.Join(ops.sent, ", "), "opened Pending , reminder-1 Pending C1/opened, reminder-2 Pending C1/opened, reminder-3 Pending C1/opened, decided Approved C1/opened"; got != want {
		t.Errorf("ops was told %q, want %q", got, want)
	}
	if got, want := strings.Join(bosses.sent, ", "), "escalated Pending , decided Approved C1/escalated"; got != want {
		t.Errorf("bosses were told %q, want %q", got, want)
	}
	for _, d := range w.get(name).Deliveries {
		if d.SentAt.IsZero() || d.Recipient != "" || d.MessageID != "C1/"+d.Event {
			t.Errorf("ledger %+v", d)
		}
	}
}

// TestRoomRefusesForGood: what no further try can mend is not tried again, however
// often something happens; the next event is.
func TestRoomRefusesForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, told("{channels: [ops]}"))
	ops, tell := w.room("ops")
	ops.err = notify.Finalf("slack ops: channel_not_found")
	name := w.opened()
	w.step(tell, name)
	ops.err = nil
	for range 3 {
		w.wait(15 * time.Minute)
		if got := w.step(tell, name).RequeueAfter; got != 0 || len(ops.sent) != 0 {
			t.Errorf("again in %s, sent %v", got, ops.sent)
		}
	}
	if got := w.condition(name, v1alpha1.ConditionNotified); got != "False DeliveryFailed channel ops was not notified: slack ops: channel_not_found" {
		t.Errorf("notified: %s", got)
	}
	w.vote(name, "alice", approvals.Approve)
	w.step(tell, name)
	if strings.Join(ops.sent, ", ") != "decided Approved " || len(tell.Known) != 0 {
		t.Errorf("sent %v; %d remembered", ops.sent, len(tell.Known))
	}
}

// TestDeadRoom: a channel that hangs holds up neither another one nor a decision.
func TestDeadRoom(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, told("{channels: [dead, ops]}"))
	dead, tellDead := w.room("dead")
	dead.hang = true
	ops, tell := w.room("ops")
	name := w.opened()
	w.step(tellDead, name)
	w.step(tell, name)
	w.step(w.notify, name)
	w.vote(name, "alice", approvals.Approve)
	w.step(tellDead, name)
	w.step(tell, name)
	if len(ops.sent) != 2 || len(w.mails.sent) != 2 || w.get(name).Outcome != approvals.Approved {
		t.Errorf("sent %v and %v; %s", ops.sent, w.mails.sent, w.get(name).Outcome)
	}
	got := w.condition(name, v1alpha1.ConditionNotified)
	if !strings.HasPrefix(got, "False DeliveryFailed ") {
		t.Errorf("notified: %s", got)
	}
	said.Check(t, "a dead channel", got)
}

// TestMissingChannels: a name that nobody configured is said once, and gives way to
// the channel when there is one.
func TestMissingChannels(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := newWorld(t, told("{channels: [gone, ops]}"))
	name := w.opened()
	r := &kubenotify.MissingChannels{Store: w.store, Known: func(name string) bool { return name == "ops" }}
	for range 3 {
		w.step(r, name)
	}
	got := w.condition(name, v1alpha1.ConditionNotified)
	if !strings.HasPrefix(got, "False DeliveryFailed ") || w.Count("patch status") != 1 {
		t.Errorf("notified: %s after %d writes", got, w.Count("patch status"))
	}
	said.Check(t, "no such channel", got)
	if _, err := r.Reconcile(t.Context(), request("nothing")); err != nil {
		t.Error(err)
	}
	gone, tell := w.room("gone")
	w.step(tell, name)
	if got := w.condition(name, v1alpha1.ConditionNotified); got != "True Delivered " || len(gone.sent) != 1 {
		t.Errorf("notified: %s, sent %v", got, gone.sent)
	}
}
