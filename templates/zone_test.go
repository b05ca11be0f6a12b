package templates

import (
	"fmt"
	"testing"
	"time"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestZones: times in the process's own zone, as those of the API server's objects are, appear in UTC
// on every page, mail and card.
func TestZones(t *testing.T) {
	s := newSet(t)
	told := func(d Data) map[string]string {
		m := mail(t, s, d)
		return map[string]string{"page": page(t, s, d), "mail": m.Subject + m.Text + m.HTML, "card": fmt.Sprint(NewCard(d))}
	}
	for _, p := range Previews() {
		want := told(p.Data)
		for where, got := range told(ct.InZone(p.Data, time.Local)) {
			if got != want[where] {
				t.Errorf("%s, %s: line %s", p.Name, where, firstDifference(got, want[where]))
			}
		}
	}
	for _, p := range ListPreviews() {
		if got, want := listPage(t, s, ct.InZone(p.List, time.Local)), listPage(t, s, p.List); got != want {
			t.Errorf("%s: line %s", p.Name, firstDifference(got, want))
		}
	}
	for _, p := range HistoryPreviews() {
		if got, want := historyPage(t, s, ct.InZone(p.History, time.Local)), historyPage(t, s, p.History); got != want {
			t.Errorf("%s: line %s", p.Name, firstDifference(got, want))
		}
	}
}
