package check

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// objects: every Vote has an answer, what is Recorded was there, and what is Refused was
// refused by the rules.
func (f *Findings) objects() {
	for _, name := range slices.Sorted(maps.Keys(f.FinalVotes)) {
		v := f.FinalVotes[name]
		a, ok := f.Final[v.Spec.Approval]
		if !ok {
			continue
		}
		ever := f.everCounted(a, v)
		same := slices.ContainsFunc(a.Status.Votes, func(r v1alpha1.VoteRecord) bool {
			return r.Voter == v.Spec.Voter && string(r.Verdict) == v.Spec.Verdict
		})
		switch v.Status.State {
		case "":
			f.bad("every Vote is answered", a.Name, "Vote %s made %s has no state at %s", name, stamp(v.CreationTimestamp.Time), stamp(f.Ended))
		case "Recorded":
			f.Notes["Vote objects recorded"]++
			if !ever && !same && f.Gaps == 0 {
				f.bad("no acknowledged vote is lost", a.Name, "Vote %s is Recorded (%s) and never was in the approval", name, v.Status.Message)
			}
			if v.Spec.Voter == f.user("eve") {
				f.bad("nobody votes who may not", a.Name, "Vote %s of eve is Recorded", name)
			}
		case "Refused":
			f.Notes["Vote objects refused"]++
			if ever {
				f.bad("refusals are true", a.Name, "Vote %s is Refused (%s) and was in the approval", name, v.Status.Message)
			}
			if strings.Contains(v.Status.Message, "could not be read or written") {
				f.bad("refusals are true", a.Name, "Vote %s made %s is Refused for good: %s", name, stamp(v.CreationTimestamp.Time), v.Status.Message)
			}
			f.inTime(a, v)
		}
	}
}

// inTime: a Vote counts by the time at which it was made, by the API server's clock, and not by the
// time at which somebody looked. The clock has whole seconds.
func (f *Findings) inTime(a v1alpha1.Approval, v v1alpha1.Vote) {
	g := history.Gates[history.GateOf(a.Spec.Trigger)]
	p := v.Spec
	made := v.CreationTimestamp.Add(time.Second)
	if a.Status.Outcome == "Expired" && made.Before(deadlineOf(a, g)) && g.May(f.NS, p.Voter, p.Verdict, requesterOf(a)) {
		f.bad("what is in time counts", a.Name, "Vote %s made %s is Refused (%s); deadline %s", v.Name, stamp(v.CreationTimestamp.Time), v.Status.Message, stamp(deadlineOf(a, g)))
	}
}

// everCounted reports whether a version of a had v's vote, or a vote that v withdrew.
func (f *Findings) everCounted(a v1alpha1.Approval, v v1alpha1.Vote) bool {
	evidence := "vote:" + string(v.UID)
	for _, x := range append(slices.Clone(f.Versions[a.Name]), history.ApprovalSeen{Approval: a}) {
		if slices.ContainsFunc(x.Status.Votes, func(r v1alpha1.VoteRecord) bool { return r.CredentialID == evidence }) {
			return true
		}
		if slices.ContainsFunc(x.Status.Withdrawn, func(r v1alpha1.Withdrawal) bool {
			return r.WithdrawnByCredential == evidence || r.CredentialID == evidence
		}) {
			return true
		}
	}
	return false
}
