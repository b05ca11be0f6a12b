package templates

import (
	"strings"
	"testing"
	"time"
)

// TestTimeZone: messages have the times of the zone that they are given, and pages those of UTC,
// which a script shows in the reader's own.
func TestTimeZone(t *testing.T) {
	s := newSet(t)
	d := pending()
	if d.Zone = zone(t, "Asia/Seoul"); !strings.Contains(mail(t, s, d).Text, "KST") || strings.Contains(mail(t, s, d).Text, "UTC") {
		t.Errorf("the mail has other times than Seoul's:\n%s", mail(t, s, d).Text)
	}
	at := d.Approval.Deadline().In(d.Zone).Format("Mon 2 Jan 2006, 15:04 KST")
	if !strings.Contains(mail(t, s, d).HTML, at) {
		t.Errorf("the mail lacks the deadline, %s", at)
	}
	for _, f := range NewCard(d).Facts {
		if !f.At.IsZero() && !strings.HasSuffix(f.Value, "KST") {
			t.Errorf("the card's %s is %q", f.Name, f.Value)
		}
	}
	d.Zone = zone(t, "Asia/Kathmandu") // which has no letters
	if text := mail(t, s, d).Text; !strings.Contains(text, "+0545") {
		t.Errorf("the mail does not say how far Kathmandu is from UTC:\n%s", text)
	}
	if d.Zone = nil; !strings.Contains(mail(t, s, d).Text, "UTC") {
		t.Error("without a zone the mail has other times than UTC's")
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}
