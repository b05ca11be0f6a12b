package templates

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCard: cards of every approval have bounded, visible lines.
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
			for _, f := range append(c.Facts, Fact{Name: c.Title, Value: c.State}) {
				for _, s := range []string{f.Name, f.Value} {
					if s == "" || utf8.RuneCountInString(s) > maxFact+60 || strings.ContainsFunc(s, deceptive) || strings.Contains(s, "\n") {
						t.Errorf("%s, %s: %q", p.Name, event, s)
					}
				}
			}
		}
	}
}

// TestCardGolden holds every card to one golden file.
func TestCardGolden(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, p := range Previews() {
		if p.Name == "hostile" {
			continue // its values fill pages; TestCard reads it
		}
		events := []string{"decided"}
		if !p.Data.Approval.Decided() {
			events = []string{"opened"}
		}
		if p.Name == "pending" {
			events = append(events, "reminder", "escalated")
		}
		for _, event := range events {
			d := p.Data
			d.News = event
			c := NewCard(d)
			all.WriteString("## " + p.Name + ", " + event + "\n" + c.Title + "\n")
			for _, l := range append(append([]string{c.Sum}, c.Lines...), c.More, c.Confirm) {
				if l != "" {
					all.WriteString("  | " + l + "\n")
				}
			}
			for _, f := range c.Facts {
				all.WriteString("  " + f.Name + ": " + f.Value + "\n")
			}
		}
	}
	golden(t, "cards.txt", all.String())
}

// TestOutcomeMail: the mail about the outcome goes to the requester, too, so it has no link that
// proves anybody.
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
			if e.attrs["href"] != "" && (p.Data.ByLink || e.attrs["href"] != p.Data.Link) {
				t.Errorf("%s: a link to %s", p.Name, e.attrs["href"])
			}
		}
		if strings.IndexFunc(m.Subject+m.Text+m.HTML, deceptive) >= 0 || strings.ContainsAny(m.Subject, "\r\n") || p.Data.ByLink && strings.Contains(m.Text+m.HTML, p.Data.Link) {
			t.Errorf("%s: %q\n%s", p.Name, m.Subject, m.Text)
		}
	}
	m, err := s.Outcome(preview(t, "rejected"))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{m.Text, m.HTML} {
		for _, want := range []string{"bob@example.com", "during business hours"} {
			if !strings.Contains(body, want) {
				t.Errorf("%q is missing in\n%s", want, body)
			}
		}
	}
}

// TestMailOfEvents holds reminders and escalations to their golden files. A channel
// that has no recipient gets no words about a personal link.
func TestMailOfEvents(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	for _, event := range []string{"reminder", "escalated"} {
		d := preview(t, "pending")
		d.News, d.Recipient = event, ""
		m := mail(t, s, d)
		if strings.Contains(m.Text+m.HTML, "personal") {
			t.Errorf("%s: a mail to nobody in particular speaks of a personal link:\n%s", event, m.Text)
		}
		golden(t, "pending."+event+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
	}
}
