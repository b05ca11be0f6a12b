package approvals_test

import (
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func users(names ...string) []approvals.Approver {
	var out []approvals.Approver
	for _, n := range names {
		out = append(out, approvals.Approver{Name: n})
	}
	return out
}

// TestValidate: a Gate that nobody could satisfy, or anybody, is refused with the
// sentence that says what to change.
func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		policy    func(*approvals.Policy)
		requester string
		refused   bool
	}{
		"one person":          {},
		"a group alone":       {policy: func(p *approvals.Policy) { p.Approvers, p.Groups = nil, []string{"sre"} }},
		"two of two":          {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 2 }},
		"group fills quorum":  {policy: func(p *approvals.Policy) { p.Strategy, p.Required, p.Groups = approvals.Quorum, 9, []string{"sre"} }},
		"shortest life":       {policy: func(p *approvals.Policy) { p.Lifetime = approvals.MinLifetime }},
		"longest life":        {policy: func(p *approvals.Policy) { p.Lifetime = approvals.MaxLifetime }},
		"shortest keeping":    {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MinKeep }},
		"longest keeping":     {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MaxKeep }},
		"requester is other":  {policy: func(p *approvals.Policy) { p.Approvers = users("alice") }, requester: "bob"},
		"requester is one":    {requester: "alice"},
		"requester is let in": {policy: func(p *approvals.Policy) { p.Approvers, p.Requester = users("alice"), approvals.RequesterAllow }, requester: "alice"},

		"nobody":           {policy: func(p *approvals.Policy) { p.Approvers = nil }, refused: true},
		"a person unnamed": {policy: func(p *approvals.Policy) { p.Approvers = users("") }, refused: true},
		"a group unnamed":  {policy: func(p *approvals.Policy) { p.Groups = []string{""} }, refused: true},
		"an input as result": {policy: func(p *approvals.Policy) {
			p.Inputs = []approvals.Input{{Name: "decision", Type: approvals.InputString}}
		}, refused: true},
		"an input as its result": {policy: func(p *approvals.Policy) {
			p.Results, p.Inputs = []approvals.Expression{{Name: "who", Expression: "'x'"}}, []approvals.Input{{Name: "who", Type: approvals.InputString}}
		}, refused: true},
		"unknown requester": {policy: func(p *approvals.Policy) { p.Requester = "exclude" }, refused: true},
		"no strategy":       {policy: func(p *approvals.Policy) { p.Strategy = "" }, refused: true},
		"unknown strategy":  {policy: func(p *approvals.Policy) { p.Strategy = "single" }, refused: true},
		"single of two":     {policy: func(p *approvals.Policy) { p.Required = 2 }, refused: true},
		"quorum of what":    {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 0 }, refused: true},
		"quorum below zero": {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, -1 }, refused: true},
		"quorum of too many": {
			policy: func(p *approvals.Policy) {
				p.Strategy, p.Required, p.Groups = approvals.Quorum, approvals.MaxRequired+1, []string{"sre"}
			},
			refused: true,
		},
		"three of two": {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 3 }, refused: true},
		"one person twice": {policy: func(p *approvals.Policy) {
			p.Approvers, p.Strategy, p.Required = users("bob", "bob"), approvals.Quorum, 2
		}, refused: true},
		"one person, cased": {policy: func(p *approvals.Policy) {
			p.Approvers, p.Strategy, p.Required = users("Bob", "bob"), approvals.Quorum, 2
		}, refused: true},
		"only the requester": {
			policy: func(p *approvals.Policy) { p.Approvers = users("alice") }, requester: "alice",
			refused: true,
		},
		"only the requester, cased": {policy: func(p *approvals.Policy) { p.Approvers = users("Alice") }, requester: "aLICE", refused: true},
		"quorum less the requester": {
			policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 2 }, requester: "alice",
			refused: true,
		},
		"no life":          {policy: func(p *approvals.Policy) { p.Lifetime = 0 }, refused: true},
		"too long":         {policy: func(p *approvals.Policy) { p.Lifetime = approvals.MaxLifetime + 1 }, refused: true},
		"kept too briefly": {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MinKeep - 1 }, refused: true},
		"kept too long":    {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MaxKeep + 1 }, refused: true},
		"backward":         {policy: func(p *approvals.Policy) { p.Lifetime = -time.Hour }, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := approvals.Policy{
				Gate: "production", Approvers: users("alice", "bob"), Strategy: approvals.Single, Required: 1,
				Requester: approvals.RequesterExclude, Lifetime: time.Hour,
			}
			if c.policy != nil {
				c.policy(&p)
			}
			err := p.Validate(c.requester)
			if !c.refused {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("error %v, want %s", err, approvals.CodeInvalid)
			}
			said.Check(t, name, approvals.Message(err))
		})
	}
}

func TestWho(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy approvals.Policy
		want   string
	}{
		"nobody":         {},
		"people, groups": {approvals.Policy{Approvers: users("alice", "bob"), Groups: []string{"sre"}}, "alice, bob, group sre"},
		"eight":          {approvals.Policy{Approvers: users("a", "b", "c", "d", "e", "f", "g", "h")}, "a, b, c, d, e, f, g, h"},
		"ten":            {approvals.Policy{Approvers: users("a", "b", "c", "d", "e", "f", "g", "h", "i"), Groups: []string{"j"}}, "a, b, c, d, e, f, g, h, 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.policy.Who(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	p := approvals.Policy{ReleaseOn: []approvals.Outcome{approvals.Approved, approvals.Expired}}
	for o, want := range map[approvals.Outcome]bool{
		approvals.Approved: true, approvals.Expired: true,
		approvals.Rejected: false, approvals.Pending: false, approvals.Cancelled: false, "": false,
	} {
		if got := p.Releases(o); got != want {
			t.Errorf("%q: %t, want %t", o, got, want)
		}
	}
}
