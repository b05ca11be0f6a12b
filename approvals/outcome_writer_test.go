package approvals_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/approvalstest"
)

// watched is a store that knows whether one of its writes is going on.
type watched struct {
	approvals.Store
	writing bool
	updates int
	before  func() // runs before each write's own look
}

func (w *watched) Update(ctx context.Context, key approvals.Key, change func(approvals.Approval) (approvals.Approval, approvals.Change, error)) (approvals.Approval, error) {
	w.updates++
	if w.before != nil {
		w.before()
	}
	return w.Store.Update(ctx, key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		w.writing = true
		defer func() { w.writing = false }()
		return change(a)
	})
}

// Results are worked out before the write: of the decision that is then written, also when
// somebody else was first.
func TestResultsAreNotEvaluatedInAWrite(t *testing.T) {
	now := approvalstest.T0.Add(time.Minute)
	a := approvalstest.Make("a").Users("ann", "bob", "cy").Quorum(2).Obj()
	store := approvalstest.NewMemStore(a)
	w := &watched{Store: store}
	evaluated := 0
	desk := &approvals.VoteService{
		Store: w, Now: func() time.Time { return now },
		Results: approvalstest.ResultsFunc(func(_ context.Context, a approvals.Approval) ([]approvals.Param, error) {
			if w.writing {
				t.Error("expressions are evaluated within a write")
			}
			evaluated++
			return append(approvals.DefaultResults(a), approvals.Param{Name: "votes", Value: string(rune('0' + len(a.Votes)))}), nil
		}),
		Outcomes: approvalstest.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
	}
	people := a.Resolved.Policy.People()
	if len(people) < 3 {
		t.Fatalf("the Gate names %d people", len(people))
	}
	vote := func(i int, v approvals.Verdict) (approvals.Approval, error) {
		b := approvalstest.Ballot(people[i].Name, v, "")
		got, _, err := desk.Vote(t.Context(), a.Key, b)
		return got, err
	}
	if _, err := vote(0, approvals.Approve); err != nil {
		t.Fatal(err)
	}
	if evaluated != 0 {
		t.Errorf("a vote that decides nothing evaluated %d times", evaluated)
	}
	// Somebody takes their vote back and votes again between the look and the write: what
	// decides is another decision, with other votes.
	first := true
	w.before = func() {
		if !first {
			return
		}
		first = false
		_, err := store.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a.Votes[0].Comment = "on second thought"
			return a, approvals.Voted, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := vote(1, approvals.Approve)
	if err != nil || got.Outcome != approvals.Approved {
		t.Fatalf("%v, %v", got.Outcome, err)
	}
	if evaluated != 2 {
		t.Errorf("evaluated %d times; of each of the two decisions once is right", evaluated)
	}
	results := approvals.ByName(got.Results)
	if results["comment"] != "on second thought" || results["votes"] != "2" {
		t.Errorf("the results are of another decision: %v", results)
	}
}

// A store in which each write meets another decision ends with an error, and not never.
func TestResultsOfWhatNeverStopsChanging(t *testing.T) {
	a := approvalstest.Make("a").Users("ann", "bob", "cy").Quorum(2).Obj()
	store := approvalstest.NewMemStore(a)
	w := &watched{Store: store}
	n := 0
	w.before = func() {
		n++
		_, _ = store.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a.Resolved.SupersedeKey += "x"
			return a, approvals.Blocking, nil
		})
	}
	_, _, err := approvals.OutcomeWriter{Store: w, Results: approvalstest.DefaultResults{}, Handler: approvalstest.NoOutcomes{}}.SaveSeen(t.Context(), a, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cancel(a, approvals.Cancellation{By: "ops", Reason: "no"}, approvalstest.T0.Add(time.Hour))
	})
	if approvals.CodeOf(err) != approvals.CodeUnavailable || n > 20 {
		t.Errorf("%v after %d writes", err, n)
	}
}
