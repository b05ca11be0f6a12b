package templates

import (
	"slices"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// Evidence is one piece of evidence as a page or a message is given it.
type Evidence struct {
	Item evidence.Item
	// Text is all of it; "" where it was not read.
	Text string
	// Unread: the bytes are there, but were not read for this page: they are too large, too many
	// others are being read, or reading failed. Item.Message has the reason.
	Unread bool
	// Link is the path of the bytes themselves, "" when there is none.
	Link string
}

// EvidenceView is all that people decide on: pieces of evidence, and results that the Gate shows.
type EvidenceView struct {
	Items   []EvidenceItem
	Outputs []Output
	Sum     SumView  // of all
	Unseen  []string // what of Outputs is not shown, or not sure, in sentences
	sums    []evidence.Summary
}

func newEvidence(d Data, r reader, room *room) EvidenceView {
	var v EvidenceView
	for _, p := range d.Shown {
		v.show(p, r, room)
	}
	for _, e := range d.Evidence {
		v.Items = append(v.Items, v.item(e, d.Shown, r, room))
	}
	sum := evidence.SumUp(v.sums)
	if len(v.sums) == 0 {
		sum = d.Approval.Resolved.Sum()
	}
	v.Sum = r.newSum(sum)
	return v
}

// show takes up a result.
func (v *EvidenceView) show(p approvals.Param, r reader, room *room) {
	o, sum := newOutput(p, report.Auto, r, room)
	v.Outputs, v.sums = append(v.Outputs, o), append(v.sums, sum)
	v.Unseen = append(v.Unseen, o.Unseen()...)
}

// EvidenceItem is a piece of evidence as it is shown.
type EvidenceItem struct {
	Name, Size, Format string
	Digest             Short
	State              string // as evidence.State
	Trouble            string // why it is not shown, "" when it is
	Note               string // what to know about it
	Sum                SumView
	Output             *Output
	Link               string
	// Masked: secrets are left out of the text at Link, as they are on the page.
	Masked bool
	in     *printer
}

// item takes up a piece of evidence.
func (v *EvidenceView) item(e Evidence, shown []approvals.Param, r reader, room *room) EvidenceItem {
	item := EvidenceItem{
		Name: line(e.Item.Name), Size: evidence.Bytes(e.Item.Size), Format: string(e.Item.Format), Digest: newShort(e.Item.SHA256), State: string(e.Item.State),
		Link: drop(e.Link), in: r.printer,
	}
	sum := e.Item.Summary // what is not read here was counted when the Approval was resolved
	switch {
	case e.Item.State != evidence.Present || e.Unread:
		item.Trouble = r.sentence(e.Item.Message)
	case e.Text != "":
		var o Output
		o, sum = newOutput(approvals.Param{Name: e.Item.Name, Value: e.Text}, report.Format(e.Item.Format), r, room)
		o.Link = item.Link
		item.Masked = o.Format == string(report.Plan) || o.Format == string(report.PlanJSON)
		v.Unseen = append(v.Unseen, o.Unseen()...)
		item.Output = &o
		fallthrough
	default:
		item.Note = r.sentence(e.Item.Message)
	}
	item.Sum = r.newSum(sum)
	if !slices.ContainsFunc(shown, e.isResult) { // which is counted already
		v.sums = append(v.sums, sum)
	}
	return item
}

// Brief returns a few words about it for a message: its counts and size, or the reason why it is not
// there.
func (e EvidenceItem) Brief() string {
	switch {
	case e.State != string(evidence.Present):
		return e.in.t("not there. %s", e.Trouble)
	case e.Sum.Line != "":
		return e.Sum.Line + " (" + e.Size + ")"
	default:
		return e.Size
	}
}

// isResult reports whether e has the same bytes as the result p, which is then counted once.
func (e Evidence) isResult(p approvals.Param) bool {
	return e.Item.Kind == evidence.Result && evidence.Sum([]byte(p.Value)) == e.Item.SHA256
}
