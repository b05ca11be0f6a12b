package templates

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
)

// Mail is a message with its two renderings. Text has lines of at most 72
// characters, but for the link.
type Mail struct{ Subject, Text, HTML, Language string }

const (
	maxSubject = 120
	columns    = 72
)

// Mail renders the request mail for d.Recipient. d.Link is in it: anyone who reads
// the mail can vote as Recipient.
func (s *Set) Mail(d Data) (Mail, error) { return s.mail(d, "subject.txt", "mail.txt", "mail.html") }

// Outcome renders the mail about the decision. Its link leads to the page behind the login. A link
// that proves its reader is left out, because nothing is left to decide by it.
func (s *Set) Outcome(d Data) (Mail, error) {
	if d.News = "decided"; d.ByLink {
		d.Link = ""
	}
	return s.mail(d, "outcome-subject.txt", "outcome.txt", "outcome.html")
}

// RunEnded renders the mail about the end of the run that the outcome started. It has no link:
// nothing is left to decide.
func (s *Set) RunEnded(d Data) (Mail, error) {
	d.News, d.Link = approvals.EventRunEnded, ""
	return s.mail(d, "run-subject.txt", "run.txt", "run.html")
}

// Comment renders the mail about new comments without a vote.
func (s *Set) Comment(d Data) (Mail, error) {
	d.News = approvals.EventCommented
	return s.mail(d, "comment-subject.txt", "comment.txt", "comment.html")
}

func (s *Set) mail(d Data, subjectName, textName, htmlName string) (Mail, error) {
	v, e := newView(d, maxMail), s.in(d.Language)
	var subject, text, html bytes.Buffer
	if err := e.text.ExecuteTemplate(&subject, subjectName, v); err != nil {
		return Mail{}, fmt.Errorf("template %s: %w", subjectName, err)
	}
	if err := e.text.ExecuteTemplate(&text, textName, v); err != nil {
		return Mail{}, fmt.Errorf("template %s: %w", textName, err)
	}
	if err := e.html.ExecuteTemplate(&html, htmlName, v); err != nil {
		return Mail{}, fmt.Errorf("template %s: %w", htmlName, err)
	}
	return Mail{
		Subject: brief(subject.String(), maxSubject),
		Text:    wrap(text.String(), columns, v.Message.Link),
		HTML:    html.String(), Language: printerOf(d.Language).Tag,
	}, nil
}

// wrap breaks lines after width characters, at a space where there is one, and
// keeps their indentation. The line that is the link stays whole.
func wrap(s string, width int, link string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		l = strings.TrimRight(l, " \t\r\n")
		indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
		if len(indent) > width/2 {
			indent = "    "
		}
		for utf8.RuneCountInString(l) > width && (link == "" || strings.TrimSpace(l) != link) && !isLink(strings.TrimSpace(l)) {
			at := byteOf(l, width)
			if space := strings.LastIndexByte(l[:at+1], ' '); space > len(indent) && space > at/2 {
				at = space
			}
			b.WriteString(strings.TrimRight(l[:at], " ") + "\n")
			l = indent + strings.TrimLeft(l[at:], " ")
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

// isLink reports whether a line is a link and nothing else. Such a line is not wrapped, because half
// a link leads nowhere.
func isLink(l string) bool {
	return strings.HasPrefix(l, "https://") && !strings.Contains(l, " ")
}

// byteOf is the index of the n-th character of s.
func byteOf(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// indent puts n spaces before each line of s, so that no line of other people's
// text can look like one of ours.
func indent(n int, s string) string {
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(strings.ReplaceAll(s, "\r", "\n"), "\n", "\n"+pad)
}
