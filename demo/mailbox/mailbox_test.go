package mailbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"
)

const multipart = "From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n" +
	"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nlink: http://l=\r\nocalhost/x\r\n" +
	"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>hello\r\n--x--\r\n"

// start serves on free ports until the test ends.
func start(t *testing.T) (s *Server, smtpAddr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	smtpAddr = l.Addr().String()
	closing(l)
	s = &Server{Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx, smtpAddr, "127.0.0.1:0") // that it was ended
	}()
	t.Cleanup(func() { cancel(); <-ended })
	for range 3000 { // a minute
		if c, err := net.DialTimeout("tcp", smtpAddr, time.Second); err == nil {
			closing(c)
			return s, smtpAddr
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("SMTP does not come up")
	return nil, ""
}

func get(t *testing.T, s *Server, path string) (status int, header http.Header, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Header(), w.Body.String()
}

func TestMailIsTakenAndShown(t *testing.T) {
	s, addr := start(t)
	if err := smtp.SendMail(addr, nil, "a@example.com", []string{"b@example.com"}, []byte(multipart)); err != nil {
		t.Fatal(err)
	}
	_, _, body := get(t, s, "/api/mails")
	var mails []Mail
	if err := json.Unmarshal([]byte(body), &mails); err != nil || len(mails) != 1 {
		t.Fatalf("%d mails, %v: %s", len(mails), err, body)
	}
	m := mails[0]
	if m.Subject != "Grüße" || m.MessageID != "1@example.com" || m.To[0] != "b@example.com" || strings.TrimSpace(m.Text) != "link: http://localhost/x" {
		t.Errorf("read as %+v", m)
	}
	_, header, page := get(t, s, "/mails/1")
	if strings.TrimSpace(page) != "<p>hello" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("shown as %q with %q", page, header)
	}
	if _, _, text := get(t, s, "/mails/1?text"); !strings.Contains(text, "link: http") {
		t.Errorf("as text: %q", text)
	}
	if status, _, _ := get(t, s, "/mails/2"); status != http.StatusNotFound {
		t.Errorf("a mail that is not there: %d", status)
	}
}

func TestOnlyTheLastMailsAreKept(t *testing.T) {
	var s Server
	for range maxMails + 5 {
		s.keep(Mail{})
	}
	if all := s.all(); len(all) != maxMails || all[0].ID != 6 {
		t.Errorf("%d kept, the first is %d", len(all), all[0].ID)
	}
}

func TestSubjectsAreEscapedInTheList(t *testing.T) {
	var s Server
	s.keep(Mail{Subject: "<script>alert(1)</script>"})
	if _, _, page := get(t, &s, "/"); strings.Contains(page, "<script>") {
		t.Error(page)
	}
}
