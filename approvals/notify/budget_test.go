package notify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestBudget: in each hour no more than there may be, whatever is asked for; each mail has its
// time once; and nobody else's have to wait.
func TestBudget(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	q := approvals.Quota{MailsPerHour: 60, MailsPerHourTo: 20}
	b := &notify.Budget{}
	hours := map[int]int{}
	dropped := 0
	for i := range 5000 {
		at, over, ok := b.Reserve(q, "flood", fmt.Sprintf("stranger-%d@example.org", i), ct.T0)
		if !ok {
			dropped++
			continue
		}
		if over == nil && !at.Equal(ct.T0) || over != nil && (!at.After(ct.T0) || approvals.CodeOf(over) != approvals.CodeLimited) {
			t.Fatalf("mail %d at %s: %v", i, at, over)
		}
		if over != nil {
			said.Check(t, "of a namespace", approvals.Message(over))
		}
		hours[int(at.Sub(ct.T0)/time.Hour)]++
	}
	if hours[0] > 2*60 || hours[0] < 60 {
		t.Errorf("%d within the first hour", hours[0])
	}
	for h := 1; h < 24; h++ {
		if hours[h] != 60 {
			t.Errorf("hour %d: %d mails", h, hours[h])
		}
	}
	if sum := 5000 - dropped; sum != 60+24*60 {
		t.Errorf("%d mails have a time", sum)
	}
	if at, over, ok := b.Reserve(q, "other", "alice@example.com", ct.T0); !ok || over != nil || !at.Equal(ct.T0) {
		t.Errorf("another namespace waits until %s: %v", at, over)
	}
	// To one address, however it is written.
	for i := range 20 {
		if _, over, ok := b.Reserve(q, "one", []string{"bob@example.com", "Bob@Example.com"}[i%2], ct.T0); over != nil || !ok {
			t.Fatalf("mail %d: %v", i, over)
		}
	}
	at, over, ok := b.Reserve(q, "one", "bob@example.com", ct.T0)
	if !ok || !at.Equal(ct.T0.Add(3*time.Minute)) || approvals.CodeOf(over) != approvals.CodeLimited {
		t.Errorf("until %s: %v", at, over)
	}
	said.Check(t, "to one address", approvals.Message(over))
	if _, over, _ := b.Reserve(q, "one", "carol@example.com", ct.T0); over != nil {
		t.Errorf("another address: %v", over)
	}
	if at, over, ok := b.Reserve(q, "flood", "a@example.org", ct.T0.Add(48*time.Hour)); !ok || over != nil || !at.Equal(ct.T0.Add(48*time.Hour)) {
		t.Errorf("after two days it waits until %s: %v", at, over)
	}
	if _, over, ok := b.Reserve(approvals.Quota{}, "flood", "a@example.org", ct.T0); over != nil || !ok {
		t.Errorf("without a bound: %v", over)
	}
}

// TestPlanOfWhatWaits: what waits for its time is due then, and not before.
func TestPlanOfWhatWaits(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice").Lifetime(3 * time.Hour).Obj()
	tries := map[notify.Slot]notify.Try{{Kind: notify.Opened, Recipient: "alice"}: {Last: ct.T0, After: time.Hour, Paid: true}}
	if due, again := notify.Plan(a, mail, ct.T0.Add(59*time.Minute), tries); len(due) != 0 || again != time.Minute {
		t.Errorf("%d are due, again in %s", len(due), again)
	}
	if due, _ := notify.Plan(a, mail, ct.T0.Add(time.Hour), tries); len(due) != 1 || due[0].Attempt != 1 {
		t.Errorf("%+v", due)
	}
}
