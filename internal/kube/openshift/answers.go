package openshift

import (
	"slices"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// answer is one person's input in an ApprovalTask, as far as the admission policy verifies
// that it is theirs.
type answer struct {
	name    string
	input   openshiftv1.Input
	message string   // "" when it may be somebody else's
	groups  []string // by which they answered, and were in when they did
}

// answersOf are the answers that stand in spec, rejections first: when several are
// new at once, nobody's approval is what comes before a rejection.
func answersOf(spec openshiftv1.ApprovalTaskSpec) []answer {
	var out []answer
	of := func(name string) *answer {
		i := slices.IndexFunc(out, func(x answer) bool { return x.name == name })
		if i < 0 {
			out = append(out, answer{name: name, input: openshiftv1.InputApprove})
			i = len(out) - 1
		}
		return &out[i]
	}
	say := func(x *answer, input openshiftv1.Input, message string) {
		if input == openshiftv1.InputReject {
			x.input = input // in one entry it is enough
		}
		if x.message == "" {
			x.message = message
		}
	}
	for _, e := range spec.Approvers {
		if e.Type == openshiftv1.User && e.Input != openshiftv1.InputPending {
			say(of(e.Name), e.Input, e.Message)
		}
	}
	for _, e := range spec.Approvers {
		if e.Type != openshiftv1.Group {
			continue
		}
		for _, u := range e.Users {
			if u.Input == openshiftv1.InputPending {
				continue
			}
			x := of(u.Name)
			x.groups = append(x.groups, e.Name)
			message := u.Message
			if message == "" && soleAuthor(spec, e, u.Name) {
				message = e.Message
			}
			say(x, u.Input, message)
		}
	}
	slices.SortStableFunc(out, func(x, y answer) int { return rank(x.input) - rank(y.input) })
	return out
}

func rank(i openshiftv1.Input) int {
	if i == openshiftv1.InputReject {
		return 0
	}
	return 1
}

// soleAuthor reports whether nobody but name can have written the message of a group's entry:
// anyone who writes it has answered, in the group or in their own entry, and no answer
// disappears.
func soleAuthor(spec openshiftv1.ApprovalTaskSpec, group openshiftv1.Approver, name string) bool {
	return !slices.ContainsFunc(group.Users, func(u openshiftv1.Member) bool { return u.Name != name }) &&
		!slices.ContainsFunc(spec.Approvers, func(e openshiftv1.Approver) bool {
			return e.Type == openshiftv1.User && e.Name != name && e.Input != openshiftv1.InputPending
		})
}

// digest is by what an answer is known again.
func (x answer) digest() string { return approvals.Digest("answer", string(x.input), x.message) }

// seen reports whether old already has x. An answer without a message equals one with it:
// clients leave out messages that they do not know.
func (x answer) seen(old openshiftv1.Answer) bool {
	return old.Name == x.name && old.Input == x.input && (x.message == "" || old.Digest == x.digest())
}

// ballot is x as the VoteService takes it.
func (x answer) ballot(evidence string) approvals.Ballot {
	verdict := approvals.Approve
	if x.input == openshiftv1.InputReject {
		verdict = approvals.Reject
	}
	return approvals.Ballot{
		Voter:   approvals.Identity{Name: x.name, Groups: slices.Clone(x.groups), AuthMethod: approvals.AuthObject, CredentialID: evidence},
		Verdict: verdict, Comment: x.message,
	}
}
