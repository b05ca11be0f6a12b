package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
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
	for name, c := range map[string]struct {
		policy    func(*approvals.Policy)
		requester string
		want      string // part of the message; "": valid
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

		"nobody":           {policy: func(p *approvals.Policy) { p.Approvers = nil }, want: "list users or groups under approvers"},
		"a person unnamed": {policy: func(p *approvals.Policy) { p.Approvers = users("") }, want: "without a name"},
		"a group unnamed":  {policy: func(p *approvals.Policy) { p.Groups = []string{""} }, want: "without a name"},
		"an input as result": {policy: func(p *approvals.Policy) {
			p.Inputs = []approvals.Input{{Name: "decision", Type: approvals.InputString}}
		}, want: `input "decision"`},
		"an input as its result": {policy: func(p *approvals.Policy) {
			p.Results, p.Inputs = []approvals.Expression{{Name: "who", Expression: "'x'"}}, []approvals.Input{{Name: "who", Type: approvals.InputString}}
		}, want: `input "who"`},
		"unknown requester": {policy: func(p *approvals.Policy) { p.Requester = "exclude" }, want: "use Exclude, Allow or Required"},
		"no strategy":       {policy: func(p *approvals.Policy) { p.Strategy = "" }, want: "use SINGLE, MULTI, FOUR_EYES or QUORUM"},
		"unknown strategy":  {policy: func(p *approvals.Policy) { p.Strategy = "single" }, want: `strategy "single"`},
		"single of two":     {policy: func(p *approvals.Policy) { p.Required = 2 }, want: "use strategy QUORUM, or remove required"},
		"quorum of what":    {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 0 }, want: "(1 to 32)"},
		"quorum below zero": {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, -1 }, want: "must approve"},
		"quorum of too many": {
			policy: func(p *approvals.Policy) {
				p.Strategy, p.Required, p.Groups = approvals.Quorum, approvals.MaxRequired+1, []string{"sre"}
			},
			want: "(1 to 32)",
		},
		"three of two": {policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 3 }, want: "distinct people it lists is 2"},
		"one person twice": {policy: func(p *approvals.Policy) {
			p.Approvers, p.Strategy, p.Required = users("bob", "bob"), approvals.Quorum, 2
		}, want: "distinct people it lists is 1"},
		"one person, cased": {policy: func(p *approvals.Policy) {
			p.Approvers, p.Strategy, p.Required = users("Bob", "bob"), approvals.Quorum, 2
		}, want: "distinct people it lists is 1"},
		"only the requester": {
			policy: func(p *approvals.Policy) { p.Approvers = users("alice") }, requester: "alice",
			want: "requester alice it can get only 0",
		},
		"only the requester, cased": {policy: func(p *approvals.Policy) { p.Approvers = users("Alice") }, requester: "aLICE", want: "requester aLICE it can get only 0"},
		"quorum less the requester": {
			policy: func(p *approvals.Policy) { p.Strategy, p.Required = approvals.Quorum, 2 }, requester: "alice",
			want: "requester alice it can get only 1",
		},
		"no life":          {policy: func(p *approvals.Policy) { p.Lifetime = 0 }, want: "expiresAfter 0s: use 10s to 2160h0m0s"},
		"too long":         {policy: func(p *approvals.Policy) { p.Lifetime = approvals.MaxLifetime + 1 }, want: "use 10s to 2160h0m0s"},
		"kept too briefly": {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MinKeep - 1 }, want: "keepFor that is not a duration from 48h0m0s to 87600h0m0s"},
		"kept too long":    {policy: func(p *approvals.Policy) { p.KeepFor = approvals.MaxKeep + 1 }, want: "keepFor that is not a duration"},
		"backward":         {policy: func(p *approvals.Policy) { p.Lifetime = -time.Hour }, want: "use 10s to 2160h0m0s"},
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
			if c.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if approvals.CodeOf(err) != approvals.CodeInvalid || !strings.Contains(approvals.Message(err), c.want) {
				t.Errorf("error %v, want %s with %q", err, approvals.CodeInvalid, c.want)
			}
			if !strings.Contains(approvals.Message(err), `gate "production"`) {
				t.Errorf("%q does not name the gate", approvals.Message(err))
			}
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
