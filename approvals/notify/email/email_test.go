package email_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/approvals/notify/email/emailtest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/templates"
)

const (
	thePassword = emailtest.Password
	theToken    = "eyJucyI6InByb2QifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
	theLink     = "https://approve.example.com/links/" + theToken
)

func channel(t *testing.T, s *emailtest.Server, change func(*email.Config)) *email.Channel {
	t.Helper()
	pages, err := templates.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &email.Channel{
		Config: email.Config{Host: s.Address.IP.String(), Port: s.Address.Port, TLS: email.NoTLS, CAFile: s.CA, From: "Countersign <countersign@example.com>", Timeout: 5 * time.Second},
		Data: func(a approvals.Approval, approver, _ string) (templates.Data, error) {
			return templates.Data{Approval: a, Recipient: approver, Decidable: true, Link: theLink, Now: ct.T0}, nil
		},
		Set: pages, Now: func() time.Time { return ct.T0 },
	}
	if change != nil {
		change(&c.Config)
	}
	return c
}

func message(b *ct.Builder) notify.Message {
	return notify.Message{ID: "0123456789abcdef", Kind: notify.Opened, To: "alice@example.com", Approval: b.Obj(), Approver: "alice"}
}

func login(c *email.Config) { c.Username, c.Password = "countersign", keyring.Secret(thePassword) }

// parts are a mail's headers and its alternatives by type.
func parts(t *testing.T, raw []byte) (mail.Header, map[string]string) {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return r.Header, out
		}
		if err != nil {
			t.Fatal(err)
		}
		h, ok := p.Header.(*mail.InlineHeader)
		if !ok {
			t.Fatalf("an attachment: %v", p.Header)
		}
		kind, _, err := h.ContentType()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = string(body)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   emailtest.Kind
		config func(*email.Config)
		auth   string
	}{
		"plain":              {},
		"STARTTLS":           {kind: emailtest.Kind{TLS: true}, config: func(c *email.Config) { c.TLS = email.StartTLS }},
		"STARTTLS and login": {kind: emailtest.Kind{TLS: true, Login: true}, config: func(c *email.Config) { c.TLS = email.StartTLS; login(c) }, auth: "countersign:" + thePassword},
		"TLS":                {kind: emailtest.Kind{Implicit: true}, config: func(c *email.Config) { c.TLS = email.Implicit }},
		"TLS and login":      {kind: emailtest.Kind{Implicit: true, Login: true}, config: func(c *email.Config) { c.TLS = email.Implicit; login(c) }, auth: "countersign:" + thePassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := emailtest.Serve(t, c.kind)
			if _, err := channel(t, s, c.config).Send(t.Context(), message(ct.Make("apply-1"))); err != nil {
				t.Fatal(err)
			}
			h, alternatives := parts(t, s.Only(t))
			if strings.Join(s.From, ",") != "countersign@example.com" || strings.Join(s.To, ",") != "alice@example.com" || strings.Join(s.Auth, ",") != c.auth {
				t.Errorf("from %v to %v as %v", s.From, s.To, s.Auth)
			}
			for kind, want := range map[string]string{"text/plain": theLink, "text/html": theLink} {
				if !strings.Contains(alternatives[kind], want) {
					t.Errorf("the %s has no %s:\n%s", kind, want, alternatives[kind])
				}
			}
			if len(alternatives) != 2 {
				t.Errorf("%d alternatives", len(alternatives))
			}
			for header, want := range map[string]string{
				"Message-Id": "<0123456789abcdef@example.com>", "Auto-Submitted": "auto-generated", "To": "<alice@example.com>",
				"From": `"Countersign" <countersign@example.com>`, "Date": "Sun, 01 Mar 2026 09:00:00 +0000",
			} {
				if got := h.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestSentAgain: a mail that had to be sent twice is one mail to anyone who reads it.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	s := emailtest.Serve(t, emailtest.Kind{})
	c := channel(t, s, nil)
	for range 2 {
		if _, err := c.Send(t.Context(), message(ct.Make("apply-1"))); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := parts(t, s.Mails()[0])
	second, _ := parts(t, s.Mails()[1])
	for _, h := range []string{"Message-Id", "Subject", "Date"} {
		if first.Get(h) != second.Get(h) || first.Get(h) == "" {
			t.Errorf("%s is %q, then %q", h, first.Get(h), second.Get(h))
		}
	}
}

// TestThread: mails about one Approval are one thread for anyone who gets several of them, and
// no other Approval's are in it.
func TestThread(t *testing.T) {
	t.Parallel()
	s := emailtest.Serve(t, emailtest.Kind{})
	c := channel(t, s, nil)
	opened := message(ct.Make("apply-1"))
	decided := message(ct.Make("apply-1").Voted("alice", approvals.Approve, "ok"))
	decided.ID, decided.Kind, decided.Earlier = "fedcba", notify.Decided, opened.ID
	for _, m := range []notify.Message{opened, decided, message(ct.Make("apply-2"))} {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var threads []string
	for _, m := range s.Mails() {
		h, _ := parts(t, m)
		root, rest, _ := strings.Cut(h.Get("References"), " ")
		if h.Get("In-Reply-To") != rest {
			t.Errorf("In-Reply-To is %q, and References is %q", h.Get("In-Reply-To"), h.Get("References"))
		}
		threads = append(threads, root+rest)
	}
	if threads[0] == "" || threads[1] != threads[0]+"<"+opened.ID+"@example.com>" || threads[2] == threads[0] {
		t.Errorf("threads %q", threads)
	}
}

// TestFails: every way a mail server fails is an error that says which server and
// what, holds no secret, and comes in time.
func TestFails(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	answer := func(command string, code int, text string) func(string) error {
		return func(c string) error {
			if c == command {
				return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
			}
			return nil
		}
	}
	startTLS := func(c *email.Config) { c.TLS = email.StartTLS; login(c) }
	for name, c := range map[string]struct {
		kind   emailtest.Kind
		config func(*email.Config)
	}{
		"no STARTTLS where it must": {emailtest.Kind{Login: true}, startTLS},
		"a certificate unknown":     {emailtest.Kind{TLS: true}, func(c *email.Config) { c.TLS, c.CAFile = email.StartTLS, "" }},
		"TLS where there is none":   {emailtest.Kind{}, func(c *email.Config) { c.TLS = email.Implicit }},
		"login refused":             {emailtest.Kind{TLS: true, Login: true}, func(c *email.Config) { startTLS(c); c.Username = "somebody" }},
		"login not offered":         {emailtest.Kind{TLS: true}, startTLS},
		"sender refused":            {emailtest.Kind{Fault: answer("mail", 550, "not from you")}, nil},
		"unknown recipient":         {emailtest.Kind{Fault: answer("rcpt", 550, "no such user here")}, nil},
		"grey-listed":               {emailtest.Kind{Fault: answer("rcpt", 451, "try later")}, nil},
		"mailbox full":              {emailtest.Kind{Fault: answer("data", 452, "mailbox full")}, nil},
		"refused content":           {emailtest.Kind{Fault: answer("data", 554, "looks like spam")}, nil},
		"no such CA file":           {emailtest.Kind{}, func(c *email.Config) { c.CAFile = "/nonexistent/ca.pem" }},
		"a sender that is none":     {emailtest.Kind{}, func(c *email.Config) { c.From = "nobody" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := emailtest.Serve(t, c.kind)
			_, err := channel(t, s, c.config).Send(t.Context(), message(ct.Make("apply-1")))
			if err == nil {
				t.Fatal("no error")
			}
			said.Check(t, name, strings.ReplaceAll(err.Error(), s.Address.String(), "SERVER"))
			ct.AssertLeaksNothing(t, "the error", err.Error(), thePassword, theToken)
			if len(s.Mails()) != 0 {
				t.Error("and the mail was taken")
			}
			if len(s.Auth) > 0 && !strings.Contains(name, "login") {
				t.Errorf("the password went out: %v", s.Auth)
			}
		})
	}
}

// TestHangs: a server that takes the connection and says nothing holds nobody up
// for longer than the time-out.
func TestHangs(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().(*net.TCPAddr)
	silent := &emailtest.Server{Address: addr}
	_, err = channel(t, silent, func(c *email.Config) { c.Timeout = 50 * time.Millisecond; login(c) }).Send(t.Context(), message(ct.Make("a")))
	if err == nil {
		t.Fatal("no error")
	}
	ct.AssertLeaksNothing(t, "the error", err.Error(), thePassword, theToken)

	l.Close()
	_, err = channel(t, silent, nil).Send(t.Context(), message(ct.Make("a")))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a server that is down: %v", err)
	}
	said.Check(t, "a server that is down", strings.ReplaceAll(err.Error(), addr.String(), "SERVER"))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutting down"))
	if _, err := channel(t, silent, nil).Send(ctx, message(ct.Make("a"))); !errors.Is(err, context.Cause(ctx)) {
		t.Errorf("shutting down: %v", err)
	}
}

// TestInjection: nothing that anybody typed or named becomes a header, another
// recipient, or markup.
func TestInjection(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script> \"'&\u202e"
	b := ct.Make("apply-1").With(func(a *approvals.Approval) {
		a.Trigger = evil
		a.Source.Run.Pipeline, a.Source.Run.Name = evil, evil
		a.Source.Results = []approvals.Param{{Name: evil, Value: evil + strings.Repeat("x", 100_000)}}
		a.Resolved.Requester, a.Resolved.Policy.Gate = evil, evil
		a.Resolved.Params = []approvals.Param{{Name: evil, Value: evil}}
		a.Votes = []approvals.Vote{{Voter: evil, Verdict: approvals.Approve, Comment: evil, At: ct.T0}}
	})
	s := emailtest.Serve(t, emailtest.Kind{})
	if _, err := channel(t, s, nil).Send(t.Context(), message(b)); err != nil {
		t.Fatal(err)
	}
	h, alternatives := parts(t, s.Only(t))
	if h.Has("Bcc") || h.Has("Cc") || len(s.To) != 1 {
		t.Errorf("headers %v, to %v", h, s.To)
	}
	if subject, err := h.Subject(); err != nil || strings.ContainsAny(subject, "\r\n\u202e") {
		t.Errorf("subject %q, %v", subject, err)
	}
	if strings.Contains(alternatives["text/html"], "<script>") || !strings.Contains(alternatives["text/html"], theLink) {
		t.Error("markup came through, or the link did not")
	}
	for _, to := range []string{"alice@example.com\r\nBcc: victim@example.com", "alice@example.com, victim@example.com", "", "alice"} {
		m := message(ct.Make("a"))
		m.To = to
		if _, err := channel(t, s, nil).Send(t.Context(), m); err == nil {
			t.Errorf("a mail to %q was sent", to)
		}
	}
	if len(s.Mails()) != 1 {
		t.Errorf("%d mails were taken", len(s.Mails()))
	}
}

func TestComposeFails(t *testing.T) {
	t.Parallel()
	s := emailtest.Serve(t, emailtest.Kind{})
	c := channel(t, s, nil)
	noKey := errors.New("no signing key")
	c.Data = func(approvals.Approval, string, string) (templates.Data, error) { return templates.Data{}, noKey }
	if _, err := c.Send(t.Context(), message(ct.Make("a"))); !errors.Is(err, noKey) || s.Calls != 0 {
		t.Errorf("%v after %d connections", err, s.Calls)
	}
	if c.Route().Name != "email" {
		t.Error(c.Route().Name)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		change  func(*email.Config)
		refused bool
	}{
		"good":              {func(*email.Config) {}, false},
		"tls with a login":  {func(c *email.Config) { c.TLS = email.Implicit; login(c) }, false},
		"none, no login":    {func(c *email.Config) { c.TLS = email.NoTLS }, false},
		"no host":           {func(c *email.Config) { c.Host = "" }, true},
		"port":              {func(c *email.Config) { c.Port = 70000 }, true},
		"tls":               {func(c *email.Config) { c.TLS = "ssl" }, true},
		"password in clear": {func(c *email.Config) { c.TLS = email.NoTLS; login(c) }, true},
		"from":              {func(c *email.Config) { c.From = "nobody" }, true},
		"everything":        {func(c *email.Config) { *c = email.Config{} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := email.Config{Host: "mail.example.com", Port: 587, TLS: email.StartTLS, From: "c@example.com"}
			c.change(&conf)
			err := conf.Validate()
			if (err != nil) != c.refused {
				t.Fatalf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
				ct.AssertLeaksNothing(t, "the error", err.Error(), thePassword)
			}
		})
	}
}
