package approvals_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// machine drives one Approval through random votes and time, and holds it to the
// rules by its own reading of them.
type machine struct {
	policy    approvals.Policy
	required  int // by the machine's own reading
	requester string
	proved    bool
	a         approvals.Approval
	now       time.Time
	ended     *approvals.Approval // as it ended
}

// people are the names that vote, some of them one person's.
var people = rapid.SampledFrom([]string{"alice", "Alice", "bob", "carol", "dave", "erin", ""})

func newMachine(t *rapid.T) *machine {
	p := approvals.Policy{
		Gate:      "production",
		Approvers: users(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"alice", "Alice", "bob", "carol", "dave"}), 0, 4, rapid.ID).Draw(t, "users")...),
		Groups:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"sre", "security"}), 0, 2, rapid.ID).Draw(t, "groups"),
		Strategy:  rapid.SampledFrom([]approvals.Strategy{approvals.Single, approvals.FourEyes, approvals.Quorum}).Draw(t, "strategy"),
		Requester: rapid.SampledFrom([]approvals.RequesterRule{approvals.RequesterExclude, approvals.RequesterAllow}).Draw(t, "rule"),
		Lifetime:  time.Hour,
		Inputs:    []approvals.Input{{Name: "env", Type: approvals.InputString}, {Name: "size", Type: approvals.InputString, Default: "s"}},
	}
	required := 1
	if p.Strategy == approvals.FourEyes {
		required = 2
	}
	if p.Strategy == approvals.Quorum {
		required = rapid.IntRange(1, 4).Draw(t, "required")
		p.Required = required
	}
	requester := people.Draw(t, "requester")
	if p.Validate(requester) != nil {
		t.Skip("not a policy that is ever put before people")
	}
	proved := rapid.Bool().Draw(t, "proved")
	made := ct.Make("m").Requester(requester)
	if !proved {
		made = ct.Make("m").Said(requester)
	}
	b := made.With(func(a *approvals.Approval) { a.Resolved.Policy = &p })
	return &machine{policy: p, required: required, requester: requester, proved: proved, a: b.Obj(), now: ct.T0}
}

func (m *machine) cast(t *rapid.T) {
	b := ct.Ballot(
		people.Draw(t, "voter"),
		rapid.SampledFrom([]approvals.Verdict{approve, approve, approve, reject, "", "maybe"}).Draw(t, "verdict"),
		rapid.SampledFrom([]string{"", "ok", "$(uid)", "[1]", strings.Repeat("x", 3000)}).Draw(t, "comment"),
		rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"sre", "security", "dev"}), 0, 2, rapid.ID).Draw(t, "groups")...,
	)
	b.Inputs = rapid.SampledFrom([][]approvals.Param{nil, {{Name: "env", Value: "x"}}, {{Name: "env", Value: "y"}, {Name: "size", Value: "s"}}, {{Name: "size", Value: "l"}}}).Draw(t, "inputs")
	next, change, err := approvals.Cast(m.a, b, m.now)
	legal := m.eligible(b.Voter, b.Verdict) && m.agrees(b) && (b.Verdict == approve || b.Verdict == reject) && len(b.Comment) < 3000
	switch {
	case err != nil && change != approvals.NoChange:
		t.Fatalf("%s and an error: %v", change, err)
	case err == nil && !legal:
		t.Fatalf("%+v was taken (%s)", b, change)
	case err != nil && legal && m.ended == nil && m.now.Before(m.a.Deadline()):
		t.Fatalf("%+v was refused: %v", b, err)
	case change == approvals.Voted && !slices.ContainsFunc(next.Votes, func(v approvals.Vote) bool {
		return v.Voter == b.Voter.Name && v.Verdict == b.Verdict && v.At.Equal(m.now)
	}):
		t.Fatalf("%+v is not among the votes %+v", b, next.Votes)
	}
	m.step(t, next, change)
}

func (m *machine) withdraw(t *rapid.T) {
	voter := people.Draw(t, "voter")
	next, change, err := approvals.Cast(m.a, ct.Ballot(voter, approvals.Withdraw, "", m.policy.Groups...), m.now)
	mine := func(v approvals.Vote) bool { return strings.EqualFold(v.Voter, voter) }
	if (err == nil) != (change == approvals.Withdrew) {
		t.Fatalf("%s withdraws: %s, %v", voter, change, err)
	}
	if err == nil && (!slices.ContainsFunc(m.a.Votes, mine) || slices.ContainsFunc(next.Votes, mine) || len(next.Votes) != len(m.a.Votes)-1) {
		t.Fatalf("%s withdraws, and the votes were %+v and are %+v", voter, m.a.Votes, next.Votes)
	}
	m.step(t, next, change)
}

func (m *machine) expire(t *rapid.T) {
	next, change := approvals.Expire(m.a, m.now)
	m.step(t, next, change)
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "minutes")) * time.Minute)
}

// step takes a transition and holds it to what a change says.
func (m *machine) step(t *rapid.T, next approvals.Approval, change approvals.Change) {
	if d := cmp.Diff(m.a, next); (d == "") != (change == approvals.NoChange) {
		t.Fatalf("%s, and the difference is %s", change, d)
	}
	if (change == approvals.Ended) != (!m.a.Decided() && next.Decided()) {
		t.Fatalf("%s from %s to %s", change, m.a.Outcome, next.Outcome)
	}
	if m.a = next; change == approvals.Ended {
		m.ended = &next
	}
}

// agrees says whether b approves what the others approve, by the machine's own reading.
func (m *machine) agrees(b approvals.Ballot) bool {
	if b.Verdict != approve || m.ended != nil { // after the end nothing is recorded
		return true
	}
	filled := func(ps []approvals.Param) map[string]string {
		out := map[string]string{"size": "s"}
		for _, p := range ps {
			out[p.Name] = p.Value
		}
		return out
	}
	first := slices.IndexFunc(m.a.Votes, func(v approvals.Vote) bool { return v.Verdict == approve })
	if !slices.ContainsFunc(m.a.Votes, func(v approvals.Vote) bool { return v.Verdict == approve && !strings.EqualFold(v.Voter, b.Voter.Name) }) {
		return true
	}
	theirs := filled(m.a.Votes[first].Inputs)
	for _, p := range b.Inputs {
		if theirs[p.Name] != p.Value {
			return false
		}
	}
	return true
}

func (m *machine) eligible(id approvals.Identity, v approvals.Verdict) bool {
	asked := m.policy.Requester == approvals.RequesterExclude && m.requester != "" && strings.EqualFold(id.Name, m.requester)
	if id.Name == "" || asked && (m.proved || v == approve) {
		return false
	}
	return slices.ContainsFunc(m.policy.Approvers, func(a approvals.Approver) bool { return a.Name == id.Name }) ||
		slices.ContainsFunc(id.Groups, func(g string) bool { return slices.Contains(m.policy.Groups, g) })
}

// check is what holds after every step.
func (m *machine) check(t *rapid.T) {
	a := m.a
	if m.ended != nil {
		if d := cmp.Diff(*m.ended, a); d != "" {
			t.Fatalf("changed after its end: %s", d)
		}
	}
	var approved, rejected int
	for i, v := range a.Votes {
		for _, w := range a.Votes[:i] {
			if strings.EqualFold(v.Voter, w.Voter) {
				t.Fatalf("two votes of one person: %s and %s", v.Voter, w.Voter)
			}
		}
		if m.policy.Requester == approvals.RequesterExclude && m.requester != "" && strings.EqualFold(v.Voter, m.requester) && (m.proved || v.Verdict == approve) {
			t.Fatalf("the requester %s voted", m.requester)
		}
		agreed, _ := approvals.Agreed(a, approvals.Identity{Name: "nobody"})
		for _, in := range v.Inputs {
			if v.Verdict == approve && approvals.ByName(agreed)[in.Name] != in.Value {
				t.Fatalf("%s approves another thing than %+v: %+v", v.Voter, agreed, v.Inputs)
			}
		}
		if !v.At.Before(a.Deadline()) || v.At.Before(a.OpenedAt) {
			t.Fatalf("a vote at %s, outside its time", v.At)
		}
		if v.Verdict == approve {
			approved++
		} else {
			rejected++
		}
	}
	met := approved >= m.required && rejected == 0
	switch a.Outcome {
	case approvals.Pending:
		if met || rejected > 0 || a.Results != nil || !a.DecidedAt.IsZero() {
			t.Fatalf("pending with %d approvals, %d rejections, results %v", approved, rejected, a.Results)
		}
		if want := m.required - approved; approvals.Missing(a) != want {
			t.Fatalf("%d missing, want %d", approvals.Missing(a), want)
		}
		return
	case approvals.Approved:
		if !met {
			t.Fatalf("approved by %d of %d with %d rejections", approved, m.required, rejected)
		}
	case approvals.Rejected:
		if rejected != 1 {
			t.Fatalf("rejected by %d", rejected)
		}
	case approvals.Expired:
		if met || rejected > 0 || a.DecidedAt.Before(a.Deadline()) {
			t.Fatalf("expired at %s with %d approvals and %d rejections", a.DecidedAt, approved, rejected)
		}
	default:
		t.Fatalf("outcome %q", a.Outcome)
	}
	var names []string
	for _, r := range a.Results {
		names = append(names, r.Name)
		if strings.Contains(r.Value, "$(") {
			t.Fatalf("result %s is %q", r.Name, r.Value)
		}
	}
	if d := cmp.Diff([]string{"decision", "comment", "approvedBy", "rejectedBy"}, names); d != "" {
		t.Fatalf("results %s", d)
	}
	if decision, _ := result(a, "decision"); (decision == "true") != (a.Outcome == approvals.Approved) {
		t.Fatalf("%s, and the decision is %q", a.Outcome, decision)
	}
}

func TestStateMachine(t *testing.T) {
	t.Parallel()
	ends := map[approvals.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){"cast": m.cast, "expire": m.expire, "withdraw": m.withdraw, "wait": m.wait, "": m.check})
		ends[m.a.Outcome]++
	})
	for _, o := range []approvals.Outcome{approvals.Pending, approvals.Approved, approvals.Rejected, approvals.Expired} {
		if ends[o] == 0 && !t.Failed() {
			t.Errorf("no run ended %s (%v): the machine does not reach what it checks", o, ends)
		}
	}
}
