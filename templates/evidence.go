package templates

import (
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// Evidence is one piece of evidence as a page or a message is given it.
type Evidence struct {
	Item evidence.Item
	// Text is all of it; "" where it was not read.
	Text string
	// Unread says that it could not be read just now. Item.Message says why.
	Unread bool
	// Link is the path of the bytes themselves, "" when there is none.
	Link string
}

// EvidenceView is a piece of evidence as it is shown.
type EvidenceView struct {
	Name, Size, Format string
	Digest             Short
	State              string // as evidence.State
	Trouble            string // why it is not shown, "" when it is
	Note               string // what to know about it
	Output             *Output
	Link               string
}

func (v *View) evidence(e Evidence, room *room) EvidenceView {
	item := EvidenceView{
		Name: line(e.Item.Name), Size: evidence.Bytes(e.Item.Size), Format: string(e.Item.Format), Digest: newShort(e.Item.SHA256), State: string(e.Item.State),
		Link: drop(e.Link),
	}
	if e.Item.State != evidence.Present || e.Unread {
		item.Trouble = sentence(e.Item.Message)
		return item
	}
	item.Note = sentence(e.Item.Message)
	if e.Text != "" {
		o, sum := newOutput(approvals.Param{Name: e.Item.Name, Value: e.Text}, report.Format(e.Item.Format), room)
		o.Link = item.Link
		v.sums, v.Unseen = append(v.sums, sum), append(v.Unseen, o.Unseen()...)
		item.Output = &o
	}
	return item
}
