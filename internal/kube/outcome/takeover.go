package outcome

import (
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// LeaderTakeoverDelay is the time that the leader leaves for the first post, or the answer, to
// the process that took the vote, which does it at once. It bounds the cost of a kill -9 of
// that process.
const LeaderTakeoverDelay = 3 * time.Second

// QuietPeriod is the time without decisions, and without runs that are awaited, before writes
// that are not urgent.
const QuietPeriod = 300 * time.Millisecond

// LeftToVoter returns the rest of the time that the process has which took the deciding vote.
// An Approval that ended otherwise, by its deadline say, has votes too, and only the leader
// acts on it.
func LeftToVoter(a approvals.Approval, now time.Time) time.Duration {
	if !slices.ContainsFunc(a.Votes, func(v approvals.Vote) bool { return v.At.Equal(a.DecidedAt) }) {
		return 0
	}
	return LeftOf(LeaderTakeoverDelay, a.DecidedAt, now)
}

// LeftOf returns the rest of d from at on, 0 when it is over. at is by another process's
// clock: one that is a little ahead is tolerated, and one that is far ahead is not waited for.
func LeftOf(d time.Duration, at, now time.Time) time.Duration {
	if Ahead(at, now) {
		return 0
	}
	return min(max(at.Add(d).Sub(now), 0), d)
}

// Ahead reports whether at is by a clock that is far ahead of ours.
func Ahead(at, now time.Time) bool { return at.Sub(now) > LeaderTakeoverDelay }
