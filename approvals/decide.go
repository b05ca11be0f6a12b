package approvals

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change is what a transition did, for whoever has to act on it.
type Change string

// The changes.
const (
	Voted    Change = "voted"    // a vote was recorded
	Ended    Change = "ended"    // the outcome is there now
	Told     Change = "told"     // somebody was told, or could not be
	Blocking Change = "blocking" // an obstacle was found
	Released Change = "released" // the run that the outcome started was seen
	Absent   Change = "absent"   // nothing changed: the same vote again
)

// Cast records a ballot and, at the moment the policy is met, the outcome. The
// same person's same vote again changes nothing and is no error; while the
// Approval is pending a person may change their vote.
//
// Errors: CodeNotReady (no terms yet), CodeConflict (decided already: by whom
// and when), CodeGone (the deadline has passed), CodeInvalid (verdict or
// comment), CodeUnauthenticated and CodeForbidden (the voter).
func Cast(a Approval, b Ballot, now time.Time) (Approval, Change, error) {
	if a.Terms == nil {
		return a, Absent, notReady(a)
	}
	if err := may(a, b.Voter); err != nil {
		return a, Absent, err
	}
	if b.Verdict != Approve && b.Verdict != Reject {
		return a, Absent, Errorf(CodeInvalid, "vote is %q: it must be \"approve\" or \"reject\"; nothing was recorded", short(string(b.Verdict)))
	}
	comment, err := CleanComment(b.Comment)
	if err != nil {
		return a, Absent, err
	}
	mine := slices.IndexFunc(a.Votes, func(v Vote) bool { return samePerson(v.Voter, b.Voter.Name) })
	if a.Decided() {
		if mine >= 0 && a.Votes[mine].Verdict == b.Verdict {
			return a, Absent, nil
		}
		return a, Absent, decided(a)
	}
	if !now.Before(a.Deadline()) {
		return a, Absent, Errorf(CodeGone, "this expired at %s; nothing was recorded. Start part 1 again to ask again", a.Deadline().UTC().Format(time.RFC3339))
	}
	vote := Vote{
		Voter: b.Voter.Name, Verdict: b.Verdict, Comment: comment,
		At: now, Way: b.Voter.Way, Evidence: b.Voter.Evidence,
	}
	votes := slices.Clone(a.Votes)
	switch {
	case mine < 0:
		votes = append(votes, vote)
	case votes[mine].Verdict == vote.Verdict && votes[mine].Comment == vote.Comment:
		return a, Absent, nil
	default:
		votes[mine] = vote
	}
	a.Votes = votes
	if o := tally(a); o != Pending {
		return end(a, o, now), Ended, nil
	}
	return a, Voted, nil
}

// Expire ends a pending Approval whose deadline has passed. It changes nothing
// before the deadline or after any outcome.
func Expire(a Approval, now time.Time) (Approval, Change) {
	if a.Terms == nil || a.Decided() || now.Before(a.Deadline()) {
		return a, Absent
	}
	return end(a, Expired, now), Ended
}

// Missing is the number of approvals still needed, 0 when decided.
func Missing(a Approval) int {
	if a.Decided() || a.Terms == nil {
		return 0
	}
	return max(0, a.Terms.Policy.needed()-count(a.Votes, Approve))
}

// tally is the outcome that a's votes amount to.
func tally(a Approval) Outcome {
	switch {
	case count(a.Votes, Reject) > 0:
		return Rejected
	case count(a.Votes, Approve) >= a.Terms.Policy.needed():
		return Approved
	default:
		return Pending
	}
}

func count(votes []Vote, v Verdict) int {
	n := 0
	for _, x := range votes {
		if x.Verdict == v {
			n++
		}
	}
	return n
}

func end(a Approval, o Outcome, now time.Time) Approval {
	a.Outcome, a.DecidedAt = o, now
	a.Results = DefaultResults(a)
	return a
}

func notReady(a Approval) error {
	if a.Blocked != nil {
		return Errorf(CodeNotReady, "this can't be decided yet: %s", a.Blocked.Message)
	}
	return Errorf(CodeNotReady, "this can't be decided yet: its terms are being worked out; try again in a moment")
}

// decided is the conflict that tells a late voter who was first.
func decided(a Approval) error {
	at := a.DecidedAt.UTC().Format(time.RFC3339)
	switch a.Outcome {
	case Expired:
		return Errorf(CodeGone, "this expired at %s; nothing was recorded. Start part 1 again to ask again", at)
	case Approved, Rejected:
		return Errorf(CodeConflict, "already %s by %s at %s; your vote was not recorded", strings.ToLower(string(a.Outcome)), deciders(a), at)
	default:
		return Errorf(CodeConflict, "already %s at %s; your vote was not recorded", strings.ToLower(string(a.Outcome)), at)
	}
}

// deciders names the people whose votes made the outcome.
func deciders(a Approval) string {
	verdict := Approve
	if a.Outcome == Rejected {
		verdict = Reject
	}
	return strings.Join(voters(a.Votes, verdict), " and ")
}

func voters(votes []Vote, v Verdict) []string {
	var names []string
	for _, x := range votes {
		if x.Verdict == v {
			names = append(names, x.Voter)
		}
	}
	return names
}

func short(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
	}
	return s
}
