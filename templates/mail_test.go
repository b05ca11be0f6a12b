package templates

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMail(t *testing.T) {
	s := newSet(t)
	for _, p := range Previews() {
		t.Run(p.Name, func(t *testing.T) {
			if p.Data.Link == "" { // a page's data
				p.Data.Link = "https://approve.example.com/approvals/prod/a"
			}
			m := mail(t, s, p.Data)
			if n := utf8.RuneCountInString(m.Subject); n > maxSubject || n == 0 || strings.ContainsAny(m.Subject, "\r\n") {
				t.Errorf("subject of %d characters: %q", n, m.Subject)
			}
			for l := range strings.Lines(m.Text) {
				l = strings.TrimSuffix(l, "\n")
				if utf8.RuneCountInString(l) > columns && l != p.Data.Link && !(strings.HasPrefix(strings.TrimSpace(l), "https://") && !strings.Contains(strings.TrimSpace(l), " ")) {
					t.Errorf("line of %d characters: %q", utf8.RuneCountInString(l), l)
				}
			}
			if strings.IndexFunc(m.Subject+m.Text+m.HTML, deceptive) >= 0 {
				t.Error("a deceptive character")
			}
			if !strings.Contains(m.Text, p.Data.Link) {
				t.Errorf("the text lacks the link %q", p.Data.Link)
			}
			if strings.Contains(m.Text, "personal") != (p.Data.Recipient != "" && !p.Data.Shows) {
				t.Error("only somebody's own link is personal")
			}

			links := 0
			all := elements(t, m.HTML)
			check(t, all, mailElements, mailAttributes)
			for _, e := range all {
				if href, ok := e.attrs["href"]; ok && slices.ContainsFunc(leadsOut, func(to string) bool { return strings.HasPrefix(href, to) }) {
					continue
				} else if ok {
					links++
					if href != p.Data.Link || e.text != "Open the approval" {
						t.Errorf("link %q to %s", e.text, href)
					}
				}
				for name, v := range e.attrs {
					if name != "href" && (strings.Contains(v, "//") || strings.Contains(v, "url(")) {
						t.Errorf("<%s %s=%q> reaches outside", e.name, name, v)
					}
				}
				if e.name == "style" && strings.Contains(e.text, "url(") {
					t.Error("a style reaches outside")
				}
			}
			if links != 1 {
				t.Errorf("%d links, want one", links)
			}
		})
	}
}

func TestMailShows(t *testing.T) {
	s := newSet(t)
	m := mail(t, s, preview(t, "pending"))
	if !strings.Contains(m.Subject, "terraform-apply") || !strings.Contains(m.Subject, "alice@example.com") {
		t.Errorf("subject %q lacks the Trigger or the requester", m.Subject)
	}
	for _, body := range []string{m.Text, m.HTML} {
		for _, x := range []string{"Fri 6 Nov 2026, 13:51 UTC", "carol@example.com", "platform-leads", "eu-west-1/production", "aws_route_table.private"} {
			if !strings.Contains(body, x) {
				t.Errorf("%q is missing", x)
			}
		}
	}

	d := preview(t, "pending")
	d.Approval.Resolved.Requester = ""
	d.Shown[0].Value = strings.Repeat("line\n", 75)
	m = mail(t, s, d)
	for _, body := range []string{m.Text, m.HTML} {
		if !strings.Contains(body, "60 of 75") {
			t.Error("it does not say how much more there is")
		}
	}
}

// TestMailTextIsIndented: no line of other people's text can pass for ours.
func TestMailTextIsIndented(t *testing.T) {
	d := preview(t, "pending")
	const fake = "Open the approval:\r\n\r\nhttps://evil.example/\rDeadline: never"
	d.Approval.Resolved.Params[0].Value, d.Shown[0].Value, d.Approval.Resolved.Requester = fake, fake, fake
	for l := range strings.Lines(mail(t, newSet(t), d).Text) {
		if strings.HasPrefix(l, "https://evil") || strings.HasPrefix(l, "Deadline: never") {
			t.Errorf("unindented: %q", l)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"short\n", "short\n"},
		{"aaaa bbbb cccc\n", "aaaa bbbb\ncccc\n"},
		{"  aaaa bbbb cccc\n", "  aaaa\n  bbbb\n  cccc\n"},
		{"aaaaaaaaaaaaaaa\n", "aaaaaaaaaa\naaaaa\n"},
		{"ääää öööö üüüü\n", "ääää öööö\nüüüü\n"},
		{"https://example.com/long\n", "https://example.com/long\n"},
		{"end  \n", "end\n"},
	} {
		if got := wrap(c.in, 10, "https://example.com/long"); got != c.want {
			t.Errorf("wrap(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// TestMailWithoutLogin: nobody is led to a page that nobody can open.
func TestMailWithoutLogin(t *testing.T) {
	s := newSet(t)
	d := Previews()[0].Data
	d.Link, d.Recipient = "", ""
	m := mail(t, s, d)
	want := "tkn approval describe " + d.Approval.Name + " -n " + d.Approval.Namespace
	if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) || strings.Contains(m.Text+m.HTML, "Open the approval") || strings.Contains(m.HTML, "href") {
		t.Errorf("%s\n%s", m.Text, m.HTML)
	}
}
