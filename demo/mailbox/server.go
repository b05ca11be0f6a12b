// Package mailbox is the demo's mail server: it takes mails over SMTP, keeps the
// last of them in memory and shows them over HTTP. It delivers nothing.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// Bounds on what is taken and kept.
const (
	maxMail  = 2 << 20
	maxMails = 100
)

// Mail is one mail to all its recipients.
type Mail struct {
	ID        int       `json:"id"`
	MessageID string    `json:"messageID"`
	From      string    `json:"from"`
	To        []string  `json:"to"`
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	HTML      string    `json:"html"`
	Received  time.Time `json:"received"`
}

// Server keeps mails. The zero value is ready.
type Server struct {
	Log *slog.Logger

	mu    sync.Mutex
	last  int
	mails []Mail // newest last
}

// Run serves SMTP and HTTP until ctx ends.
func (s *Server) Run(ctx context.Context, smtpAddr, httpAddr string) error {
	in := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	in.Addr, in.Domain = smtpAddr, "mail.countersign-demo.svc"
	in.MaxMessageBytes, in.MaxRecipients = maxMail, 50
	in.ReadTimeout, in.WriteTimeout = 30*time.Second, 30*time.Second
	out := &http.Server{
		Addr: httpAddr, Handler: s.handler(),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
	}
	failed := make(chan error, 2)
	go func() { failed <- fmt.Errorf("SMTP on %s: %w", smtpAddr, in.ListenAndServe()) }()
	go func() { failed <- fmt.Errorf("HTTP on %s: %w", httpAddr, out.ListenAndServe()) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, in.Close(), out.Close())
}

func (s *Server) keep(m Mail) Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	m.ID = s.last
	s.mails = append(s.mails, m)
	if len(s.mails) > maxMails {
		s.mails = s.mails[len(s.mails)-maxMails:]
	}
	return m
}

// session is one SMTP connection.
type session struct {
	server *Server
	from   string
	to     []string
}

var _ smtp.Session = (*session)(nil)

// Mail starts a mail.
func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

// Rcpt adds a recipient; any will do.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

// Reset forgets what was started.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the connection.
func (*session) Logout() error { return nil }

// Data reads a mail. One that can't be read is refused for good, with the reason.
func (s *session) Data(r io.Reader) error {
	m, err := read(r)
	if err != nil {
		s.server.Log.Warn("mail refused", "from", s.from, "error", err.Error())
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	m.From, m.To, m.Received = s.from, s.to, time.Now().UTC()
	m = s.server.keep(m)
	s.server.Log.Info("mail received", "id", m.ID, "to", m.To, "subject", m.Subject)
	return nil
}

// read takes the text and the HTML out of a mail.
func read(r io.Reader) (Mail, error) {
	mr, err := mail.CreateReader(io.LimitReader(r, maxMail))
	if err != nil {
		return Mail{}, fmt.Errorf("not a mail: %w", err)
	}
	defer closing(mr)
	var m Mail
	if m.Subject, err = mr.Header.Subject(); err != nil {
		return Mail{}, fmt.Errorf("subject: %w", err)
	}
	if m.MessageID, err = mr.Header.MessageID(); err != nil {
		return Mail{}, fmt.Errorf("message id: %w", err)
	}
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return Mail{}, fmt.Errorf("part: %w", err)
		}
		h, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		kind, _, err := h.ContentType()
		if err != nil {
			return Mail{}, fmt.Errorf("part: %w", err)
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return Mail{}, fmt.Errorf("part: %w", err)
		}
		switch kind {
		case "text/plain":
			m.Text = string(body)
		case "text/html":
			m.HTML = string(body)
		}
	}
}

// closing closes what was only read: nothing is lost when that fails.
func closing(c io.Closer) { _ = c.Close() }
