package approvals

import "time"

// AsIfApproved is a as it would be if it were approved at now, without a comment
// and with its inputs left at their defaults; a decided one as it is. What a
// Trigger would make of it is looked at before anybody is asked.
func AsIfApproved(a Approval, now time.Time) Approval {
	if a.Decided() || a.Resolved == nil {
		return a
	}
	a.Votes = nil
	a.Inputs = inputsOf(a)
	a.Outcome, a.DecidedAt = Approved, now
	a.Results = DefaultResults(a)
	return a
}
