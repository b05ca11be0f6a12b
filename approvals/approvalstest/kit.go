package approvalstest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign-dev/countersign/approvals"
)

// Same compares Approvals as people do: no list is an empty list, and an instant is
// the same in every time zone.
var Same = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}

// casters is the number of people who vote at once.
const casters = 50

// RunStore tests the contract of every approvals.Store. open returns a Store that holds seed.
func RunStore(t *testing.T, open func(t *testing.T, seed ...approvals.Approval) approvals.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, opener){
		"get":                testGet,
		"list":               testList,
		"update":             testUpdate,
		"update refused":     testUpdateRefused,
		"no vote is lost":    testNoVoteLost,
		"quorum once":        testQuorumOnce,
		"vote and expiry":    testVoteAndExpiry,
		"after the decision": testLate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

type opener = func(*testing.T, ...approvals.Approval) approvals.Store

func testGet(t *testing.T, open opener) {
	want := Make("one").Users("alice", "bob").Quorum(2).Voted("alice", approvals.Approve, "looks good").Obj()
	s := open(t, want, Make("two").Obj())
	got, err := s.Get(t.Context(), want.Key)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, Same); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if _, err := s.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "one"}); err != nil {
		t.Errorf("without a UID: %v", err)
	}
	for name, key := range map[string]approvals.Key{
		"no such name":      {Namespace: "prod", Name: "three"},
		"no such namespace": {Namespace: "dev", Name: "one"},
		"another's UID":     {Namespace: "prod", Name: "one", UID: "uid-two"},
	} {
		if _, err := s.Get(t.Context(), key); approvals.CodeOf(err) != approvals.CodeNotFound {
			t.Errorf("%s: get: %v, want %s", name, err, approvals.CodeNotFound)
		}
		_, err := s.Update(t.Context(), key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			t.Errorf("%s: update ran", name)
			return a, approvals.NoChange, nil
		})
		if approvals.CodeOf(err) != approvals.CodeNotFound {
			t.Errorf("%s: update: %v, want %s", name, err, approvals.CodeNotFound)
		}
	}
}

func testList(t *testing.T, open opener) {
	s := open(t, Make("one").Obj(), Make("two").Obj(), Make("three").In("dev").Obj())
	for namespace, want := range map[string]int{"": 3, "prod": 2, "dev": 1, "none": 0} {
		list, err := s.List(t.Context(), namespace)
		if err != nil || len(list) != want {
			t.Errorf("namespace %q: %d approvals and error %v, want %d", namespace, len(list), err, want)
		}
	}
}

func testUpdate(t *testing.T, open opener) {
	a := Make("one").Obj()
	s := open(t, a)
	got, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		return approvals.Cast(a, Ballot("alice", approvals.Approve, "line 1\nline 2 – ✓"), T0.Add(time.Minute))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Outcome != approvals.Approved || len(got.Results) != 4 {
		t.Errorf("outcome %s with results %v", got.Outcome, got.Results)
	}
	if d := cmp.Diff(got, must(s.Get(t.Context(), a.Key)), Same); d != "" {
		t.Errorf("what was returned is not what is kept (-returned +kept)\n%s", d)
	}
}

func testUpdateRefused(t *testing.T, open opener) {
	a := Make("one").Obj()
	s := open(t, a)
	stop := errors.New("stop")
	_, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.Outcome = approvals.Rejected
		return a, approvals.Ended, stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the one from change", err)
	}
	_, err = s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
		a.Outcome = approvals.Rejected
		return a, approvals.NoChange, nil
	})
	if err != nil {
		t.Errorf("absent: %v", err)
	}
	if d := cmp.Diff(a, must(s.Get(t.Context(), a.Key)), Same); d != "" {
		t.Errorf("it was changed (-want +got)\n%s", d)
	}
}

func testNoVoteLost(t *testing.T, open opener) {
	a := Make("crowd").Users(crowd()...).Quorum(casters + 1).Obj()
	s := open(t, a)
	for _, r := range stampede(t, s, a.Key) {
		if r.err != nil || r.did != approvals.Voted {
			t.Errorf("%s: %s and error %v", r.voter, r.did, r.err)
		}
	}
	got := must(s.Get(t.Context(), a.Key))
	if n := distinct(got.Votes); n != casters || len(got.Votes) != casters || got.Decided() {
		t.Errorf("%d votes by %d people, outcome %s; want %d by as many, pending", len(got.Votes), n, got.Outcome, casters)
	}
}

func testQuorumOnce(t *testing.T, open opener) {
	const required = 20
	a := Make("crowd").Users(crowd()...).Quorum(required).Obj()
	s := open(t, a)
	did := map[approvals.Change]int{}
	refused := 0
	for _, r := range stampede(t, s, a.Key) {
		if approvals.CodeOf(r.err) == approvals.CodeConflict {
			refused++
		} else if r.err != nil {
			t.Errorf("%s: %v", r.voter, r.err)
		} else {
			did[r.did]++
		}
	}
	if did[approvals.Ended] != 1 || did[approvals.Voted] != required-1 || refused != casters-required {
		t.Errorf("%d ended, %d voted, %d refused; want 1, %d, %d", did[approvals.Ended], did[approvals.Voted], refused, required-1, casters-required)
	}
	if got := must(s.Get(t.Context(), a.Key)); len(got.Votes) != required || got.Outcome != approvals.Approved {
		t.Errorf("%d votes, outcome %s", len(got.Votes), got.Outcome)
	}
}

// testVoteAndExpiry: at the deadline a last vote and the clock race, and one wins.
func testVoteAndExpiry(t *testing.T, open opener) {
	a := Make("one").Obj()
	s := open(t, a)
	ends := make(chan approvals.Change, 2)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, did, _ := desk(s, a.Deadline().Add(-time.Second)).Vote(t.Context(), a.Key, Ballot("alice", approvals.Approve, ""))
		ends <- did
	})
	wg.Go(func() {
		var did approvals.Change
		_, err := s.Update(t.Context(), a.Key, func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
			a, did = approvals.Expire(a, a.Deadline())
			return a, did, nil
		})
		if err != nil {
			t.Error(err)
		}
		ends <- did
	})
	wg.Wait()
	if x, y := <-ends, <-ends; (x == approvals.Ended) == (y == approvals.Ended) {
		t.Errorf("vote and expiry: %s and %s, want exactly one end", x, y)
	}
	if got := must(s.Get(t.Context(), a.Key)); (got.Outcome == approvals.Expired) != (len(got.Votes) == 0) {
		t.Errorf("outcome %s with %d votes", got.Outcome, len(got.Votes))
	}
}

func testLate(t *testing.T, open opener) {
	a := Make("one").Users("alice", "bob").Obj()
	s := open(t, a)
	d := desk(s, T0.Add(time.Minute))
	if _, did, err := d.Vote(t.Context(), a.Key, Ballot("alice", approvals.Approve, "")); err != nil || did != approvals.Ended {
		t.Fatalf("%s, %v", did, err)
	}
	want := must(s.Get(t.Context(), a.Key))
	if _, did, err := d.Vote(t.Context(), a.Key, Ballot("alice", approvals.Approve, "")); err != nil || did != approvals.NoChange {
		t.Errorf("the same vote again: %s, %v", did, err)
	}
	for _, b := range []approvals.Ballot{Ballot("bob", approvals.Approve, ""), Ballot("alice", approvals.Reject, "")} {
		if _, _, err := d.Vote(t.Context(), a.Key, b); approvals.CodeOf(err) != approvals.CodeConflict {
			t.Errorf("%s by %s: %v, want %s", b.Verdict, b.Voter.Name, err, approvals.CodeConflict)
		}
	}
	if d := cmp.Diff(want, must(s.Get(t.Context(), a.Key)), Same); d != "" {
		t.Errorf("it was changed after the decision (-want +got)\n%s", d)
	}
}

type voted struct {
	voter string
	did   approvals.Change
	err   error
}

// stampede has everybody approve at once. A voter who lost too many races tries
// again, as the error says.
func stampede(t *testing.T, s approvals.Store, key approvals.Key) []voted {
	out := make([]voted, casters)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, voter := range crowd() {
		wg.Go(func() {
			<-start
			r := voted{voter: voter, err: approvals.Errorf(approvals.CodeUnavailable, "not yet")}
			for approvals.CodeOf(r.err) == approvals.CodeUnavailable && t.Context().Err() == nil {
				_, r.did, r.err = desk(s, T0.Add(time.Minute)).Vote(t.Context(), key, Ballot(voter, approvals.Approve, "by "+voter))
			}
			out[i] = r
		})
	}
	close(start)
	wg.Wait()
	return out
}

func desk(s approvals.Store, now time.Time) *approvals.VoteService {
	return &approvals.VoteService{
		Store: s, Now: func() time.Time { return now },
		Results:  DefaultResults{},
		Outcomes: NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {},
	}
}

func crowd() []string {
	names := make([]string, casters)
	for i := range names {
		names[i] = fmt.Sprintf("person-%02d", i)
	}
	return names
}

func distinct(votes []approvals.Vote) int {
	seen := map[string]bool{}
	for _, v := range votes {
		seen[v.Voter] = true
	}
	return len(seen)
}

func must(a approvals.Approval, err error) approvals.Approval {
	if err != nil {
		panic(err)
	}
	return a
}
