package templates

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Bulk is the page that decides several Approvals: what would start, or, once it is Done,
// what became of each.
type Bulk struct {
	Person, Base, Comment, Trouble string
	Items                          []BulkItem
	Done                           bool
	Language                       string // the reader's, "" for English
	Now                            time.Time
}

// BulkItem is one of several.
type BulkItem struct {
	Approval approvals.Approval
	Key      string // what the form sends of it
	May      bool   // Person may decide it; WhyNot says why not
	WhyNot   string
	// NoApproval is the reason why Person may reject it but not approve it here, "" for none.
	NoApproval string
	Result     string // of the vote, once it is Done
}

type bulkView struct {
	Page
	Title, Trouble, Comment string
	MaxComment              int
	Done                    bool
	Items                   []bulkItemView
	CanApprove, CanReject   int
	CommentFor              string
	Failed                  int
}

type bulkItemView struct {
	itemView
	Key, WhyNot, NoApproval, Result string
	May                             bool
	Then                            string // what an approval brings about
}

func newBulkView(b Bulk) bulkView {
	r := newReader(b.Now, b.Language)
	v := bulkView{
		Page:  Page{Recipient: line(b.Person), Session: true, Base: drop(b.Base), Here: "bulk", Now: stamp(b.Now)},
		Title: r.n(len(b.Items), "Decide %d approval", "Decide %d approvals"), Trouble: r.sentence(b.Trouble),
		Comment: drop(first(b.Comment, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment, Done: b.Done,
	}
	if b.Done {
		v.Title = r.t("Your decisions")
	}
	l := List{Base: b.Base, Now: b.Now}
	for _, x := range b.Items {
		i := bulkItemView{itemView: newItem(Item{Approval: x.Approval}, l, r, &room{}), Key: drop(x.Key), WhyNot: r.sentence(x.WhyNot), NoApproval: r.sentence(x.NoApproval), Result: r.sentence(x.Result), May: x.May}
		i.Then = r.thenOf(x.Approval, i.Trigger)
		switch {
		case !x.May:
			v.Failed++
		case x.NoApproval == "":
			v.CanApprove, v.CanReject = v.CanApprove+1, v.CanReject+1
		default:
			v.CanReject++
		}
		if t := x.Approval.Resolved; t != nil && x.May {
			switch t.Policy.Comment {
			case approvals.CommentRequired:
				v.CommentFor = "vote"
			case approvals.CommentRequiredOnReject:
				if v.CommentFor == "" {
					v.CommentFor = "rejection"
				}
			case approvals.CommentOptional, "":
			}
		}
		v.Items = append(v.Items, i)
	}
	return v
}

// thenOf returns a sentence about the effect of the reader's approval, "" when a is not pending.
func (p *printer) thenOf(a approvals.Approval, trigger string) string {
	t := a.Resolved
	if t == nil || a.Decided() {
		return ""
	}
	if n := approvals.Missing(a); n > 1 {
		return p.n(n-1, "After yours, %d more approval needed.", "After yours, %d more approvals needed.")
	}
	switch {
	case a.Source.Task != nil:
		return line(p.t("Run %s continues.", a.Source.Task.Run.Name))
	case t.Target != nil:
		return line(p.t("It %s.", p.does(*t.Target, true)))
	case t.Policy.Releases(approvals.Approved):
		return p.t("Starts %s right away.", trigger)
	}
	return p.t("Nothing starts. The approval is recorded.")
}
