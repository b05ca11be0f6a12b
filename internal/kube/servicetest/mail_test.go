package servicetest

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/email/emailtest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/templates"
)

// postOffice is a mail server that answers RCPT as it is told.
type postOffice struct {
	*emailtest.Server
	asked chan struct{} // a mail is being handed over

	mu   sync.Mutex
	rcpt func() error
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	p := &postOffice{asked: make(chan struct{}, 100)}
	p.Server = emailtest.Serve(t, emailtest.Kind{Fault: p.fault})
	return p
}

func (p *postOffice) answer(rcpt func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rcpt = rcpt
}

func (p *postOffice) fault(command string) error {
	if command != "rcpt" {
		return nil
	}
	p.asked <- struct{}{}
	p.mu.Lock()
	rcpt := p.rcpt
	p.mu.Unlock()
	if rcpt == nil {
		return nil
	}
	return rcpt()
}

// mailing has the world tell people by real mails.
func mailing(t *testing.T, w *world, to *net.TCPAddr, timeout time.Duration) {
	t.Helper()
	pages, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.notify.Channel = &email.Channel{
		Config: email.Config{Host: to.IP.String(), Port: to.Port, TLS: email.NoTLS, From: "countersign@example.com", Timeout: timeout},
		Data: func(a approvals.Approval, approver, _ string) (templates.Data, error) {
			return templates.Data{Approval: a, Recipient: approver, Link: "https://approve.example.com/links/x", Now: ct.T0}, nil
		},
		Set: pages, Now: w.now,
	}
}

// TestMailServerAtFault: whatever a mail server answers is on the Approval, is tried
// again at growing intervals and no sooner, and each person gets one mail in the end.
func TestMailServerAtFault(t *testing.T) {
	t.Parallel()
	says := func(code int, text string) func() error {
		return func() error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
		}
	}
	for name, c := range map[string]struct {
		rcpt func() error
		want string // in the condition
	}{
		"for now":        {says(451, "grey-listed, try later"), "grey-listed, try later"},
		"for good":       {says(550, "no such user here"), "no such user here"},
		"hangs up":       {says(421, "shutting down"), "shutting down"},
		"no SMTP at all": {func() error { return errors.New("<html>teapot</html>") }, "teapot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newWorld(t, kubetest.World), newPostOffice(t)
			mailing(t, w, p.Address, 5*time.Second)
			name := w.opened()
			p.answer(c.rcpt)
			for i, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
				if got := w.step(w.notify, name).RequeueAfter; got != want {
					t.Errorf("%d: again in %s, want %s", i, got, want)
				}
				asked := len(p.asked)
				w.step(w.notify, name)
				if len(p.asked) != asked || asked != 2*(i+1) {
					t.Errorf("%d: asked %d times, then %d before its time", i, asked, len(p.asked))
				}
				w.wait(want)
			}
			got := w.condition(name, v1alpha1.ConditionNotified)
			if !strings.HasPrefix(got, "False DeliveryFailed ") || !strings.Contains(got, c.want) || !strings.Contains(got, p.Address.String()) {
				t.Errorf("notified: %s; want it to say what %s answered: %s", got, p.Address, c.want)
			}
			if !strings.Contains(w.log.String(), "not delivered") {
				t.Errorf("log: %s", w.log.String())
			}
			p.answer(nil)
			for range 3 {
				w.step(w.notify, name)
				w.wait(time.Hour / 10)
			}
			if got := w.condition(name, v1alpha1.ConditionNotified); got != "True Delivered " || len(p.Mails()) != 2 {
				t.Errorf("notified: %s, %d mails; want one to each", got, len(p.Mails()))
			}
		})
	}
}

// TestMailServerHangs: while the mail server sits on a mail, people vote, and what they
// decide is released; afterwards neither the vote nor the failure is lost.
func TestMailServerHangs(t *testing.T) {
	t.Parallel()
	w, p := newWorld(t, kubetest.World), newPostOffice(t)
	w.listener.Serve(t)
	mailing(t, w, p.Address, time.Minute)
	name := w.opened()
	release := make(chan struct{})
	p.answer(func() error {
		<-release
		return errors.New("too late")
	})
	told := make(chan error, 1)
	go func() {
		_, err := w.notify.Reconcile(t.Context(), request(name))
		told <- err
	}()
	<-p.asked
	w.vote(name, "alice", approvals.Approve)
	w.wait(outcome.LeaderTakeoverDelay)
	w.step(w.approvals, name) // posts
	w.wait(outcome.QuietPeriod)
	w.step(w.approvals, name) // sees the run
	if a := w.get(name); a.Outcome != approvals.Approved || a.SecondRun == nil {
		t.Errorf("%s, next %v; refused %v", a.Outcome, a.SecondRun, w.listener.Refusals())
	}
	select {
	case err := <-told:
		t.Fatalf("the mail server was not waited for (%v): the test proves nothing", err)
	default:
	}
	close(release)
	if err := <-told; err != nil {
		t.Error(err)
	}
	a := w.get(name)
	if a.Outcome != approvals.Approved || len(a.Votes) != 1 || a.SecondRun == nil {
		t.Errorf("%s, votes %+v, next %v", a.Outcome, a.Votes, a.SecondRun)
	}
	if len(a.Deliveries) == 0 || a.Deliveries[0].Error == "" {
		t.Errorf("ledger %+v", a.Deliveries)
	}
}

// TestMailServerIsSilent: one that takes the connection and says nothing is a failure
// like any other when the time is up, and is told.
func TestMailServerIsSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t, kubetest.World)
	mailing(t, w, l.Addr().(*net.TCPAddr), 50*time.Millisecond)
	name := w.opened()
	if got := w.step(w.notify, name).RequeueAfter; got != 5*time.Second {
		t.Errorf("again in %s", got)
	}
	if got := w.condition(name, v1alpha1.ConditionNotified); !strings.HasPrefix(got, "False DeliveryFailed ") || !strings.Contains(got, l.Addr().String()) {
		t.Errorf("notified: %s", got)
	}
	w.vote(name, "alice", approvals.Approve)
	if a := w.get(name); a.Outcome != approvals.Approved {
		t.Errorf("%s", a.Outcome)
	}
}

// TestMailWithoutAnAnswer: a mail that was sent whole and not answered is not called
// undelivered. It is sent once more, with the same Message-ID, and not again: not by the next
// leader either, which knows the ledger alone.
func TestMailWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, killed := range map[string]bool{"one leader": false, "killed after the first": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			s := emailtest.Serve(t, emailtest.Kind{Taken: func(c *smtp.Conn) { _ = c.Conn().Close() }})
			mailing(t, w, s.Address, 5*time.Second)
			name := w.opened()
			w.step(w.notify, name)
			got := w.condition(name, v1alpha1.ConditionNotified)
			if !strings.HasPrefix(got, "False DeliveryFailed ") {
				t.Errorf("notified: %s", got)
			}
			said.Check(t, "taken, maybe", strings.ReplaceAll(sentence(got), s.Address.String(), "SERVER"))
			if killed {
				old := w.notify
				w.notify = &notify.Notify{Store: w.store, Channel: old.Channel, Now: w.now, Log: old.Log, Sent: old.Sent}
			}
			for range 5 {
				w.wait(10 * time.Minute / 2)
				w.step(w.notify, name)
			}
			if got := w.condition(name, v1alpha1.ConditionNotified); strings.HasPrefix(got, "False") {
				t.Errorf("notified: %s", got)
			}
			if n := len(s.Mails()); n != 4 { // two people
				t.Errorf("%d mails, want each twice", n)
			}
		})
	}
}
