// Package email sends the request to decide as a mail with a signed link.
package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/templates"
)

// Channel sends mails over SMTP.
type Channel struct {
	Config Config
	// Data is what the templates are given for one message, link included.
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
	ctx, cancel := context.WithTimeoutCause(ctx, c.Config.Timeout, fmt.Errorf("mail server %s:%d did not finish within %s", c.Config.Host, c.Config.Port, c.Config.Timeout))
	defer cancel()
	msg, err := c.compose(m)
	if err != nil {
		return err
	}
	client, err := c.dialer()
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return fmt.Errorf("mail server %s:%d: %w", c.Config.Host, c.Config.Port, err)
	}
	return nil
}

func (c *Channel) compose(m notify.Message) (*gomail.Msg, error) {
	data, err := c.Data(m.Approval, m.Approver, m.To)
	if err != nil {
		return nil, err
	}
	data.News = string(m.Kind)
	render := c.Set.Mail
	if m.Kind == notify.Decided {
		render = c.Set.Outcome
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
	// Nobody's absence note should answer.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, body.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, body.HTML)
	return msg, nil
}

func (c *Channel) dialer() (*gomail.Client, error) {
	opts := []gomail.Option{gomail.WithPort(c.Config.Port), gomail.WithTimeout(c.Config.Timeout)}
	switch c.Config.TLS {
	case Implicit:
		opts = append(opts, gomail.WithSSL())
	case NoTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.Config.Username != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(c.Config.Username), gomail.WithPassword(string(c.Config.Password)))
	}
	if c.Config.CAFile != "" {
		pem, err := os.ReadFile(c.Config.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("smtp.caFile %s has no certificate", c.Config.CAFile)
		}
		opts = append(opts, gomail.WithTLSConfig(&tls.Config{ServerName: c.Config.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}))
	}
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
