package templates

import (
	"strings"
	"testing"
)

// TestDiscussion: who asked for changes is said at the top, with the way to what they wrote; who may
// take part has a form that needs no script, and nobody else has one.
func TestDiscussion(t *testing.T) {
	s := newSet(t)
	for name, c := range map[string]struct {
		change           []func(*Data)
		form, ask, wants bool
	}{
		"an approver":       {[]func(*Data){oneVote, discussed}, true, true, true},
		"the requester":     {[]func(*Data){oneVote, discussed, loggedIn, asRequester}, true, false, true},
		"a reader":          {[]func(*Data){discussed, func(d *Data) { d.MayComment, d.MayAskForChanges = false, false }}, false, false, true},
		"after the end":     {[]func(*Data){discussed, approved, func(d *Data) { d.MayComment, d.MayAskForChanges = false, false }}, false, false, false},
		"nobody has spoken": {[]func(*Data){func(d *Data) { d.MayComment = true }}, true, false, false},
	} {
		html := page(t, s, with(quorum(), c.change...))
		for what, want := range map[string]bool{`name="say"`: c.form, `value="needs-changes"`: c.ask, `id="wanted"`: c.wants} {
			if strings.Contains(html, what) != want {
				t.Errorf("%s: %s is there: %t, want %t", name, what, !want, want)
			}
		}
	}
	d := with(quorum(), oneVote, discussed)
	html := page(t, s, d)
	if top := strings.Index(html, "erin@example.com asked for changes."); top < 0 || top > strings.Index(html, `id="decide"`) {
		t.Error("that changes are wanted stands behind the buttons")
	}
	if !strings.Contains(html, "<b>alice@example.com</b> <span class=\"quiet called\" dir=\"auto\">Alice Liddell</span>") {
		t.Error("the display name does not stand behind the proved one")
	}
	d.Link = "https://approve.example.com/links/x"
	m, err := s.Comment(d)
	if err != nil {
		t.Fatal(err)
	}
	if want := "erin@example.com asked for changes: "; !strings.HasPrefix(m.Subject, want) {
		t.Errorf("the subject is %q, want %q at its beginning", m.Subject, want)
	}
	for what, text := range map[string]string{"text": m.Text, "HTML": m.HTML} {
		for _, want := range []string{"서브넷 크기가 너무 작습니다", "needs changes", "No, they moved last week", d.Link} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s lacks %q", what, want)
			}
		}
	}
	d.News = "commented"
	if c := NewCard(d); c.Tone != Warns || !strings.HasPrefix(c.Title, "erin@example.com asked for changes: ") || len(c.Facts) != 3 || len(c.Answer().Facts) != 3 {
		t.Errorf("the card: %+v", c)
	}
}
