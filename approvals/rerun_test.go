package approvals_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// failed has a run that failed an hour after T0, and a Gate that allows two more.
func failed() *ct.Builder {
	return started().With(func(a *approvals.Approval) {
		a.Resolved.Policy.Rerun.Limit = 2
		a.EventID = "event-1"
		a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: ct.T0.Add(time.Hour), Task: "apply"}
	})
}

var operator = approvals.Identity{Name: "olga", AuthMethod: approvals.AuthToken, CredentialID: "token"}

// TestRunAgain: which runs can be started again on the same decision, and what each refusal says.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	now := ct.T0.Add(2 * time.Hour)
	change := func(f func(*approvals.Approval)) *ct.Builder { return failed().With(f) }
	outcome := func(o approvals.RunOutcome) *ct.Builder {
		return change(func(a *approvals.Approval) { a.RunEnd.Outcome = o })
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		why  string
		code approvals.Code
	}{
		"it failed":             {a: failed(), why: "the registry is back"},
		"it was cancelled":      {a: outcome(approvals.RunCancelled), why: "x"},
		"it was deleted":        {a: outcome(approvals.RunGone), why: "x"},
		"no reason":             {a: failed(), why: " \n", code: approvals.CodeInvalid},
		"too long a reason":     {a: failed(), why: strings.Repeat("x", approvals.MaxComment+1), code: approvals.CodeInvalid},
		"it succeeded":          {a: outcome(approvals.RunSucceeded), why: "x", code: approvals.CodeConflict},
		"it goes on":            {a: started(), why: "x", code: approvals.CodeConflict},
		"it starts nothing":     {a: ct.Make("a").Voted("alice", approvals.Reject, ""), why: "x", code: approvals.CodeConflict},
		"pending":               {a: ct.Make("a"), why: "x", code: approvals.CodeConflict},
		"the Gate allows none":  {a: change(func(a *approvals.Approval) { a.Resolved.Policy.Rerun.Limit = 0 }), why: "x", code: approvals.CodeConflict},
		"it was asked again":    {a: change(func(a *approvals.Approval) { a.SupersededBy = "b" }), why: "x", code: approvals.CodeConflict},
		"it came after all":     {a: change(func(a *approvals.Approval) { a.Cancellation = &approvals.Cancellation{By: "bob", Reason: "no"} }), why: "x", code: approvals.CodeConflict},
		"it was something else": {a: change(func(a *approvals.Approval) { a.Unreleased = &approvals.Problem{Reason: approvals.ReasonRunDiffers} }), why: "x", code: approvals.CodeConflict},
		"a pending run": {a: change(func(a *approvals.Approval) {
			a.Resolved.Target = &approvals.Target{Kind: approvals.TargetPendingRun, Name: "r"}
		}), why: "x", code: approvals.CodeConflict},
		"long ago": {a: change(func(a *approvals.Approval) { a.RunEnd.EndedAt = now.Add(-25 * time.Hour) }), why: "x", code: approvals.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.a.Obj()
			got, did, err := approvals.RunAgain(before, operator, c.why, now)
			if approvals.CodeOf(err) != c.code {
				t.Fatalf("error %v, want %q", err, c.code)
			}
			if c.code != "" {
				said.Check(t, name, approvals.Message(err))
				if did != approvals.NoChange || len(got.Reruns) != 0 {
					t.Errorf("refused, and did %s", did)
				}
				return
			}
			r := got.Reruns[0]
			if did != approvals.Again || got.SecondRun != nil || got.RunEnd != nil || got.EventID != "" || !got.ToRelease() || !got.AwaitsRun() || got.Attempt() != 1 {
				t.Errorf("did %s; next %v, end %v, to release %t, attempt %d", did, got.SecondRun, got.RunEnd, got.ToRelease(), got.Attempt())
			}
			if r.By != "olga" || r.Reason != strings.TrimSpace(c.why) || !r.At.Equal(now) || r.Run != *before.SecondRun || r.End != *before.RunEnd {
				t.Errorf("recorded %+v", r)
			}
			if got.Outcome != before.Outcome || len(got.Votes) != len(before.Votes) || got.Resolved.Digest != before.Resolved.Digest {
				t.Error("the decision is not what it was")
			}
			if _, _, err := approvals.RunAgain(got, operator, "twice", now); approvals.CodeOf(err) != approvals.CodeConflict {
				t.Errorf("while it is being started again: %v, want a conflict", err)
			}
		})
	}
}

// TestRerunLimit: a Gate's limit counts for one decision, and one Vote counts once however often
// it is folded in.
func TestRerunLimit(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	now, a := ct.T0.Add(2*time.Hour), failed().Obj()
	fail := func() {
		n := a.Attempt()
		a.SecondRun = &approvals.Run{Name: "again", UID: strings.Repeat("x", n+1), At: now}
		a.RunEnd = &approvals.RunEnd{Outcome: approvals.RunFailed, EndedAt: now}
	}
	byVote := approvals.Identity{Name: "olga", AuthMethod: approvals.AuthObject, CredentialID: "vote:1"}
	var err error
	for want := 1; want <= 2; want++ {
		if a, _, err = approvals.RunAgain(a, byVote, "again", now); err != nil || a.Attempt() != want {
			t.Fatalf("attempt %d: %v", a.Attempt(), err)
		}
		fail()
		if same, did, err := approvals.RunAgain(a, byVote, "again", now); did != approvals.NoChange || err != nil || same.Attempt() != want {
			t.Errorf("the same Vote again: %s, %v", did, err)
		}
		byVote.CredentialID = "vote:2"
	}
	byVote.CredentialID = "vote:3"
	if _, _, err = approvals.RunAgain(a, byVote, "again", now); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("beyond the limit: %v, want a conflict", err)
	}
	said.Check(t, "beyond the limit", approvals.Message(err))
	if err := approvals.CheckAgain(a); err != nil {
		t.Errorf("people can't be asked again: %v", err)
	}
}

// TestRerunUnderPolicies: a GatePolicy that came since the decision counts for it too.
func TestRerunUnderPolicies(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	now := ct.T0.Add(2 * time.Hour)
	for name, c := range map[string]struct {
		most []*int
		code approvals.Code
	}{
		"none":          {nil, ""},
		"says nothing":  {[]*int{nil}, ""},
		"as many":       {[]*int{new(1)}, ""},
		"the strictest": {[]*int{nil, new(2), new(0)}, approvals.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := operator
			for i, most := range c.most {
				id.Policies = append(id.Policies, approvals.GatePolicy{Name: fmt.Sprintf("p%d", i), MaxReruns: most})
			}
			a, did, err := approvals.RunAgain(failed().Obj(), id, "the registry is back", now)
			if approvals.CodeOf(err) != c.code {
				t.Fatalf("error %v, want code %q", err, c.code)
			}
			if c.code == "" {
				return
			}
			if did != approvals.NoChange || len(a.Reruns) > 0 {
				t.Errorf("did %s with %d reruns, want no change", did, len(a.Reruns))
			}
			said.Check(t, name, approvals.Message(err)) // with the policy's name
		})
	}
}

// TestRerunUnderAPolicyThatCannotBeRead: it may be the one that forbids it.
func TestRerunUnderAPolicyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	id := operator
	id.Policies = []approvals.GatePolicy{{Name: "broken", Invalid: "its selector is none"}}
	_, did, err := approvals.RunAgain(failed().Obj(), id, "the registry is back", ct.T0.Add(2*time.Hour))
	if approvals.CodeOf(err) != approvals.CodeConflict || did != approvals.NoChange {
		t.Errorf("did %s, %v; want no change", did, err)
	}
	said.Check(t, "with the policy's name", approvals.Message(err))
}

// TestRerunIsGivenUp: a run that could not be started again within a day of that is not.
func TestRerunIsGivenUp(t *testing.T) {
	t.Parallel()
	asked := ct.T0.Add(20 * time.Hour)
	a, _, err := approvals.RunAgain(failed().Obj(), operator, "x", asked)
	if err != nil {
		t.Fatal(err)
	}
	if _, did := approvals.GiveUp(a, ct.T0.Add(25*time.Hour)); did != approvals.NoChange {
		t.Errorf("given up a day after the decision, and 5 hours after it was started again: %s", did)
	}
	if got, did := approvals.GiveUp(a, asked.Add(approvals.ReleaseWithin)); did != approvals.Stopped || got.ToRelease() {
		t.Errorf("not given up a day after that: %s", did)
	}
}

// TestMayRerun: whom a Gate allows, beside operators.
func TestMayRerun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allow  []approvals.RerunBy
		proof  approvals.Proof
		who    string
		way    approvals.AuthMethod
		expect bool
	}{
		"nobody":                     {who: "alice", way: approvals.AuthToken, proof: approvals.BySignature},
		"who asked":                  {allow: []approvals.RerunBy{approvals.RerunByRequester}, who: "ZOE", way: approvals.AuthLogin, proof: approvals.BySignature, expect: true},
		"who is only said to have":   {allow: []approvals.RerunBy{approvals.RerunByRequester}, who: "zoe", way: approvals.AuthLogin},
		"who decided":                {allow: []approvals.RerunBy{approvals.RerunByDeciders}, who: "alice", way: approvals.AuthToken, expect: true},
		"who decided, by a link":     {allow: []approvals.RerunBy{approvals.RerunByDeciders}, who: "alice", way: approvals.AuthLink},
		"who could have decided":     {allow: []approvals.RerunBy{approvals.RerunByDeciders}, who: "bob", way: approvals.AuthToken},
		"nobody who says their name": {allow: []approvals.RerunBy{approvals.RerunByRequester}, way: approvals.AuthToken, proof: approvals.BySignature},
	} {
		a := failed().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Rerun.Allow, a.Resolved.RequesterProof = c.allow, c.proof
		}).Obj()
		if got := approvals.MayRerun(a, approvals.Identity{Name: c.who, AuthMethod: c.way}); got != c.expect {
			t.Errorf("%s: %t, want %t", name, got, c.expect)
		}
	}
}

// TestAskAgainAfterFailure: what failed can be asked about again; what goes on, went well or is
// being started again can't.
func TestAskAgainAfterFailure(t *testing.T) {
	t.Parallel()
	again, _, err := approvals.RunAgain(failed().Obj(), operator, "x", ct.T0.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		a    approvals.Approval
		want bool
	}{
		"failed":                 {failed().Obj(), true},
		"goes on":                {started().Obj(), false},
		"went well":              {failed().With(func(a *approvals.Approval) { a.RunEnd.Outcome = approvals.RunSucceeded }).Obj(), false},
		"is being started again": {again, false},
	} {
		if got := c.a.ToAskAgain(); got != c.want {
			t.Errorf("%s: %t, want %t (%v)", name, got, c.want, approvals.CheckAgain(c.a))
		}
	}
	next := ct.Make("b").With(func(a *approvals.Approval) { a.Replaces = &approvals.Replacement{Name: "a", UID: "uid-a", Number: 1} }).Obj()
	old, did := approvals.TakeOver(failed().Obj(), next, ct.T0.Add(3*time.Hour))
	if did != approvals.Stopped || old.SupersededBy != "b" || old.SecondRun == nil || old.RunEnd == nil {
		t.Errorf("did %s: superseded by %q, next %v, end %v", did, old.SupersededBy, old.SecondRun, old.RunEnd)
	}
	if _, did := approvals.NotInPlace(next, old, ct.T0.Add(3*time.Hour)); did != approvals.NoChange {
		t.Errorf("what was asked again is cancelled, since the run failed: %s", did)
	}
}

func TestRerunRule(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, r := range map[string]approvals.RerunRule{
		"valid":                  {Limit: 1, Allow: []approvals.RerunBy{approvals.RerunByDeciders}},
		"too many":               {Limit: 11},
		"less than none":         {Limit: -1},
		"who, and not how often": {Allow: []approvals.RerunBy{approvals.RerunByDeciders}},
		"unknown people":         {Limit: 1, Allow: []approvals.RerunBy{"Everybody"}},
	} {
		err := r.Validate("gate x")
		if (err == nil) != (name == "valid") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}
