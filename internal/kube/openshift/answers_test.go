package openshift

import (
	"fmt"
	"strings"
	"testing"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
)

// specOf reads entries as "NAME INPUT MESSAGE", a group's as "NAME: MEMBER INPUT
// MESSAGE, MEMBER …; MESSAGE".
func specOf(entries ...string) openshiftv1.ApprovalTaskSpec {
	spec := openshiftv1.ApprovalTaskSpec{NumberOfApprovalsRequired: 1}
	said := func(s string) (string, openshiftv1.Input, string) {
		f := append(strings.SplitN(strings.TrimSpace(s), " ", 3), "", "")
		return f[0], openshiftv1.Input(f[1]), f[2]
	}
	for _, s := range entries {
		var e openshiftv1.Approver
		if name, members, ok := strings.Cut(s, ":"); ok {
			members, message, _ := strings.Cut(members, ";")
			e = openshiftv1.Approver{Name: name, Type: openshiftv1.Group, Input: openshiftv1.InputApprove, Message: message}
			for m := range strings.SplitSeq(members, ",") {
				if strings.TrimSpace(m) != "" {
					name, input, message := said(m)
					e.Users = append(e.Users, openshiftv1.Member{Name: name, Input: input, Message: message})
				}
			}
		} else {
			e.Type = openshiftv1.User
			e.Name, e.Input, e.Message = said(s)
		}
		spec.Approvers = append(spec.Approvers, e)
	}
	return spec
}

// TestAnswersOf: nothing is taken for somebody's answer that the policy does not prove.
func TestAnswersOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec []string
		want string // NAME INPUT [GROUPS] MESSAGE, by bars
	}{
		"nobody yet":                     {[]string{"alice pending", "dev:"}, ""},
		"a user":                         {[]string{"alice approve fine", "bob pending"}, "alice approve [] fine"},
		"rejections first":               {[]string{"alice approve", "bob reject no"}, "bob reject [] no|alice approve [] "},
		"a group's own input":            {[]string{"dev:;all of us"}, ""},
		"a member":                       {[]string{"dev:bob approve"}, "bob approve [dev] "},
		"a member's message":             {[]string{"dev:bob approve fine"}, "bob approve [dev] fine"},
		"who answered alone":             {[]string{"dev:bob approve;fine"}, "bob approve [dev] fine"},
		"one's own message goes first":   {[]string{"dev:bob approve mine;fine"}, "bob approve [dev] mine"},
		"whose message it is":            {[]string{"dev:bob approve,dave approve;fine"}, "bob approve [dev] |dave approve [dev] "},
		"it may be a user's of v0.8":     {[]string{"alice approve", "dev:bob approve;fine"}, "alice approve [] |bob approve [dev] "},
		"in two groups":                  {[]string{"dev:bob approve", "ops:bob approve"}, "bob approve [dev ops] "},
		"a user who is in a group":       {[]string{"bob approve yes", "dev:bob approve"}, "bob approve [dev] yes"},
		"two minds":                      {[]string{"bob approve yes", "dev:bob reject"}, "bob reject [dev] yes"},
		"two minds, the other way round": {[]string{"bob reject no", "dev:bob approve"}, "bob reject [dev] no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, x := range answersOf(specOf(c.spec...)) {
				got = append(got, fmt.Sprintf("%s %s %v %s", x.name, x.input, x.groups, x.message))
			}
			if got := strings.Join(got, "|"); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestSeen: an answer is new when it says something else, not when a client left its
// message out.
func TestSeen(t *testing.T) {
	t.Parallel()
	old := answer{name: "bob", input: openshiftv1.InputApprove, message: "fine"}
	stored := openshiftv1.Answer{Name: "bob", Input: old.input, Digest: old.digest()}
	for name, c := range map[string]struct {
		x    answer
		want bool
	}{
		"the same":        {old, true},
		"without message": {answer{name: "bob", input: openshiftv1.InputApprove}, true},
		"another message": {answer{name: "bob", input: openshiftv1.InputApprove, message: "well"}, false},
		"another answer":  {answer{name: "bob", input: openshiftv1.InputReject}, false},
		"another person":  {answer{name: "Bob", input: openshiftv1.InputApprove, message: "fine"}, false},
	} {
		if got := c.x.seen(stored); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
