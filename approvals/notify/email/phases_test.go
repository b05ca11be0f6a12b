package email_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/email/emailtest"
)

// TestPhases: a server may take its time to accept a mail; one that says nothing about it may
// have taken it; what becomes of the connection afterwards does not matter.
func TestPhases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    emailtest.Kind
		fault   func(command string) error
		taken   func(*smtp.Conn)
		accept  time.Duration
		fails   bool
		unclear bool
		mails   int
	}{
		"it thinks for longer than a delivery may take": {taken: func(*smtp.Conn) { time.Sleep(600 * time.Millisecond) }, accept: time.Minute, mails: 1},
		"it never answers": {taken: func(*smtp.Conn) { time.Sleep(600 * time.Millisecond) }, accept: 100 * time.Millisecond, fails: true, unclear: true, mails: 1},
		"it hangs up":      {taken: func(c *smtp.Conn) { _ = c.Conn().Close() }, fails: true, unclear: true, mails: 1},
		"it refuses it":    {fault: func(cmd string) error { return refusedAt(cmd, "data") }, fails: true},
		"it hangs before":  {fault: func(cmd string) error { time.Sleep(600 * time.Millisecond); return refusedAt(cmd, "") }, fails: true},
	} {
		for _, kind := range []emailtest.Kind{{}, {TLS: true}, {Implicit: true}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				kind.Fault, kind.Taken = c.fault, c.taken
				s := emailtest.Serve(t, kind)
				_, err := channel(t, s, func(conf *email.Config) {
					conf.Timeout, conf.Accept = 300*time.Millisecond, c.accept
					switch {
					case kind.TLS:
						conf.TLS = email.StartTLS
					case kind.Implicit:
						conf.TLS = email.Implicit
					}
				}).Send(t.Context(), message(ct.Make("a")))
				f, ok := errors.AsType[*notify.Failure](err)
				if (err != nil) != c.fails || (ok && f.Unclear) != c.unclear || len(s.Mails()) != c.mails {
					t.Errorf("%v with %d mails taken", err, len(s.Mails()))
				}
			})
		}
	}
}

func refusedAt(command, at string) error {
	if command != at {
		return nil
	}
	return &smtp.SMTPError{Code: 451, Message: "later"}
}

// TestStopWhileItThinks: a process that ends does not wait for a server that thinks.
func TestStopWhileItThinks(t *testing.T) {
	t.Parallel()
	thinks, enough := make(chan struct{}), make(chan struct{})
	s := emailtest.Serve(t, emailtest.Kind{Taken: func(*smtp.Conn) { close(thinks); <-enough }})
	ctx, stop := context.WithCancelCause(t.Context())
	sent := make(chan error)
	go func() {
		_, err := channel(t, s, nil).Send(ctx, message(ct.Make("a")))
		sent <- err
	}()
	<-thinks
	stop(errors.New("shutting down"))
	if err := <-sent; err == nil || err.Error() != "shutting down" {
		t.Errorf("%v", err)
	}
	close(enough)
}
