package approvals

import "strings"

// The names of the default results, which are Automatiko's ApprovalTask results.
const (
	ResultDecision   = "decision"
	ResultComment    = "comment"
	ResultApprovedBy = "approvedBy"
	ResultRejectedBy = "rejectedBy"
)

var defaultResults = []string{ResultDecision, ResultComment, ResultApprovedBy, ResultRejectedBy}

// DefaultResults maps a decided Approval to the ApprovalTask-compatible strings.
// All four are always there; several people's are joined with "|". Text that
// people typed is neutralised (Neutral).
func DefaultResults(a Approval) []Param {
	decision := "false"
	if a.Outcome == Approved {
		decision = "true"
	}
	var comments []string
	for _, v := range a.Votes {
		if v.Comment != "" {
			comments = append(comments, v.Comment)
		}
	}
	return []Param{
		{ResultDecision, decision},
		{ResultComment, Neutral(strings.Join(comments, "|"))},
		{ResultApprovedBy, Neutral(strings.Join(voters(a.Votes, Approve), "|"))},
		{ResultRejectedBy, Neutral(strings.Join(voters(a.Votes, Reject), "|"))},
	}
}
