package approvals

import (
	"slices"
	"strings"
	"time"
)

// recorded reports whether this very ballot is recorded already: it may arrive twice.
func recorded(a Approval, b Ballot) bool {
	if b.Made.IsZero() {
		return false
	}
	return slices.ContainsFunc(a.Votes, func(v Vote) bool { return v.CredentialID == b.Voter.CredentialID && v.is(b.Voter) }) ||
		slices.ContainsFunc(a.Withdrawn, func(w Withdrawal) bool { return w.WithdrawnByCredential == b.Voter.CredentialID })
}

// came returns the time of b that is compared with the deadline.
func (b Ballot) came(now time.Time) time.Time {
	if b.Sent.IsZero() || b.Sent.After(now) {
		return now
	}
	return b.Sent
}

// overtaken says why a ballot that was made some time ago does not count any more.
func overtaken(a Approval, b Ballot, mine int) error {
	if b.Made.IsZero() {
		return nil
	}
	// What nobody could have seen yet is not what they vote on.
	if b.olderThan(a) {
		return Errorf(CodeConflict, "the vote is older than the content to approve: read the Approval and vote again")
	}
	what := "vote"
	if b.Verdict.Discusses() {
		what = "comment"
	}
	newer := Errorf(CodeConflict, "%s voted again, or withdrew, after this %s was created; nothing was changed", b.Voter.Name, what)
	// Ballots that come this way are taken in turn: the one that stands is older.
	if mine >= 0 && !inTurn(a.Votes[mine], b) && a.Votes[mine].At.After(b.Made) {
		return newer
	}
	if slices.ContainsFunc(a.Withdrawn, func(w Withdrawal) bool {
		return SamePerson(w.Voter, b.Voter.Name) && (w.CredentialID == b.Voter.CredentialID || w.At.After(b.Made))
	}) {
		return newer
	}
	return nil
}

// olderThan reports whether b was made before there was anything to see of a, which is resolved.
func (b Ballot) olderThan(a Approval) bool {
	return !b.Made.IsZero() && (b.Made.Before(a.OpenedAt) || b.Made.Before(a.Resolved.ResolvedAt))
}

// inTurn reports whether v came by the queue that b comes by. Vote objects are one, answers in
// ApprovalTasks another.
func inTurn(v Vote, b Ballot) bool {
	queue := func(evidence string) string { kind, _, _ := strings.Cut(evidence, ":"); return kind }
	return v.AuthMethod == b.Voter.AuthMethod && queue(v.CredentialID) == queue(b.Voter.CredentialID)
}

// withdraw takes the voter's vote back.
func withdraw(a Approval, b Ballot, now time.Time) Approval {
	for _, v := range a.Votes {
		if v.is(b.Voter) {
			a = takeBack(a, v, b.Voter.CredentialID, now)
		}
	}
	return a
}

// takeBack makes v, a live vote of a, one that was withdrawn by the ballot whose
// evidence is by.
func takeBack(a Approval, v Vote, by string, now time.Time) Approval {
	agreed, first := Agreed(a, Identity{Name: v.Voter})
	left := slices.DeleteFunc(slices.Clone(a.Votes), func(o Vote) bool { return o.Voter == v.Voter && o.CredentialID == v.CredentialID })
	a.Votes = keepAgreed(*a.Resolved.Policy, left, agreed, first)
	a.Withdrawn = append(slices.DeleteFunc(slices.Clone(a.Withdrawn), func(w Withdrawal) bool { return SamePerson(w.Voter, v.Voter) }),
		Withdrawal{Voter: v.Voter, At: now, CredentialID: v.CredentialID, WithdrawnByCredential: by})
	if drop := len(a.Withdrawn) - MaxVotes; drop > 0 {
		a.Withdrawn = slices.Delete(a.Withdrawn, 0, drop)
	}
	return a
}
