package approvals

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// maxEvaluations bounds how often the results of one decision are computed: again only if the
// Approval changed meanwhile.
const maxEvaluations = 8

// errEvaluate ends a write whose results are not worked out yet.
var errEvaluate = errors.New("the results of this decision are not ready yet")

// ResultEvaluator works out the results of a decision.
type ResultEvaluator interface {
	// Results gives the results of an Approval that has just ended. It is called before the
	// write, and must be pure: a lost race asks it again. It must not panic.
	Results(ctx context.Context, a Approval) ([]Param, error)
}

// OutcomeHandler acts on outcomes.
type OutcomeHandler interface {
	// HandleOutcome is called after an outcome was saved by this process, with the saved
	// Approval. It must not block: what it starts is done again by the leader if this process
	// dies.
	HandleOutcome(a Approval)
}

// OutcomeHandlers act one after the other.
type OutcomeHandlers []OutcomeHandler

// HandleOutcome implements OutcomeHandler.
func (hs OutcomeHandlers) HandleOutcome(a Approval) {
	for _, h := range hs {
		h.HandleOutcome(a)
	}
}

// OutcomeWriter saves what changes Approvals, with the results of what ends: whatever ends one
// goes through here.
type OutcomeWriter struct {
	Store   Store
	Results ResultEvaluator
	Handler OutcomeHandler
}

// End saves an end that no vote brought, or the end of the attempts to release.
func (w OutcomeWriter) End(ctx context.Context, key Key, change func(Approval) (Approval, Change)) (Approval, error) {
	a, _, err := w.Save(ctx, key, func(a Approval) (Approval, Change, error) {
		a, did := change(a)
		return a, did, nil
	})
	return a, err
}

// Save is SaveSeen of the newest that the Store has at hand.
func (w OutcomeWriter) Save(ctx context.Context, key Key, change func(Approval) (Approval, Change, error)) (Approval, Change, error) {
	seen, err := w.Store.Get(ctx, key)
	if err != nil {
		return seen, NoChange, err
	}
	return w.SaveSeen(ctx, seen, change)
}

// SaveSeen saves what change makes of an Approval, and where that ends it, its results with
// it in the same write. Expressions are evaluated before the write and never in it: a write
// that waits for them would be repeated, and would wait again, whenever somebody else was
// first.
//
// They are evaluated of seen, the newest that the caller has, and again only where the
// write meets a decision that is another one. change must give the same for the same
// Approval: it takes its time from outside.
func (w OutcomeWriter) SaveSeen(ctx context.Context, seen Approval, change func(Approval) (Approval, Change, error)) (Approval, Change, error) {
	a, did, err := w.save(ctx, seen, change)
	if err == nil && did == Ended {
		w.Handler.HandleOutcome(a)
	}
	return a, did, err
}

func (w OutcomeWriter) save(ctx context.Context, seen Approval, change func(Approval) (Approval, Change, error)) (Approval, Change, error) {
	if err := seen.Source.Whole(); err != nil {
		return seen, NoChange, err
	}
	var of *Approval // what given are the results of
	var given []Param
	if next, did, err := change(seen); err == nil && did == Ended && next.Resolved != nil {
		if given, err = w.Results.Results(ctx, next); err != nil {
			return seen, NoChange, err
		}
		of = &next
	}
	for range maxEvaluations {
		var did Change
		var other *Approval
		a, err := w.Store.Update(ctx, seen.Key, func(a Approval) (Approval, Change, error) {
			next, change, err := change(a)
			did, other = change, nil
			if err != nil || change != Ended || next.Resolved == nil {
				return next, change, err
			}
			if of == nil || !sameDecision(*of, next) {
				other = &next
				return a, NoChange, errEvaluate
			}
			next.Results = given
			return next, change, nil
		})
		if other == nil || !errors.Is(err, errEvaluate) {
			return a, did, err
		}
		if given, err = w.Results.Results(ctx, *other); err != nil {
			return a, NoChange, err
		}
		of = other
	}
	return seen, NoChange, Errorf(CodeUnavailable, "approval %s changes too quickly: it changed %d times while it was being saved; try again", seen.Key, maxEvaluations)
}

// sameDecision reports whether a and b have the same results: what expressions see of them
// is the same.
func sameDecision(a, b Approval) bool {
	type decision struct {
		key            Key
		trigger        string
		source         Source
		resolved       *ResolvedSpec
		votes          []Vote
		outcome        Outcome
		at             time.Time
		inputs         []Param
		defaultResults []Param
	}
	of := func(a Approval) decision {
		return decision{a.Key, a.Trigger, a.Source, a.Resolved, a.Votes, a.Outcome, a.DecidedAt, a.Inputs, a.Results}
	}
	return reflect.DeepEqual(of(a), of(b))
}
