package approvals_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestLimits: what GatePolicies demand of votes counts as it was when it was
// fixed, and as it is when somebody votes.
func TestLimits(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	one := func() *ct.Builder { return ct.Make("a") }
	frozen := func(ps ...approvals.GatePolicy) *ct.Builder {
		return ct.Make("a").With(func(a *approvals.Approval) { *a.Resolved.Policy = a.Resolved.Policy.Under(ps) })
	}
	tokens := approvals.GatePolicy{Name: "tokens", AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthToken}}
	logins := approvals.GatePolicy{Name: "logins", AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLogin, approvals.AuthObject}}
	two := approvals.GatePolicy{Name: "two", MinApprovals: 2}
	noGlass := approvals.GatePolicy{Name: "no-glass", ForbidBreakGlass: true}
	noDelegates := approvals.GatePolicy{Name: "no-delegates", ForbidDelegations: true}
	broken := approvals.GatePolicy{Name: "broken", Invalid: "no selector"}
	glass := func(b *approvals.Ballot) {
		b.BreakGlass, b.Voter.Rights = true, []approvals.Right{approvals.RightBreakGlass}
	}
	delegate := func(b *approvals.Ballot) { b.Voter.Name, b.Voter.DelegateOf = "dan", []string{"alice"} }
	for name, c := range map[string]struct {
		before *ct.Builder
		now    []approvals.GatePolicy
		ballot func(*approvals.Ballot)
		code   approvals.Code
	}{
		"no policy":                        {before: one()},
		"an allowed way":                   {before: frozen(tokens), now: []approvals.GatePolicy{tokens}},
		"forbidden then and now":           {before: frozen(logins), now: []approvals.GatePolicy{logins}, code: approvals.CodeForbidden},
		"forbidden since":                  {before: one(), now: []approvals.GatePolicy{logins}, code: approvals.CodeForbidden},
		"allowed since":                    {before: frozen(logins), code: approvals.CodeForbidden},
		"a link":                           {before: frozen(tokens), ballot: func(b *approvals.Ballot) { b.Voter.AuthMethod = approvals.AuthLink }, code: approvals.CodeForbidden},
		"a rejection needs the way too":    {before: one(), now: []approvals.GatePolicy{logins}, ballot: func(b *approvals.Ballot) { b.Verdict = reject }, code: approvals.CodeForbidden},
		"outside since":                    {before: one(), now: []approvals.GatePolicy{two}, code: approvals.CodeNotReady},
		"outside since, and rejected":      {before: one(), now: []approvals.GatePolicy{two}, ballot: func(b *approvals.Ballot) { b.Verdict = reject }},
		"a policy that can't be read":      {before: one(), now: []approvals.GatePolicy{broken}, code: approvals.CodeNotReady},
		"strangers hear of no policy":      {before: one(), now: []approvals.GatePolicy{logins, two}, ballot: func(b *approvals.Ballot) { b.Voter.Name = "mallory" }, code: approvals.CodeForbidden},
		"break-glass":                      {before: one(), now: []approvals.GatePolicy{two}, ballot: glass},
		"no break-glass since":             {before: one(), now: []approvals.GatePolicy{noGlass}, ballot: glass, code: approvals.CodeForbidden},
		"no break-glass":                   {before: frozen(noGlass), ballot: glass, code: approvals.CodeForbidden},
		"break-glass by a way that is not": {before: frozen(logins), ballot: glass, code: approvals.CodeForbidden},
		"a delegate":                       {before: one(), ballot: delegate},
		"no delegates":                     {before: frozen(noDelegates), ballot: delegate, code: approvals.CodeForbidden},
		"no delegates since":               {before: one(), now: []approvals.GatePolicy{noDelegates}, ballot: delegate, code: approvals.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := ct.Ballot("alice", approve, "because")
			if c.ballot != nil {
				c.ballot(&b)
			}
			b.Voter.Policies = c.now
			before := c.before.Obj()
			after, change, err := approvals.Cast(before, b, minute(5))
			if approvals.CodeOf(err) != c.code {
				t.Fatalf("%s %v, want %q", change, err, c.code)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
			if (err != nil) == after.Decided() || err != nil && len(after.Votes) > 0 {
				t.Errorf("%s with votes %v after %v", after.Outcome, after.Votes, err)
			}
			// What people are shown before is what happens.
			if e := approvals.Explain(before, b.Voter, minute(5)); !b.BreakGlass && b.Verdict == approve && (e.You.May && e.You.Why == "") != (err == nil) {
				t.Errorf("explained as %+v", e.You)
			}
		})
	}
}

// TestVoidVotes: an approval that came a way which is forbidden since does not count with
// the next one; it is on the record as taken back.
func TestVoidVotes(t *testing.T) {
	t.Parallel()
	logins := []approvals.GatePolicy{{Name: "logins", AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLogin}, ForbidDelegations: true}}
	byLogin := func(name string) approvals.Ballot {
		b := ct.Ballot(name, approve, "")
		b.Voter.AuthMethod, b.Voter.CredentialID, b.Voter.Policies = approvals.AuthLogin, "login of "+name, logins
		return b
	}
	a := ct.Make("a").Users("alice", "bob", "carol").Quorum(2).Voted("alice", approve, "stolen").Obj()
	a, change, err := approvals.Cast(a, byLogin("bob"), minute(5))
	if err != nil || change != approvals.Voted || a.Decided() || approvals.Missing(a) != 1 || len(a.Votes) != 1 || a.Votes[0].Voter != "bob" {
		t.Fatalf("%s %v: %s with %v", change, err, a.Outcome, a.Votes)
	}
	if w := a.Withdrawn; len(w) != 1 || w[0].Voter != "alice" || w[0].CredentialID != "uid:alice" || w[0].WithdrawnByCredential != "login of bob" {
		t.Errorf("withdrawn %v", w)
	}
	if a, change, err = approvals.Cast(a, byLogin("alice"), minute(6)); err != nil || change != approvals.Ended || a.Outcome != approvals.Approved {
		t.Fatalf("the real alice: %s %v: %s", change, err, a.Outcome)
	}
	delegate := ct.Ballot("dan", approve, "")
	delegate.Voter.DelegateOf, delegate.Voter.AuthMethod = []string{"alice"}, approvals.AuthLogin
	d, _, err := approvals.Cast(ct.Make("a").Users("alice", "bob").Quorum(2).Obj(), delegate, minute(1))
	if err != nil {
		t.Fatal(err)
	}
	if d, _, err = approvals.Cast(d, byLogin("bob"), minute(5)); err != nil || d.Decided() {
		t.Errorf("a delegate's vote counts when there may be none: %s %v", d.Outcome, err)
	}
}

// TestExpiryUnderPolicy: nothing is approved by silence that a policy has come to forbid.
func TestExpiryUnderPolicy(t *testing.T) {
	t.Parallel()
	quiet := func(rule approvals.ExpiryRule) approvals.Approval {
		return ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.OnExpiry = rule }).Obj()
	}
	no := approvals.GatePolicy{Name: "no", AllowedOnExpiry: []approvals.ExpiryRule{approvals.ExpireOnExpiry}}
	other := approvals.GatePolicy{Name: "other", MaxLifetime: time.Minute}
	for name, c := range map[string]struct {
		rule     approvals.ExpiryRule
		policies []approvals.GatePolicy
		want     approvals.Outcome
	}{
		"no policy":           {approvals.ApproveOnExpiry, nil, approvals.Approved},
		"by the very field":   {approvals.ApproveOnExpiry, []approvals.GatePolicy{no}, approvals.Expired},
		"by another field":    {approvals.ApproveOnExpiry, []approvals.GatePolicy{other}, approvals.Expired},
		"rejected by silence": {approvals.RejectOnExpiry, []approvals.GatePolicy{other}, approvals.Rejected},
	} {
		a := quiet(c.rule)
		if got, _ := approvals.Expire(a, a.Deadline(), c.policies...); got.Outcome != c.want {
			t.Errorf("%s: %s, want %s", name, got.Outcome, c.want)
		}
	}
}

type policiesOf func(namespace string) ([]approvals.GatePolicy, error)

func (f policiesOf) Of(_ context.Context, namespace string) ([]approvals.GatePolicy, error) {
	return f(namespace)
}

// TestDeskAsksPolicies: whatever the way, and no vote is taken while they are not known.
func TestDeskAsksPolicies(t *testing.T) {
	t.Parallel()
	two := []approvals.GatePolicy{{Name: "two", MinApprovals: 2}}
	for name, c := range map[string]struct {
		policies policiesOf
		want     approvals.Code
	}{
		"none": {func(string) ([]approvals.GatePolicy, error) { return nil, nil }, ""},
		"one":  {func(string) ([]approvals.GatePolicy, error) { return two, nil }, approvals.CodeNotReady},
		"not known": {func(string) ([]approvals.GatePolicy, error) {
			return nil, approvals.Errorf(approvals.CodeUnavailable, "no")
		}, approvals.CodeUnavailable},
		"of another": {func(ns string) ([]approvals.GatePolicy, error) {
			return map[string][]approvals.GatePolicy{"dev": two}[ns], nil
		}, ""},
		"of this one": {func(ns string) ([]approvals.GatePolicy, error) {
			return map[string][]approvals.GatePolicy{"prod": two}[ns], nil
		}, approvals.CodeNotReady},
	} {
		for _, way := range []approvals.AuthMethod{approvals.AuthToken, approvals.AuthLink, approvals.AuthLogin, approvals.AuthObject, approvals.AuthSlack} {
			d := approvals.VoteService{
				Store: ct.NewMemStore(ct.Make("a").Obj()), Policies: c.policies, People: ct.Known("alice"), Now: func() time.Time { return minute(5) },
				Results: ct.ResultsFunc(func(context.Context, approvals.Approval) ([]approvals.Param, error) { return nil, nil }),
				Voted:   func(approvals.Approval, approvals.Verdict) {}, Outcomes: ct.NoOutcomes{},
			}
			b := ct.Ballot("alice", approve, "")
			b.Voter.AuthMethod, b.Voter.Address = way, "alice@example.com"
			if _, _, err := d.Vote(t.Context(), approvals.Key{Namespace: "prod", Name: "a"}, b); approvals.CodeOf(err) != c.want {
				t.Errorf("%s, by %s: %v, want %q", name, way, err, c.want)
			}
		}
	}
}

// TestSupports: what the service is not configured for is said of the Gate, with what to
// configure.
func TestSupports(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	all := approvals.Capabilities{Record: true, Login: true, Mail: true, Slack: true, Channels: []string{"ops", "releases"}}
	for name, c := range map[string]struct {
		lacks   func(*approvals.Capabilities)
		gate    func(*approvals.Policy)
		refused bool
	}{
		"nothing is asked": {lacks: func(c *approvals.Capabilities) { *c = approvals.Capabilities{} }},
		"a record":         {gate: func(p *approvals.Policy) { p.RecordRequired = true }},
		"no record":        {lacks: func(c *approvals.Capabilities) { c.Record = false }, gate: func(p *approvals.Policy) { p.RecordRequired = true }, refused: true},
		"a login":          {gate: func(p *approvals.Policy) { p.LinkNeedsLogin = true }},
		"no login":         {lacks: func(c *approvals.Capabilities) { c.Login = false }, gate: func(p *approvals.Policy) { p.LinkNeedsLogin = true }, refused: true},
		"channels": {gate: func(p *approvals.Policy) {
			p.Notify.Channels, p.Notify.Escalate.Channels = []string{"ops"}, []string{"releases"}
		}},
		"no such channel":       {gate: func(p *approvals.Policy) { p.Notify.Channels = []string{"ops", "opps"} }, refused: true},
		"e-mail is no channel":  {gate: func(p *approvals.Policy) { p.Notify.Channels = []string{"email"} }, refused: true},
		"no such other channel": {gate: func(p *approvals.Policy) { p.Notify.Escalate.Channels = []string{"opps"} }, refused: true},
		"a task's channel":      {gate: func(p *approvals.Policy) { p.From, p.Notify.Channels = approvals.FromTask, []string{"opps"} }},
		"no mail to escalate":   {lacks: func(c *approvals.Capabilities) { c.Mail = false }, gate: func(p *approvals.Policy) { p.Notify.Escalate.Emails = []string{"a@example.com"} }, refused: true},
		"no link, no login": {lacks: func(c *approvals.Capabilities) { c.Login = false }, gate: func(p *approvals.Policy) {
			*p = p.Under([]approvals.GatePolicy{{AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthToken}}})
		}},
		"no method is there": {lacks: func(c *approvals.Capabilities) { c.Login, c.Slack = false, false }, gate: func(p *approvals.Policy) {
			p.Limits.Methods = []approvals.AuthMethod{approvals.AuthLogin, approvals.AuthSlack}
		}, refused: true},
		"links prove no groups": {gate: func(p *approvals.Policy) {
			p.Limits.Methods, p.Approvers, p.Groups = []approvals.AuthMethod{approvals.AuthLink, approvals.AuthSlack}, nil, []string{"sre"}
		}, refused: true},
		"links prove people": {gate: func(p *approvals.Policy) { p.Limits.Methods = []approvals.AuthMethod{approvals.AuthLink} }},
	} {
		can := all
		can.Channels = slices.Clone(all.Channels)
		if c.lacks != nil {
			c.lacks(&can)
		}
		p := approvals.Policy{Gate: "production", Approvers: users("alice"), Strategy: approvals.Single, Lifetime: time.Hour}
		if c.gate != nil {
			c.gate(&p)
		}
		err := can.Supports(p)
		if (err != nil) != c.refused || err != nil && approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v, refused should be %t", name, err, c.refused)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}
