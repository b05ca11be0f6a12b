package approvals_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
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
	now := ct.T0.Add(2 * time.Hour)
	change := func(f func(*approvals.Approval)) *ct.Builder { return failed().With(f) }
	outcome := func(o approvals.RunOutcome) *ct.Builder {
		return change(func(a *approvals.Approval) { a.RunEnd.Outcome = o })
	}
	for name, c := range map[string]struct {
		a    *ct.Builder
		why  string
		code approvals.Code
		says string
	}{
		"it failed":             {a: failed(), why: "the registry is back"},
		"it was cancelled":      {a: outcome(approvals.RunCancelled), why: "x"},
		"it was deleted":        {a: outcome(approvals.RunGone), why: "x"},
		"no reason":             {a: failed(), why: " \n", code: approvals.CodeInvalid, says: "give a reason"},
		"too long a reason":     {a: failed(), why: strings.Repeat("x", approvals.MaxComment+1), code: approvals.CodeInvalid, says: "too long"},
		"it succeeded":          {a: outcome(approvals.RunSucceeded), why: "x", code: approvals.CodeConflict, says: "succeeded"},
		"it goes on":            {a: started(), why: "x", code: approvals.CodeConflict, says: "has not ended"},
		"it starts nothing":     {a: ct.Make("a").Voted("alice", approvals.Reject, ""), why: "x", code: approvals.CodeConflict, says: "its outcome started no run"},
		"pending":               {a: ct.Make("a"), why: "x", code: approvals.CodeConflict, says: "its outcome started no run"},
		"the Gate allows none":  {a: change(func(a *approvals.Approval) { a.Resolved.Policy.Rerun.Limit = 0 }), why: "x", code: approvals.CodeConflict, says: "tkn approval again a"},
		"it was asked again":    {a: change(func(a *approvals.Approval) { a.SupersededBy = "b" }), why: "x", code: approvals.CodeConflict, says: "b replaced it"},
		"it came after all":     {a: change(func(a *approvals.Approval) { a.Cancellation = &approvals.Cancellation{By: "bob", Reason: "no"} }), why: "x", code: approvals.CodeConflict, says: "cancelled by bob"},
		"it was something else": {a: change(func(a *approvals.Approval) { a.Unreleased = &approvals.Problem{Reason: approvals.ReasonRunDiffers} }), why: "x", code: approvals.CodeConflict, says: "not what was approved"},
		"a pending run": {a: change(func(a *approvals.Approval) {
			a.Resolved.Target = &approvals.Target{Kind: approvals.TargetPendingRun, Name: "r"}
		}), why: "x", code: approvals.CodeConflict, says: "this service does not create"},
		"long ago": {a: change(func(a *approvals.Approval) { a.RunEnd.EndedAt = now.Add(-25 * time.Hour) }), why: "x", code: approvals.CodeConflict, says: "24 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.a.Obj()
			got, did, err := approvals.RunAgain(before, operator, c.why, now)
			if approvals.CodeOf(err) != c.code || !strings.Contains(approvals.Message(err), c.says) {
				t.Fatalf("error %v, want %q with %q", err, c.code, c.says)
			}
			if c.code != "" {
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
	if _, _, err := approvals.RunAgain(a, byVote, "again", now); approvals.CodeOf(err) != approvals.CodeConflict || !strings.Contains(approvals.Message(err), "2 times") {
		t.Errorf("beyond the limit: %v, want a conflict", err)
	}
	if err := approvals.CheckAgain(a); err != nil {
		t.Errorf("people can't be asked again: %v", err)
	}
}

// TestRerunUnderPolicies: a GatePolicy that came since the decision counts for it too.
func TestRerunUnderPolicies(t *testing.T) {
	t.Parallel()
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
			if c.code != "" && (did != approvals.NoChange || len(a.Reruns) > 0 || !strings.Contains(approvals.Message(err), "p2")) {
				t.Errorf("did %s with %d reruns and says %q, want no change and the policy's name", did, len(a.Reruns), approvals.Message(err))
			}
		})
	}
}

// TestRerunUnderAPolicyThatCannotBeRead: it may be the one that forbids it.
func TestRerunUnderAPolicyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	id := operator
	id.Policies = []approvals.GatePolicy{{Name: "broken", Invalid: "its selector is none"}}
	_, did, err := approvals.RunAgain(failed().Obj(), id, "the registry is back", ct.T0.Add(2*time.Hour))
	if approvals.CodeOf(err) != approvals.CodeConflict || did != approvals.NoChange || !strings.Contains(approvals.Message(err), "broken") {
		t.Errorf("did %s, %v; want no change and the policy's name", did, err)
	}
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
	for says, r := range map[string]approvals.RerunRule{
		"":                    {Limit: 1, Allow: []approvals.RerunBy{approvals.RerunByDeciders}},
		"rerun.limit 11":      {Limit: 11},
		"rerun.limit -1":      {Limit: -1},
		"without rerun.limit": {Allow: []approvals.RerunBy{approvals.RerunByDeciders}},
		`["Everybody"]`:       {Limit: 1, Allow: []approvals.RerunBy{"Everybody"}},
	} {
		if err := r.Validate("gate x"); (err == nil) != (says == "") || !strings.Contains(approvals.Message(err), says) {
			t.Errorf("%+v: %v, want %q", r, err, says)
		}
	}
}
