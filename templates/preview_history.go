package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// HistoryPreview is a prepared case of the page that searches the audit log.
type HistoryPreview struct {
	Name    string // a slug
	History History
}

// HistoryPreviews is every state that this page has to show.
func HistoryPreviews() []HistoryPreview {
	search := Search{Namespace: "demo", Pipeline: "terraform-plan", From: "2026-11-01", To: "2026-11-06"}
	return []HistoryPreview{
		{"history", History{
			Person: "bob@example.com", Search: search, Lines: historyLines(), Now: previewNow,
			First: "/history?namespace=demo", Next: "/history?cursor=2026-11-05T13%3A51%3A00.000000Z_1&namespace=demo",
			CSV: "/history.csv?namespace=demo", JSONL: "/history.jsonl?namespace=demo",
		}},
		{"history-own", History{Person: "bob@example.com", Own: true, Now: previewNow, Base: "/countersign"}},
		{"history-off", History{Person: "bob@example.com", Off: true, Now: previewNow}},
		{"history-trouble", History{
			Person: "bob@example.com", Search: Search{From: "yesterday", Outcome: "Approved", Kind: "decided"}, Now: previewNow,
			Trouble: `from is "yesterday": use a date such as 2026-03-01, or one with a time as in RFC 3339`,
		}},
		{"history-hostile", hostileHistory()},
	}
}

// historyLines has one line of each kind.
func historyLines() []HistoryLine {
	const name = "terraform-apply-7k2px4mzq3ta"
	add := func(ago time.Duration, kind string, fill func(*HistoryLine)) HistoryLine {
		l := HistoryLine{
			At: previewNow.Add(-ago), Kind: kind, Namespace: "demo", Approval: name, Trigger: "terraform-apply",
			Pipeline: "terraform-plan", Run: "terraform-plan-x7k2p", Gate: "production",
		}
		fill(&l)
		return l
	}
	return []HistoryLine{
		add(time.Minute, "removed", func(l *HistoryLine) { l.Outcome = approvals.Approved }),
		add(time.Minute, "rerun", func(l *HistoryLine) {
			l.Outcome, l.Person, l.Comment, l.Next = approvals.Approved, "olga@example.com", "the subnet is free now", name
		}),
		add(time.Minute, "run-ended", func(l *HistoryLine) {
			l.Outcome, l.Next, l.RunOutcome, l.Error = approvals.Approved, name, approvals.RunFailed, "task apply: \"step-apply\" exited with code 1: Error"
		}),
		add(2*time.Minute, "released", func(l *HistoryLine) { l.Outcome, l.Next = approvals.Approved, name }),
		add(3*time.Minute, "notificationFailed", func(l *HistoryLine) {
			l.Person, l.Channel, l.Error = "dave@example.com", "email", "550 no such mailbox"
		}),
		add(3*time.Minute, "decided", func(l *HistoryLine) {
			l.Outcome, l.People = approvals.Approved, []string{"carol@example.com", "bob@example.com"}
		}),
		add(3*time.Minute, "voted", func(l *HistoryLine) {
			l.Person, l.For, l.Verdict, l.Comment = "bob@example.com", "erin@example.com", approvals.Approve, "Fine.\nErin is away."
			l.Inputs = []approvals.Param{{Name: "ticket", Value: "OPS-7"}}
		}),
		add(4*time.Minute, "voted", func(l *HistoryLine) {
			l.Person, l.Verdict, l.BreakGlass = "zoe@example.com", approvals.Approve, true
		}),
		add(5*time.Minute, "decided", func(l *HistoryLine) { l.Outcome, l.SupersededBy = approvals.Superseded, "terraform-apply-newer" }),
		add(6*time.Minute, "voted", func(l *HistoryLine) { l.Person, l.Verdict = "carol@example.com", approvals.Reject }),
		add(7*time.Minute, "notified", func(l *HistoryLine) { l.Person, l.Channel = "carol@example.com", "email" }),
		add(8*time.Minute, "resolved", func(l *HistoryLine) { l.Person = "alice@example.com" }),
		add(8*time.Minute, "opened", func(l *HistoryLine) { l.Gate = "" }),
	}
}

// hostileHistory has every text as nobody nice types it, and too many lines.
func hostileHistory() History {
	const attack = "\"><script>alert(1)</script>\u202e"
	l := HistoryLine{
		At: previewNow, Kind: attack, Namespace: attack, Approval: attack, Trigger: attack, Pipeline: attack, Run: attack, Gate: attack,
		Person: attack, For: attack, Comment: strings.Repeat(attack, 500), SupersededBy: attack, Channel: attack, Error: attack, Next: attack,
		Verdict: attack, Inputs: []approvals.Param{{Name: attack, Value: attack}}, Outcome: attack, People: []string{attack},
	}
	lines := []HistoryLine{l}
	for _, kind := range []string{"opened", "resolved", "notified", "voted", "decided", "notificationFailed", "released", "run-ended", "rerun", "removed"} {
		l.Kind, l.Comment = kind, attack
		lines = append(lines, l)
	}
	for range maxItems {
		lines = append(lines, HistoryLine{Kind: "opened", Namespace: "a", Approval: "b", Trigger: "c"})
	}
	return History{
		Person: attack, Lines: lines, Now: previewNow,
		Search: Search{attack, attack, attack, attack, attack, attack, attack, attack, attack},
		First:  "/history?" + attack, Next: "/history?x=" + attack, CSV: "/history.csv?" + attack, JSONL: "/history.jsonl?" + attack,
	}
}
