package slack

import (
	"regexp"
	"strconv"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/templates"
)

// The parts of a dialog. An input's block is blockInput and its name.
const (
	viewReject   = "countersign-comment"
	viewApprove  = "countersign-approve"
	blockComment = "comment"
	blockInput   = "input-"
)

// asks reports whether a vote needs a dialog: the Gate requires a comment, or has inputs.
func asks(a approvals.Approval, v approvals.Verdict) bool {
	p := *a.Resolved.Policy
	if v == approvals.Approve {
		return p.Comment == approvals.CommentRequired || len(p.Inputs) > 0
	}
	return p.Comment == approvals.CommentRequired || p.Comment == approvals.CommentRequiredOnReject
}

// dialogFor asks for all that a vote on a may have. reference and what is answered come
// back with it.
func dialogFor(a approvals.Approval, v approvals.Verdict, voter, reference string, to templates.Voice) slack.ModalViewRequest {
	view, title := viewReject, to.Say("Reject")
	optional := false // anyone who wants to reject without a reason has the other button
	if v == approvals.Approve {
		view, title, optional = viewApprove, to.Say("Approve"), a.Resolved.Policy.Comment != approvals.CommentRequired
	}
	var all []slack.Block
	if v == approvals.Approve {
		for _, in := range a.Resolved.Policy.Inputs {
			all = append(all, inputBlock(in, given(a, in, voter), reached(a, in)))
		}
	}
	comment := slack.NewPlainTextInputBlockElement(nil, blockComment)
	comment.Multiline, comment.MaxLength = true, approvals.MaxComment
	all = append(all, slack.NewInputBlock(blockComment, plain(to.Say("Comment"), 24), nil, comment).WithOptional(optional))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: view, PrivateMetadata: reference,
		Title: plain(title, 24), Submit: plain(title, 24), Close: plain(to.Say("Cancel"), 24),
		Blocks: slack.Blocks{BlockSet: all},
	}
}

// given returns the first value of an input in a dialog: the voter's earlier one, or the
// default.
func given(a approvals.Approval, in approvals.Input, voter string) string {
	for _, v := range a.Votes {
		if x, ok := approvals.ByName(v.Inputs)[in.Name]; ok && approvals.SamePerson(v.Voter, voter) {
			return x
		}
	}
	return in.Default
}

// reached reports whether this voter may leave an input empty: it is not required, has a
// default, or another approver filled it in.
func reached(a approvals.Approval, in approvals.Input) bool {
	if !in.Required || in.Default != "" {
		return true
	}
	for _, v := range a.Votes {
		if _, ok := approvals.ByName(v.Inputs)[in.Name]; ok && v.Verdict == approvals.Approve {
			return true
		}
	}
	return false
}

var decimals = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,10})?$`)

// inputBlock asks for one input by the element that Slack has for its type. Slack
// refuses a dialog with a beginning that it finds wrong, so a number that it might
// write otherwise is left out.
func inputBlock(in approvals.Input, value string, optional bool) slack.Block {
	id := blockInput + in.Name
	var element slack.BlockElement
	switch in.Type {
	case approvals.InputEnum:
		element = choose(id, in.Options, value)
	case approvals.InputBool:
		element = choose(id, bools, value)
	case approvals.InputNumber:
		number := slack.NewNumberInputBlockElement(nil, id, true)
		if decimals.MatchString(value) {
			number.InitialValue = value
		}
		element = number
	default:
		element = slack.NewPlainTextInputBlockElement(nil, id).WithInitialValue(value).WithMaxLength(approvals.MaxInput)
	}
	var hint *slack.TextBlockObject
	if in.Description != "" {
		hint = plain(in.Description, maxField)
	}
	return slack.NewInputBlock(id, plain(in.Name, maxField), hint, element).WithOptional(optional)
}

var bools = []string{"true", "false"}

// choose offers options by their number: Slack's own values are shorter than ours may be.
func choose(id string, options []string, chosen string) slack.BlockElement {
	var all []*slack.OptionBlockObject
	var first *slack.OptionBlockObject
	for i, o := range options {
		all = append(all, slack.NewOptionBlockObject(strconv.Itoa(i), plain(o, 75), nil))
		if o == chosen {
			first = all[i]
		}
	}
	return slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, id, all...).WithInitialOption(first)
}

// answers are the values that a dialog sends, by block and action.
type answers map[string]map[string]slack.BlockAction

// ballot puts what was answered into a ballot on a. An option that is none of the
// input's is left to the VoteService to refuse.
func (x answers) ballot(a approvals.Approval, v approvals.Verdict) approvals.Ballot {
	b := approvals.Ballot{Verdict: v, Comment: x[blockComment][blockComment].Value}
	for _, in := range a.Resolved.Policy.Inputs {
		id := blockInput + in.Name
		got, ok := x[id][id]
		if !ok || v != approvals.Approve {
			continue
		}
		value := got.Value
		if options := map[approvals.InputType][]string{approvals.InputEnum: in.Options, approvals.InputBool: bools}[in.Type]; options != nil {
			if value = got.SelectedOption.Value; value != "" {
				value = option(options, value)
			}
		}
		b.Inputs = append(b.Inputs, approvals.Param{Name: in.Name, Value: value})
	}
	return b
}

func option(options []string, number string) string {
	if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(options) {
		return options[i]
	}
	return "option " + number
}

// blockOf returns the block of a dialog beside which Slack shows an error: that of the input,
// or of the comment, which every dialog has.
func blockOf(err error, x answers) string {
	if block := blockInput + approvals.FieldOf(err); block != blockInput && x[block] != nil {
		return block
	}
	return blockComment
}

// verdictOf returns the verdict of a dialog, "" for a dialog of somebody else.
func verdictOf(view string) approvals.Verdict {
	return map[string]approvals.Verdict{viewReject: approvals.Reject, viewApprove: approvals.Approve}[view]
}
