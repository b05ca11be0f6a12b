package outcome

import (
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// LeaderTakeoverDelay is how long the leader leaves the first post, or the answer, to the process
// that took the vote, which does it at once. It bounds what a kill -9 of that process
// costs.
const LeaderTakeoverDelay = 3 * time.Second

// QuietPeriod is how long nothing may have been decided, nor have waited for its run, before what
// is not urgent is written.
const QuietPeriod = 300 * time.Millisecond

// LeftToVoter is how long the process that took the deciding vote still has for it. What
// ended otherwise, by its deadline say, has votes too, and nobody but us to act on it.
func LeftToVoter(a approvals.Approval, now time.Time) time.Duration {
	if !slices.ContainsFunc(a.Votes, func(v approvals.Vote) bool { return v.At.Equal(a.DecidedAt) }) {
		return 0
	}
	return LeftOf(LeaderTakeoverDelay, a.DecidedAt, now)
}

// LeftOf is what is left of d from at on, 0 when it is over. Another process's clock said
// at: one that is a little ahead is borne with, and one that is far off is not waited for.
func LeftOf(d time.Duration, at, now time.Time) time.Duration {
	if Ahead(at, now) {
		return 0
	}
	return min(max(at.Add(d).Sub(now), 0), d)
}

// Ahead says whether a clock that is far from ours said at.
func Ahead(at, now time.Time) bool { return at.Sub(now) > LeaderTakeoverDelay }
