package templates

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCard: whatever waits, a room is told in bounded, visible lines.
func TestCard(t *testing.T) {
	t.Parallel()
	for _, p := range Previews() {
		for _, event := range []string{"opened", "reminder", "escalated", "decided"} {
			d := p.Data
			d.News = event
			c := NewCard(d)
			if n := len(c.Facts); n == 0 || n > 40 {
				t.Errorf("%s, %s: %d facts", p.Name, event, n)
			}
			for _, f := range append(c.Facts, Fact{c.Title, c.State}) {
				for _, s := range []string{f.Name, f.Value} {
					if s == "" || utf8.RuneCountInString(s) > maxFact+60 || strings.ContainsFunc(s, deceptive) || strings.Contains(s, "\n") {
						t.Errorf("%s, %s: %q", p.Name, event, s)
					}
				}
			}
		}
	}
}

func TestCardSays(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		"opened": "Approve terraform-apply (demo)?", "reminder": "Reminder: approve terraform-apply (demo)?", "escalated": "Nobody has decided: approve terraform-apply (demo)?",
	} {
		d := preview(t, "pending")
		d.News = event
		if got := NewCard(d).Title; got != want {
			t.Errorf("%s: %q, want %q", event, got, want)
		}
	}
	c := NewCard(preview(t, "rejected"))
	var all strings.Builder
	for _, f := range c.Facts {
		all.WriteString(f.Name + ": " + f.Value + "\n")
	}
	for _, want := range []string{"Asked by: alice@example.com", "By: bob@example.com", "bob@example.com, rejected: This replaces the production subnet"} {
		if !strings.Contains(all.String(), want) || c.Title != "Rejected: terraform-apply (demo)" {
			t.Errorf("%q lacks %q:\n%s", c.Title, want, all.String())
		}
	}
}

// TestOutcomeMail says how it ended, to whoever asked, without a link.
func TestOutcomeMail(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	for _, p := range Previews() {
		m, err := s.Outcome(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		all := elements(t, m.HTML)
		check(t, all, mailElements, mailAttributes)
		for _, e := range all {
			if e.attrs["href"] != "" {
				t.Errorf("%s: a link to %s", p.Name, e.attrs["href"])
			}
		}
		if strings.IndexFunc(m.Subject+m.Text+m.HTML, deceptive) >= 0 || strings.ContainsAny(m.Subject, "\r\n") || p.Data.Link != "" && strings.Contains(m.Text+m.HTML, p.Data.Link) {
			t.Errorf("%s: %q\n%s", p.Name, m.Subject, m.Text)
		}
	}
	m, err := s.Outcome(preview(t, "rejected"))
	if err != nil || m.Subject != "terraform-apply: rejected (demo)" {
		t.Errorf("%q, %v", m.Subject, err)
	}
	for _, body := range []string{m.Text, m.HTML} {
		for _, want := range []string{"bob@example.com", "during business hours", "No run starts."} {
			if !strings.Contains(body, want) {
				t.Errorf("%q is missing in\n%s", want, body)
			}
		}
	}
}

// TestMailOfEvents: a reminder and an escalation say so; whoever may not vote gets
// no words about a personal link.
func TestMailOfEvents(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	for event, want := range map[string][2]string{
		"reminder": {"Reminder: Approve terraform-apply?", "It still waits; it was opened 12 minutes ago."}, "escalated": {"Nobody has decided: Approve terraform-apply?", "Nobody has decided since it was opened"},
	} {
		d := preview(t, "pending")
		d.News, d.Recipient = event, ""
		m := mail(t, s, d)
		if !strings.HasPrefix(m.Subject, want[0]) || !strings.Contains(m.Text, want[1]) || !strings.Contains(m.HTML, want[1]) || strings.Contains(m.Text+m.HTML, "personal") {
			t.Errorf("%s: %q\n%s", event, m.Subject, m.Text)
		}
	}
}
