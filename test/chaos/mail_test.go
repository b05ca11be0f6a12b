//go:build chaos

package chaos

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/countersign-dev/countersign/test/chaos/check"
	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// mailbox is the mail server that the service sends to, and all mails to this run's people.
// It takes what was sent before the harness was told how the run is called, too.
type mailbox struct {
	mu     sync.Mutex
	cond   *sync.Cond
	out    *history.Writer
	domain string
	mails  []history.Mail
	last   int
	late   time.Duration // how long it takes for its answer behind the final dot
	srv    *smtp.Server
}

func openMailbox(ctx context.Context) (*mailbox, error) {
	m := &mailbox{}
	m.cond = sync.NewCond(&m.mu)
	return m, m.open(ctx)
}

// open begins to take connections, and shut refuses them.
func (m *mailbox) open(ctx context.Context) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: m}, nil }))
	s.Domain, s.ReadTimeout, s.WriteTimeout, s.MaxMessageBytes = "mail.test", time.Minute, time.Minute, 1<<20
	l, err := listen(ctx, cluster.MailAddress)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.srv = s
	m.mu.Unlock()
	go func() { _ = s.Serve(l) }()
	return nil
}

func (m *mailbox) shut() {
	m.mu.Lock()
	s := m.srv
	m.mu.Unlock()
	_ = s.Close()
}

// slow has the server answer so late behind the final dot. The mail is taken by then.
func (m *mailbox) slow(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.late = d
}

// keep has the mails to a namespace's people kept.
func (m *mailbox) keep(o *history.Writer, ns string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out, m.domain = o, history.Domain(ns)
}

func (m *mailbox) take(x history.Mail) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	x.ID = m.last
	if m.out != nil && slices.ContainsFunc(x.To, func(to string) bool { return strings.HasSuffix(to, "@"+m.domain) }) {
		m.mails = append(m.mails, x)
		m.out.Add(history.MailsFile, x)
		m.cond.Broadcast()
	}
	return m.late
}

// link waits for the token of the signed link that was mailed to somebody about an Approval.
func (m *mailbox) link(ctx context.Context, to, approval string) string {
	stop := context.AfterFunc(ctx, func() { m.mu.Lock(); m.cond.Broadcast(); m.mu.Unlock() })
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for seen := 0; ; {
		for ; seen < len(m.mails); seen++ {
			x := m.mails[seen]
			if token, of, _, _ := check.LinkOf(x.Text); of == approval && slices.Contains(x.To, to) {
				return token
			}
		}
		if ctx.Err() != nil {
			return ""
		}
		m.cond.Wait()
	}
}

type session struct {
	box *mailbox
	to  []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Reset() { s.to = nil }

func (s *session) Logout() error { return nil }

func (s *session) Data(r io.Reader) error {
	m, err := cluster.ReadMail(r)
	if err != nil {
		return err
	}
	time.Sleep(s.box.take(history.Mail{To: s.to, Received: time.Now().UTC(), MessageID: m.MessageID, Subject: m.Subject, Text: m.Text}))
	return nil
}
