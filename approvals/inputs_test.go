package approvals_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// blank is an Approval with an optional input of each type, one of them with a default.
func blank(rule approvals.ExpiryRule) approvals.Approval {
	return ct.Make("a").Users("alice").With(func(a *approvals.Approval) {
		a.Resolved.Policy.OnExpiry = rule
		a.Resolved.Policy.Inputs = []approvals.Input{
			{Name: "note", Type: approvals.InputString},
			{Name: "window", Type: approvals.InputEnum, Options: []string{"night", "now"}, Default: "night"},
			{Name: "size", Type: approvals.InputEnum, Options: []string{"s", "l"}},
			{Name: "force", Type: approvals.InputBool},
			{Name: "n", Type: approvals.InputNumber},
		}
	}).Obj()
}

// TestBlankInputs: an input that nobody filled in is there, however it ended, with its
// default or empty: a binding that reads it must not fail after the decision.
func TestBlankInputs(t *testing.T) {
	t.Parallel()
	vote := func(a approvals.Approval, v approvals.Verdict, inputs ...approvals.Param) approvals.Approval {
		b := ct.Ballot("alice", v, "")
		b.Inputs = inputs
		a, _, err := approvals.Cast(a, b, minute(1))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	expire := func(rule approvals.ExpiryRule) approvals.Approval {
		a, _ := approvals.Expire(blank(rule), blank(rule).Deadline())
		return a
	}
	cancelled, _, err := approvals.Cancel(blank(""), approvals.Cancellation{By: "alice", Reason: "no more"}, minute(1))
	if err != nil {
		t.Fatal(err)
	}
	newer := blank("")
	newer.Name, newer.UID, newer.OpenedAt = "b", "b", newer.OpenedAt.Add(time.Minute)
	old := blank("")
	old.Resolved.Policy.Supersede = approvals.SupersedeNewest
	superseded, did := approvals.Supersede(old, newer, minute(2))
	if did != approvals.Ended {
		t.Fatal(did)
	}
	empty := []approvals.Param{{Name: "note"}, {Name: "window", Value: "night"}, {Name: "size"}, {Name: "force"}, {Name: "n"}}
	filled := slices.Clone(empty)
	filled[0].Value, filled[3].Value = "to the night shift", "false"
	for name, c := range map[string]struct {
		a       approvals.Approval
		outcome approvals.Outcome
		want    []approvals.Param
	}{
		"approved":             {vote(blank(""), approve), approvals.Approved, empty},
		"approved with blanks": {vote(blank(""), approve, approvals.Param{Name: "note", Value: " \n"}, approvals.Param{Name: "n"}), approvals.Approved, empty},
		"approved with some": {
			vote(blank(""), approve, approvals.Param{Name: "note", Value: "to the night shift"}, approvals.Param{Name: "force", Value: "false"}), approvals.Approved, filled,
		},
		"rejected":          {vote(blank(""), reject), approvals.Rejected, empty},
		"expired":           {expire(""), approvals.Expired, empty},
		"approved itself":   {expire(approvals.ApproveOnExpiry), approvals.Approved, empty},
		"rejected itself":   {expire(approvals.RejectOnExpiry), approvals.Rejected, empty},
		"cancelled":         {cancelled, approvals.Cancelled, empty},
		"superseded":        {superseded, approvals.Superseded, empty},
		"of an old version": {func() approvals.Approval { a := expire(""); a.Inputs = nil; return a }(), approvals.Expired, nil},
	} {
		if c.a.Outcome != c.outcome || !slices.Equal(c.a.Inputs, c.want) {
			t.Errorf("%s: %s with %v, want %s with %v", name, c.a.Outcome, c.a.Inputs, c.outcome, c.want)
		}
		forwarded := approvals.ByName(c.a.Forwarded())
		for _, in := range c.a.Resolved.Policy.Inputs {
			if _, ok := forwarded[in.Name]; !ok {
				t.Errorf("%s: %s is not forwarded", name, in.Name)
			}
		}
	}
	// What nothing was worked out for has nothing to forward, and ends all the same.
	open := blank("")
	open.Resolved = nil
	if a, _, err := approvals.Cancel(open, approvals.Cancellation{By: "alice", Reason: "no more"}, minute(1)); err != nil || a.Inputs != nil || a.Forwarded() != nil {
		t.Errorf("unresolved: %v, %v", a.Inputs, err)
	}
	// A required one is still asked for.
	must := blank("")
	must.Resolved.Policy.Inputs[0].Required = true
	if _, _, err := approvals.Cast(must, ct.Ballot("alice", approve, ""), minute(1)); approvals.CodeOf(err) != approvals.CodeInvalid || approvals.FieldOf(err) != "note" {
		t.Error(err)
	}
}

// TestTextOfAnyScript: limits count characters, so that nobody has a third of the room
// because of how they write; together the votes of an Approval fit into one object.
func TestTextOfAnyScript(t *testing.T) {
	t.Parallel()
	for _, letter := range []string{"x", "é", "批", "𠀋", "👍"} {
		a := blank("")
		b := ct.Ballot("alice", approve, strings.Repeat(letter, 2000))
		b.Inputs = []approvals.Param{{Name: "note", Value: strings.Repeat(letter, approvals.MaxInput)}}
		a, _, err := approvals.Cast(a, b, minute(1))
		if err != nil {
			t.Errorf("2000 times %s: %v", letter, err)
			continue
		}
		if got := approvals.ByName(a.Results)[approvals.ResultComment]; utf8.RuneCountInString(got) != 2000 {
			t.Errorf("%s: %d characters in the result", letter, utf8.RuneCountInString(got))
		}
	}
	b := ct.Ballot("alice", approve, "")
	b.Inputs = []approvals.Param{{Name: "note", Value: strings.Repeat("批", approvals.MaxInput+1)}}
	if _, _, err := approvals.Cast(blank(""), b, minute(1)); approvals.CodeOf(err) != approvals.CodeInvalid || approvals.FieldOf(err) != "note" {
		t.Error(err)
	}

	for what, c := range map[string]struct {
		comment, input string
		most           int
	}{
		"comments": {strings.Repeat("批", approvals.MaxComment), "", approvals.MaxComments},
		"inputs":   {"", strings.Repeat("批", approvals.MaxInput), approvals.MaxInputValues},
	} {
		a := ct.Make("a").Groups("ops").Quorum(100).With(func(a *approvals.Approval) {
			a.Resolved.Policy.Inputs = []approvals.Input{{Name: "note", Type: approvals.InputString}}
		}).Obj()
		var err error
		for i := 0; err == nil; i++ {
			b := ct.Ballot("v"+strings.Repeat("i", i), approve, c.comment, "ops")
			if c.input != "" {
				b.Inputs = []approvals.Param{{Name: "note", Value: c.input}}
			}
			before := len(a.Votes)
			if a, _, err = approvals.Cast(a, b, minute(1)); err != nil && len(a.Votes) != before {
				t.Errorf("%s: a vote that was refused is there", what)
			}
		}
		size := 0
		for _, v := range a.Votes {
			size += len(v.Comment)
			for _, in := range v.Inputs {
				size += len(in.Value)
			}
		}
		if approvals.CodeOf(err) != approvals.CodeInvalid || size > c.most || size < c.most-8192 {
			t.Errorf("%s: %d votes with %d bytes, then %v", what, len(a.Votes), size, err)
		}
		if _, _, err := approvals.Cast(a, ct.Ballot("short", approve, "ok", "ops"), minute(2)); err != nil {
			t.Errorf("%s: a short one: %v", what, err)
		}
	}
}
