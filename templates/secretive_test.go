package templates

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// TestSecretsAreConcealed: no page or message has a value with the name of a secret, and each has the
// note that replaces it.
func TestSecretsAreConcealed(t *testing.T) {
	const value = "hunter2-correct-horse"
	d := preview(t, "pending")
	secret := approvals.Param{Name: "db-password", Value: value}
	d.Approval.Resolved.Params = append([]approvals.Param{secret}, d.Approval.Resolved.Params...)
	d.Approval.Source.Params = append(d.Approval.Source.Params, secret)
	d.Approval.Source.Results = append(d.Approval.Source.Results, approvals.Param{Name: "apiToken", Value: value}, approvals.Param{Name: "emptyToken"})
	filled := []approvals.Param{{Name: "registry-token", Value: value}}
	d.Approval.Votes = append(d.Approval.Votes, approvals.Vote{Voter: "zoe", Verdict: approvals.Approve, At: d.Now, Inputs: filled})
	s := newSet(t)
	h := historyPage(t, s, History{Now: d.Now, Lines: []HistoryLine{{At: d.Now, Kind: "voted", Person: "zoe at eu-west-1/production", Inputs: filled}}})
	m, c := mail(t, s, d), NewCard(d)
	var card strings.Builder
	for _, f := range c.Facts {
		card.WriteString(f.Name + "=" + f.Value + "\n")
	}
	for where, text := range map[string]string{"the page": page(t, s, d), "the mail": m.Text, "the mail's HTML": m.HTML, "a room's card": card.String(), "the history": h} {
		if strings.Contains(text, value) || strings.Contains(text, value[:8]) {
			t.Errorf("%s has it", where)
		}
		if !strings.Contains(strings.Join(strings.Fields(text), " "), "(not shown: its name") || !strings.Contains(text, "eu-west-1/production") {
			t.Errorf("%s does not say so, or leaves out the rest:\n%s", where, text)
		}
	}
	if got := strings.Count(page(t, s, d), concealed(printerOf(English))); got != 4 {
		t.Errorf("%d are concealed, want what is forwarded, a param, a result and what was filled in", got)
	}
}
