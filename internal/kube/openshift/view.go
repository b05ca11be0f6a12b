package openshift

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// viewOf is the status of an ApprovalTask that says how a stands. It follows from its
// arguments alone, in the order of spec and of the votes, so that what has not changed
// is the same bytes.
func viewOf(spec openshiftv1.ApprovalTaskSpec, a approvals.Approval, answers []openshiftv1.Answer) openshiftv1.ApprovalTaskStatus {
	start := metav1.NewTime(a.OpenedAt).Rfc3339Copy()
	s := openshiftv1.ApprovalTaskStatus{
		State: stateOf(a), Outcome: string(approvals.Pending), ApprovalsRequired: spec.NumberOfApprovalsRequired,
		StartTime: &start, ApproversResponse: responsesOf(spec, a), Answers: answers,
	}
	if a.Decided() {
		s.Outcome = string(a.Outcome)
	}
	for _, e := range spec.Approvers {
		s.Approvers = append(s.Approvers, e.Name)
	}
	for _, v := range a.Votes {
		if v.Verdict == approvals.Approve {
			s.ApprovalsReceived++
		}
	}
	return s
}

// stateOf has three words for the six ends of an Approval: what did not end approved
// must not look as if a pipeline could go on.
func stateOf(a approvals.Approval) openshiftv1.State {
	switch {
	case !a.Decided():
		return openshiftv1.StatePending
	case a.Outcome == approvals.Approved:
		return openshiftv1.StateApproved
	default:
		return openshiftv1.StateRejected
	}
}

// responsesOf are the votes by entry: a user's, or those of a group's members, and
// behind them those of anyone who decided without an entry.
func responsesOf(spec openshiftv1.ApprovalTaskSpec, a approvals.Approval) []openshiftv1.Response {
	var out []openshiftv1.Response
	told := make([]bool, len(a.Votes))
	for _, e := range spec.Approvers {
		r := openshiftv1.Response{Name: e.Name, Type: e.Type}
		for i, v := range a.Votes {
			switch {
			case e.Type == openshiftv1.User && !told[i] && (approvals.SamePerson(v.Voter, e.Name) || v.OnBehalfOf != "" && approvals.SamePerson(v.OnBehalfOf, e.Name)):
				r.Response, r.Message, told[i] = response(v), messageOf(v), true
			case e.Type == openshiftv1.Group && slices.Contains(v.Groups, e.Name) && !namedIn(spec, v.Voter) && len(r.GroupMembers) < maxMembers:
				r.GroupMembers = append(r.GroupMembers, openshiftv1.MemberResponse{Name: v.Voter, Response: response(v), Message: messageOf(v)})
				if told[i] = true; r.Response != openshiftv1.StateRejected {
					r.Response = response(v)
				}
			}
		}
		if r.Response != "" {
			out = append(out, r)
		}
	}
	for i, v := range a.Votes {
		if !told[i] {
			out = append(out, openshiftv1.Response{Name: v.Voter, Type: openshiftv1.User, Response: response(v), Message: messageOf(v)})
		}
	}
	return out[:min(len(out), maxResponses)]
}

func namedIn(spec openshiftv1.ApprovalTaskSpec, name string) bool {
	return slices.ContainsFunc(spec.Approvers, func(e openshiftv1.Approver) bool {
		return e.Type == openshiftv1.User && approvals.SamePerson(e.Name, name)
	})
}

func response(v approvals.Vote) openshiftv1.State {
	if v.Verdict == approvals.Approve {
		return openshiftv1.StateApproved
	}
	return openshiftv1.StateRejected
}

// messageOf is v's comment, with what makes v another vote than it looks.
func messageOf(v approvals.Vote) string {
	switch {
	case v.OnBehalfOf != "":
		return clip("(by "+v.Voter+", their delegate) "+v.Comment, maxText)
	case v.BreakGlass:
		return clip("(break-glass) "+v.Comment, maxText)
	}
	return clip(v.Comment, maxText)
}
