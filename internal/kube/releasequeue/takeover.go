package releasequeue

import (
	"context"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/release"
)

// Takeover releases what another process decided and may have died before it posted. The
// leader does that too, once it leads and the voter's process has had its time; but the one that died
// is mostly the leader, and then both would have to be waited for.
//
// It believes the signed Approval and nobody's word that the other one is dead: the run's
// name is the key, so what was posted after all is posted once more, and starts nothing.
type Takeover struct {
	Approvals interface {
		Snapshot(ctx context.Context) (*overview.Snapshot, error)
	}
	Fresh    func(ctx context.Context, key approvals.Key) (approvals.Approval, error) // from the API server
	Attempts *release.Attempts                                                        // of this process
	Runs     Runs
	Outcomes approvals.OutcomeHandler
	Now      func() time.Time
}

// Take queues the releases that are left to a voter's process at this moment, and that are not
// known here to have come. It may be called again while the other process is dead: a release
// that this process has begun is not begun twice. An error leaves all to the leader.
func (t *Takeover) Take(ctx context.Context) error {
	all, err := t.Approvals.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, key := range t.inTurns(ctx, all) {
		fresh, err := t.Fresh(ctx, key)
		switch {
		case approvals.CodeOf(err) == approvals.CodeNotFound || err == nil && !fresh.ToRelease() && !fresh.ToAnswer():
			continue
		case err != nil:
			return err
		}
		t.Outcomes.HandleOutcome(fresh)
	}
	return nil
}

// inTurns returns the keys of what is left, a namespace after the other: they are read one by one, and a
// thousand decisions of one namespace are no reason for another's to wait.
func (t *Takeover) inTurns(ctx context.Context, all *overview.Snapshot) []approvals.Key {
	now := t.Now()
	var rounds [][]approvals.Key
	for _, space := range all.Namespaces {
		n := 0
		for _, e := range space.All {
			if !t.left(ctx, e.Approval, now) {
				continue
			}
			if n == len(rounds) {
				rounds = append(rounds, nil)
			}
			rounds[n] = append(rounds[n], e.Key)
			n++
		}
	}
	return slices.Concat(rounds...)
}

// left reports whether a is to be released, or answered, by the process that took its last vote.
func (t *Takeover) left(ctx context.Context, a approvals.Approval, now time.Time) bool {
	if outcome.LeftToVoter(a, now) <= 0 {
		return false
	}
	if a.ToAnswer() { // answering twice writes the same
		return true
	}
	if mine, _ := t.Attempts.Get(a.Key, now); mine.Posts > 0 {
		return false
	}
	return a.ToRelease() && !t.Runs.Came(ctx, a)
}
