package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// ListPreview is a prepared case of a page with many approvals.
type ListPreview struct {
	Name string // a slug
	List List
}

// ListPreviews is every state that such a page has to show.
func ListPreviews() []ListPreview {
	return []ListPreview{
		{"board", board()},
		{"board-empty", List{
			Here: "board", Person: "bob@example.com", Filter: &Filter{Namespace: "shop", Gate: "production", Text: "1.5", Sort: "newest", Mine: true}, Live: true, Now: previewNow, Base: "/countersign",
			Sections: []Section{{Title: "Pending", Empty: "Nothing matches this filter."}},
		}},
		{"board-hostile", hostileBoard()},
		{"mine", myList()},
	}
}

func board() List {
	soon, open := with(pending(), short).Approval, with(pending(), opening).Approval
	soon.Name, soon.Namespace = "release-4q6wz8n2k3xd", "shop"
	return List{
		Display: func(name string) string { return map[string]string{"alice@example.com": "Alice Liddell"}[name] },
		Here:    "board", Person: "bob@example.com", Filter: &Filter{}, Live: true, Now: previewNow, Bulk: true, Turn: 1, Namespaces: []string{"demo", "shop"}, Gates: []string{"production", "staging"},
		Trouble: "We couldn't check your access in 2 namespaces. Reload in a moment.",
		Sections: []Section{{Title: "Pending", Total: 1240, Before: 100, Next: "/?after=2026-03-01T10%3A00%3A00Z_shop%2Fa", First: "/", Items: []Item{
			{Approval: soon, Mine: true},
			item(with(quorum(), oneVote, mine, discussed)),
			{Approval: event().Approval},
			{Approval: with(pending(), blocked).Approval},
			{Approval: open},
		}}},
	}
}

func myList() List {
	return List{
		Here: "mine", Person: "bob@example.com", Now: previewNow, Bulk: true, Turn: 1,
		Sections: []Section{
			{Title: "Your turn", Total: 1, Items: []Item{{Approval: pending().Approval, Mine: true}}},
			{Title: "Decided by me", Total: 3, Items: []Item{
				item(with(quorum(), oneVote, mine)), item(with(pending(), rejected)), item(with(quorum(), approved, running, runEnded(approvals.RunFailed))),
			}},
		},
	}
}

func item(d Data) Item {
	i := Item{Approval: d.Approval, Vote: d.MyVote}
	for _, v := range d.Approval.Votes {
		if v.Voter == "bob@example.com" {
			i.Vote = &v
		}
	}
	return i
}

// hostileBoard has names and texts as nobody nice types them, and too many.
func hostileBoard() List {
	const attack = "\"><script>alert(1)</script>\u202e"
	a := hostile().Approval
	a.Namespace, a.Trigger = "shop", attack
	vote := approvals.Vote{Voter: attack, Verdict: approvals.Reject, Comment: strings.Repeat(attack+"\n", 50), At: previewNow.Add(-time.Minute), AuthMethod: approvals.AuthLogin}
	items := make([]Item, maxItems+3)
	for i := range items {
		items[i] = Item{Approval: pending().Approval}
	}
	return List{
		Here: "board", Person: attack, Filter: &Filter{Namespace: attack, Gate: attack, Text: attack, Sort: attack}, Bulk: true, Namespaces: []string{attack}, Gates: []string{attack}, Live: true, Trouble: attack, Now: previewNow,
		Sections: []Section{{Title: "Pending", Total: 1, Items: []Item{{Approval: a, Vote: &vote}}, First: "/?after=" + attack}, {Title: "Many", Total: len(items), Items: items}},
	}
}
