// Package email sends the request to decide as a mail with a signed link.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/internal/cafile"
	"github.com/countersign-dev/countersign/templates"
)

// Channel sends mails over SMTP.
type Channel struct {
	Config Config
	// Data returns the data of one mail, with the link that is signed for approver and address.
	Data func(a approvals.Approval, approver, address string) (templates.Data, error)
	Set  *templates.Set
	Now  func() time.Time
}

var _ notify.Channel = (*Channel)(nil)

// Route is "email", and everything.
func (c *Channel) Route() notify.Route {
	domains := slices.Clone(c.Config.RequesterDomains)
	if from, err := mail.ParseAddress(c.Config.From); err == nil {
		domains = append(domains, from.Address)
	}
	return notify.Route{Name: notify.Email, Domains: domains}
}

// Send makes one connection, sends one mail and waits for the server's 250. The
// error never holds the password or the link. A mail's id is the message's.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	return m.ID, c.send(ctx, m)
}

func (c *Channel) send(ctx context.Context, m notify.Message) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	call := &call{config: c.Config}
	defer context.AfterFunc(ctx, call.end)() // a stop must not wait for a server that thinks
	msg, err := c.compose(m, call.handOver)
	if err != nil {
		return err
	}
	client, err := c.dialer(call)
	if err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, c.Config.Timeout)
	defer cancel()
	err = client.DialAndSendWithContext(dialing, msg)
	switch {
	case err == nil, msg.IsDelivered(): // what follows the server's 250 is about the connection
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return c.explain(err)
}

// Check connects to the mail server and logs in, as for a mail, and sends none.
func (c *Channel) Check(ctx context.Context) error {
	call := &call{config: c.Config}
	defer context.AfterFunc(ctx, call.end)()
	client, err := c.dialer(call)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("mail server %s:%d did not answer in time", c.Config.Host, c.Config.Port)
	case err != nil:
		return c.explain(err)
	}
	defer client.CloseWithSMTPClient(conn) //nolint:errcheck // it has answered, which is all that was asked
	return nil
}

// explain returns err with the name of the server. Once all of the mail was sent, a missing answer
// may mean that the server accepted it (RFC 5321, 4.5.3.2.6 and 6.1): that is an Unclear Failure.
func (c *Channel) explain(err error) error {
	server := fmt.Sprintf("mail server %s:%d", c.Config.Host, c.Config.Port)
	if e, ok := errors.AsType[*gomail.SendError](err); ok && e.Reason == gomail.ErrSMTPDataClose && e.ErrorCode() == 0 {
		return &notify.Failure{Unclear: true, Err: fmt.Errorf("%s received the whole mail and did not confirm within %s that it accepts it: %w", server, c.Config.accept(), err)}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not finish within %s", server, c.Config.Timeout)
	}
	return fmt.Errorf("%s: %w", server, err)
}

func (c *Channel) compose(m notify.Message, handOver func()) (*gomail.Msg, error) {
	data, err := c.Data(m.Approval, m.Approver, m.To)
	if err != nil {
		return nil, err
	}
	data.News = string(m.Kind)
	render := c.Set.Mail
	switch m.Kind {
	case notify.Decided:
		render = c.Set.Outcome
	case notify.RunEnded:
		render = c.Set.RunEnded
	case notify.Commented:
		render = c.Set.Comment
	case notify.Opened, notify.Reminder, notify.Escalated:
	}
	body, err := render(data)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg()
	if err := msg.From(c.Config.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(body.Subject)
	// The same each time: a mail that had to be sent twice is one to mail readers.
	msg.SetMessageIDWithValue(m.ID + "@" + c.domain())
	msg.SetDateWithValue(c.Now())
	// All mails about one Approval are one thread, whichever came first.
	thread := "<approval-" + approvals.Digest("thread", m.Approval.UID)[:32] + "@" + c.domain() + ">"
	if m.Earlier != "" && m.Earlier != m.ID {
		answered := "<" + m.Earlier + "@" + c.domain() + ">"
		msg.SetGenHeader(gomail.HeaderInReplyTo, answered)
		thread += " " + answered
	}
	msg.SetGenHeader(gomail.HeaderReferences, thread)
	msg.SetGenHeader("Content-Language", body.Language)
	// Nobody's absence note should answer.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, body.Text)
	msg.AddAlternativeWriter(gomail.TypeTextHTML, func(w io.Writer) (int64, error) {
		handOver() // it is the last part
		n, err := io.WriteString(w, body.HTML)
		return int64(n), err
	})
	return msg, nil
}

func (c *Channel) dialer(call *call) (*gomail.Client, error) {
	opts := []gomail.Option{gomail.WithPort(c.Config.Port), gomail.WithTimeout(c.Config.Timeout + c.Config.accept())}
	switch c.Config.TLS {
	case Implicit:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic)) // what is dialed is TLS already
	case NoTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.Config.Username != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(c.Config.Username), gomail.WithPassword(string(c.Config.Password)))
	}
	roots, err := cafile.Only(c.Config.CAFile)
	if err != nil {
		return nil, fmt.Errorf("smtp.caFile: %w", err)
	}
	trust := &tls.Config{ServerName: c.Config.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	opts = append(opts, gomail.WithTLSConfig(trust), gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := call.dial(ctx, network, address)
		if err != nil || c.Config.TLS != Implicit {
			return conn, err
		}
		encrypted := tls.Client(conn, trust)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return encrypted, nil
	}))
	return gomail.NewClient(c.Config.Host, opts...)
}

// domain is the part behind the @ of our message ids.
func (c *Channel) domain() string {
	if a, err := mail.ParseAddress(c.Config.From); err == nil {
		if _, d, ok := strings.Cut(a.Address, "@"); ok {
			return d
		}
	}
	return "countersign.invalid"
}
