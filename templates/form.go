package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// FormView is the reader's decision, or why there is none for them to take.
type FormView struct {
	Decidable  bool
	WhyNot     string
	LogIn      string // where the reader can sign in to decide
	NoApproval string // why the reader may reject and not approve
	Action     string
	Mailbox    string // what the reader's link proves, "" without one
	MyVote     *VoteView
	Fields     []InputField
	AgreedBy   string // who was the first to approve, whose inputs are fixed
	Comment    string
	// CommentFor is the kind of vote that requires a comment: "vote" for each, "rejection", or ""
	// for none.
	CommentFor string
	MaxComment int
}

// InputField is a field that the approver fills in.
type InputField struct {
	Name, Description, Type, Value, Pattern string
	Required                                bool
	Options                                 []string
	Fixed                                   bool // others have agreed to Value
}

func newForm(d Data, r reader, room *room) FormView {
	a := d.Approval
	v := FormView{
		Decidable: d.Decidable && a.Resolved != nil && !a.Decided(), WhyNot: r.sentence(d.WhyNot), LogIn: drop(d.LogIn), NoApproval: r.sentence(d.NoApproval),
		Action: drop(d.Action), AgreedBy: line(d.AgreedBy), Comment: drop(first(d.Comment, 4*approvals.MaxComment)), MaxComment: approvals.MaxComment,
	}
	if d.ByLink {
		v.Mailbox = line(d.Address)
	}
	if d.MyVote != nil {
		mine := voteView(*d.MyVote, r, room)
		v.MyVote = &mine
		if v.Comment == "" {
			v.Comment = drop(d.MyVote.Comment)
		}
	}
	if a.Resolved != nil {
		v.Fields, v.CommentFor = newFields(d), commentFor(a.Resolved.Policy.Comment)
	}
	return v
}

func commentFor(rule approvals.CommentRule) string {
	switch rule {
	case approvals.CommentRequired:
		return "vote"
	case approvals.CommentRequiredOnReject:
		return "rejection"
	case approvals.CommentOptional, "":
	}
	return ""
}

// newFields returns the inputs of the Gate with their first values: those that others have agreed to,
// else those of the refused request, of the reader's earlier vote, or the defaults.
func newFields(d Data) []InputField {
	var out []InputField
	mine, filled, agreed := map[string]string{}, approvals.ByName(d.Filled), approvals.ByName(d.Agreed)
	if d.MyVote != nil {
		mine = approvals.ByName(d.MyVote.Inputs)
	}
	for _, in := range d.Approval.Resolved.Policy.Inputs {
		f := InputField{
			Name: in.Name, Description: line(in.Description), Type: string(in.Type), Pattern: line(in.Pattern), Required: in.Required, Options: in.Options,
			Value: in.Default,
		}
		if x, ok := agreed[in.Name]; ok || d.AgreedBy != "" {
			f.Value, f.Fixed = drop(x), true
			out = append(out, f)
			continue
		}
		for _, values := range []map[string]string{mine, filled} {
			if x, ok := values[in.Name]; ok {
				f.Value = drop(x)
			}
		}
		out = append(out, f)
	}
	return out
}

// VoteView is a vote as it is shown.
type VoteView struct {
	Voter   string
	Display string // what people call Voter
	Verdict approvals.Verdict
	Comment Field
	When    Moment
	Way     approvals.AuthMethod
	Inputs  []Pair
	// BreakGlass: it decided alone, by the right to.
	BreakGlass bool
	For        string // whose delegate the voter was
	Address    string // the mailbox that was proved with it
	CountsWith []string
}

// Pair is the name and the value of an input.
type Pair struct{ Name, Value string }

func newVotes(d Data, r reader, room *room) []VoteView {
	var out []VoteView
	a := d.Approval
	for _, x := range a.Votes {
		v := voteView(x, r, room)
		v.Display = d.called(x.Voter, x.DisplayName)
		for _, other := range approvals.CountsWith(a, x) {
			v.CountsWith = append(v.CountsWith, line(other))
		}
		out = append(out, v)
	}
	return out
}

func voteView(x approvals.Vote, r reader, room *room) VoteView {
	return VoteView{
		Voter: line(x.Voter), Verdict: x.Verdict, When: r.moment(x.At), Way: x.AuthMethod, BreakGlass: x.BreakGlass, For: line(x.OnBehalfOf), Address: line(x.Address),
		Comment: newField(approvals.Param{Value: x.Comment}, r, room), Inputs: pairs(x.Inputs, r),
	}
}
