package approvals

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// InputType is the type of an input's value. Values are always text; the type decides which
// text is valid.
type InputType string

// The types of inputs.
const (
	InputString InputType = "string"
	InputEnum   InputType = "enum"
	InputBool   InputType = "bool"
	InputNumber InputType = "number"
)

// Limits of inputs; the CRD schema has the same numbers.
const (
	MaxInputs = 16
	MaxInput  = 1024 // characters of a value
	// MaxInputValues is the most bytes that the values of one Approval's votes may have.
	MaxInputValues = 128 << 10
)

// Input is a field that the approver fills in. Its value travels to the next part
// as a forwarded param of its name.
type Input struct {
	Name        string
	Description string
	Type        InputType
	Required    bool
	Default     string
	Pattern     string   // RE2 that the whole of a string must match
	Options     []string // of an enum
}

// validate checks the field as a Gate has it, not a value of it.
func (in Input) validate() error {
	switch in.Type {
	case InputString, InputBool, InputNumber:
	case InputEnum:
		if len(in.Options) == 0 {
			return Errorf(CodeInvalid, "input %q is an enum without options: list the options", in.Name)
		}
	default:
		return Errorf(CodeInvalid, "input %q has type %q, which is unknown: use string, enum, bool or number", in.Name, in.Type)
	}
	if in.Type != InputEnum && len(in.Options) > 0 {
		return Errorf(CodeInvalid, "input %q has options but is not an enum: make it an enum, or remove the options", in.Name)
	}
	if in.Type != InputString && in.Pattern != "" {
		return Errorf(CodeInvalid, "input %q has a pattern, which only strings can have: remove it", in.Name)
	}
	if in.Pattern != "" {
		if _, _, err := CompilePattern(in.whole()); err != nil {
			return Errorf(CodeInvalid, "input %q: its pattern: %s", in.Name, Message(err))
		}
	}
	if in.Default != "" {
		if _, err := in.clean(in.Default); err != nil {
			return Errorf(CodeInvalid, "the default of %s", Message(err))
		}
	}
	return nil
}

// whole anchors the pattern: a part of a value never matches.
func (in Input) whole() string { return `^(?:` + in.Pattern + `)$` }

// clean is value as it is kept, or CodeInvalid with what would be right.
func (in Input) clean(value string) (string, error) {
	value, err := CleanComment(value)
	if err != nil || utf8.RuneCountInString(value) > MaxInput {
		return "", Errorf(CodeInvalid, "input %q is too long: the limit is %d characters", in.Name, MaxInput)
	}
	switch in.Type {
	case InputString: // its pattern, below
	case InputBool:
		if value != "true" && value != "false" {
			return "", Errorf(CodeInvalid, "input %q is %q: it must be true or false", in.Name, Cut(value, MaxQuoted))
		}
	case InputNumber:
		if _, err := strconv.ParseFloat(value, 64); err != nil || !json.Valid([]byte(value)) { // not NaN, not 0x1
			return "", Errorf(CodeInvalid, "input %q is %q: it must be a number", in.Name, Cut(value, MaxQuoted))
		}
	case InputEnum:
		if !slices.Contains(in.Options, value) {
			return "", Errorf(CodeInvalid, "input %q is %q: it must be one of %s", in.Name, Cut(value, MaxQuoted), strings.Join(in.Options, ", "))
		}
	}
	if in.Pattern != "" {
		whole, _, err := CompilePattern(in.whole())
		if err != nil || !whole.MatchString(value) {
			return "", Errorf(CodeInvalid, "input %q is %q: it must match %s", in.Name, Cut(value, MaxQuoted), in.Pattern)
		}
	}
	return value, nil
}

// wrong makes an error, CodeInvalid, that names the input.
func (in Input) wrong(format string, args ...any) error {
	err := Errorf(CodeInvalid, format, args...)
	err.Field = in.Name
	return err
}

// cleanInputs is the ballot's values in the policy's order. An empty value is
// none: a form sends every field.
func cleanInputs(fields []Input, given []Param) ([]Param, error) {
	for _, g := range given {
		if !slices.ContainsFunc(fields, func(in Input) bool { return in.Name == g.Name }) {
			return nil, Errorf(CodeInvalid, "there is no input %q; your vote was not counted", Cut(g.Name, MaxQuoted))
		}
	}
	values := ByName(given)
	var out []Param
	for _, in := range fields {
		if values[in.Name] == "" {
			continue
		}
		if blank, err := CleanComment(values[in.Name]); err == nil && blank == "" {
			continue
		}
		value, err := in.clean(values[in.Name])
		if err != nil {
			return nil, in.wrong("%s; your vote was not counted", Message(err))
		}
		out = append(out, Param{in.Name, value})
	}
	return out, nil
}

// inputsOf returns a value for every input of a: what the approvers agreed to, or the one who
// decided alone, else the default, else "". Each input is there whatever the outcome, because
// a binding fails for a name that is missing.
func inputsOf(a Approval) []Param {
	if a.Resolved == nil {
		return nil
	}
	var values map[string]string
	for _, v := range a.Votes {
		if v.Verdict == Approve && (values == nil || v.BreakGlass) {
			values = ByName(v.Inputs)
		}
	}
	var out []Param
	for _, in := range a.Resolved.Policy.Inputs {
		value := in.Default
		if x, ok := values[in.Name]; ok {
			value = x
		}
		out = append(out, Param{in.Name, Neutral(value)})
	}
	return out
}

// Agreed returns the values that all approvals of a share, complete with defaults, if anybody
// but id has approved, and the first of those people. The first approval fixes them.
func Agreed(a Approval, id Identity) (values []Param, first string) {
	if a.Resolved == nil {
		return nil, ""
	}
	var given map[string]string
	for _, v := range a.Votes {
		if v.Verdict != Approve || v.BreakGlass {
			continue
		}
		if given == nil {
			given = ByName(v.Inputs)
		}
		theirs := v.is(id) || id.calledHere(v.OnBehalfOf) // which their own takes the place of
		if first == "" && !theirs {
			first = v.Voter
		}
	}
	if first == "" {
		return nil, ""
	}
	return complete(*a.Resolved.Policy, given), first
}

// complete returns the given values, with defaults for those that are not given.
func complete(p Policy, given map[string]string) (values []Param) {
	for _, in := range p.Inputs {
		if value := cmp.Or(given[in.Name], in.Default); value != "" {
			values = append(values, Param{in.Name, value})
		}
	}
	return values
}

// sameThing says why a ballot does not approve the same thing as those before it: the
// first approver's values are fixed for all, or four eyes would have seen two things. What
// a later one leaves blank is taken from there. Who breaks the glass decides alone, and may
// fill in something else.
func sameThing(a Approval, b Ballot, inputs []Param) ([]Param, error) {
	agreed, first := Agreed(a, b.Voter)
	if first == "" || b.Verdict != Approve {
		return inputs, nil
	}
	before, mine := ByName(agreed), ByName(inputs)
	var all []Param
	for _, in := range a.Resolved.Policy.Inputs {
		value, fixed := before[in.Name]
		if given, ok := mine[in.Name]; ok && given != value {
			if !b.BreakGlass {
				return nil, in.fixed(first, value, given, fixed)
			}
			value, fixed = given, true
		}
		if fixed {
			all = append(all, Param{in.Name, value})
		}
	}
	if b.BreakGlass { // alone: with all that counts
		return all, nil
	}
	return inputs, nil
}

// keepAgreed gives the first of votes that approves what was agreed to before, which may
// have stood in one that is gone.
func keepAgreed(p Policy, votes []Vote, agreed []Param, first string) []Vote {
	i := slices.IndexFunc(votes, func(v Vote) bool { return v.Verdict == Approve && !v.BreakGlass })
	if first == "" || i < 0 || slices.Equal(complete(p, ByName(votes[i].Inputs)), agreed) {
		return votes
	}
	votes = slices.Clone(votes)
	votes[i].Inputs = agreed
	return votes
}

// fixed is the refusal of a value that is another than the one agreed to.
func (in Input) fixed(first, value, given string, set bool) error {
	with := "left it blank"
	if set {
		with = fmt.Sprintf("approved this with %q", Cut(value, MaxQuoted))
	}
	err := Errorf(CodeConflict, "input %q is %q, and %s %s: everyone has to approve the same values. Send the same value or leave it blank; if it is wrong, reject, or ask %s to withdraw their vote. Your vote was not counted",
		in.Name, Cut(given, MaxQuoted), first, with, first)
	err.Field = in.Name
	return err
}

// missingInput names a required input that nobody has filled in.
func missingInput(a Approval) error {
	values := ByName(inputsOf(a))
	for _, in := range a.Resolved.Policy.Inputs {
		if in.Required && values[in.Name] == "" {
			return in.wrong("input %q is required to approve; your vote was not counted", in.Name)
		}
	}
	return nil
}

// Forwarded is everything that travels to the next part: the forwarded params,
// and the inputs once a is decided.
func (a Approval) Forwarded() []Param {
	if a.Resolved == nil {
		return nil
	}
	out := append(slices.Clone(a.Resolved.Params), a.Inputs...)
	if !a.Decided() {
		return out
	}
	for _, in := range a.Resolved.Policy.Inputs { // decided by a version that left blank ones out
		if !slices.ContainsFunc(a.Inputs, func(p Param) bool { return p.Name == in.Name }) {
			out = append(out, Param{Name: in.Name})
		}
	}
	return out
}

// AsksBlank reports whether p asks for something that is nothing until somebody fills it in.
func (p Policy) AsksBlank() bool {
	return slices.ContainsFunc(p.Inputs, func(in Input) bool { return in.Default == "" })
}
