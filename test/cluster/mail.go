package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// Mail is one mail that was taken.
type Mail struct {
	To        string
	MessageID string
	Subject   string
	Text      string
	HTML      string
}

var linkIn = regexp.MustCompile(`https?://\S+/links/[\w.-]+`)

// Link is the signed link in the text part.
func (m Mail) Link() string { return linkIn.FindString(m.Text) }

// Mailbox is a real SMTP server that the service under test sends to.
type Mailbox struct {
	mu    sync.Mutex
	mails []Mail
	taken func(Mail)
}

// OnTaken sets what is called for each mail when the sender has been sent its 250.
func (m *Mailbox) OnTaken(f func(Mail)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken = f
}

// listen serves SMTP on address for as long as the program runs.
func listen(address string) (*Mailbox, error) {
	m := &Mailbox{}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: m}, nil }))
	s.Domain = "mail.test"
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	s.MaxMessageBytes = 1 << 20
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	go func() { _ = s.Serve(l) }()
	return m, nil
}

// To returns the mails to one address, oldest first.
func (m *Mailbox) To(address string) []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Mail
	for _, x := range m.mails {
		if x.To == address {
			out = append(out, x)
		}
	}
	return out
}

type session struct {
	box  *Mailbox
	to   []string
	done []Mail
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}
func (s *session) Reset() { s.to = nil }

// Logout comes with the sender's QUIT, which follows our 250.
func (s *session) Logout() error {
	s.box.mu.Lock()
	f := s.box.taken
	s.box.mu.Unlock()
	for _, m := range s.done {
		if f != nil {
			f(m)
		}
	}
	s.done = nil
	return nil
}

func (s *session) Data(r io.Reader) error {
	m, err := ReadMail(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		m.To = to
		s.box.mu.Lock()
		s.box.mails = append(s.box.mails, m)
		s.done = append(s.done, m)
		s.box.mu.Unlock()
	}
	return nil
}

// ReadMail reads a mail as it came; to whom it went is not in it.
func ReadMail(r io.Reader) (m Mail, err error) {
	mr, err := mail.CreateReader(r)
	if err != nil {
		return m, err
	}
	if m.MessageID, err = mr.Header.MessageID(); err != nil {
		return m, err
	}
	if m.Subject, err = mr.Header.Subject(); err != nil {
		return m, err
	}
	for {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		b, err := io.ReadAll(p.Body)
		if err != nil {
			return m, err
		}
		h, ok := p.Header.(*mail.InlineHeader)
		if !ok {
			continue // an attachment
		}
		if kind, _, _ := h.ContentType(); kind == "text/html" {
			m.HTML = string(b)
		} else {
			m.Text = string(b)
		}
	}
}
