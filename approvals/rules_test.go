package approvals_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// rules make a built Approval need them.
func rules(rs ...approvals.Rule) func(*approvals.Approval) {
	return func(a *approvals.Approval) {
		p := a.Resolved.Policy
		p.Approvers, p.Groups, p.Rules, p.Required = nil, nil, rs, 0
	}
}

func group(name string, n int, groups ...string) approvals.Rule {
	return approvals.Rule{Name: name, Groups: groups, Required: n}
}

// TestRules: who counts for what, and that nobody counts twice.
func TestRules(t *testing.T) {
	t.Parallel()
	security, platform := group("security", 1, "security"), group("platform", 2, "platform")
	multi := func(a *approvals.Approval) {
		a.Resolved.Policy.Strategy, a.Resolved.Policy.Approvers, a.Resolved.Policy.Groups = approvals.Multi, users("alice", "bob"), []string{"sre"}
	}
	eyes := func(a *approvals.Approval) {
		a.Resolved.Policy.Strategy, a.Resolved.Policy.Approvers, a.Resolved.Policy.Groups = approvals.FourEyes, nil, []string{"sre"}
	}
	for name, c := range map[string]struct {
		policy  func(*approvals.Approval)
		votes   []string // "voter group..."
		outcome approvals.Outcome
		missing int
	}{
		"nobody yet":                       {rules(security, platform), nil, approvals.Pending, 3},
		"one for each":                     {rules(security, platform), []string{"a security", "b platform"}, approvals.Pending, 1},
		"all":                              {rules(security, platform), []string{"a security", "b platform", "c platform"}, approvals.Approved, 0},
		"in both, counts for one":          {rules(security, platform), []string{"a security platform", "b platform"}, approvals.Pending, 1},
		"in both, makes room":              {rules(security, platform), []string{"a platform security", "b platform", "c platform"}, approvals.Approved, 0},
		"too many of one":                  {rules(security, platform), []string{"b platform", "c platform", "d platform"}, approvals.Pending, 1},
		"the order does not matter":        {rules(platform, security), []string{"a security platform", "b platform", "c platform"}, approvals.Approved, 0},
		"everybody, one is missing":        {multi, []string{"alice", "x sre"}, approvals.Pending, 1},
		"everybody":                        {multi, []string{"alice", "x sre", "bob"}, approvals.Approved, 0},
		"everybody, a user is no group":    {multi, []string{"alice sre", "bob"}, approvals.Pending, 1},
		"four eyes, two of them":           {eyes, []string{"a sre"}, approvals.Pending, 1},
		"four eyes, the same ones":         {eyes, []string{"a sre", "A sre"}, approvals.Pending, 1},
		"four eyes":                        {eyes, []string{"a sre", "b sre"}, approvals.Approved, 0},
		"a rejection ends any of them":     {rules(security, platform), []string{"a security", "!b platform"}, approvals.Rejected, 0},
		"withdrawn, and again":             {eyes, []string{"a sre", "-a sre", "b sre"}, approvals.Pending, 1},
		"withdrawn, and it is not counted": {rules(security), []string{"a security"}, approvals.Approved, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").With(c.policy).Obj()
			if err := a.Resolved.Policy.Validate(""); err != nil {
				t.Fatal(err)
			}
			for i, v := range c.votes {
				verdict := approve
				if rest, ok := strings.CutPrefix(v, "!"); ok {
					v, verdict = rest, reject
				} else if rest, ok := strings.CutPrefix(v, "-"); ok {
					v, verdict = rest, approvals.Withdraw
				}
				f := strings.Fields(v)
				var err error
				if a, _, err = approvals.Cast(a, ct.Ballot(f[0], verdict, "", f[1:]...), minute(i+1)); err != nil {
					t.Fatal(err)
				}
			}
			if a.Outcome != c.outcome || approvals.Missing(a) != c.missing {
				t.Errorf("%s with %d missing, want %s with %d", a.Outcome, approvals.Missing(a), c.outcome, c.missing)
			}
		})
	}
}

// TestMatching: as many places are filled as trying every order would fill, and
// the explanation adds up.
func TestMatching(t *testing.T) {
	t.Parallel()
	names := []string{"sre", "security", "platform"}
	rapid.Check(t, func(t *rapid.T) {
		var rs []approvals.Rule
		for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
			gs := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 2, rapid.ID).Draw(t, "groups")
			rs = append(rs, group(string(rune('a'+i)), rapid.IntRange(1, 2).Draw(t, "required"), gs...))
		}
		a := ct.Make("m").With(rules(rs...)).Obj()
		for i := range rapid.IntRange(0, 5).Draw(t, "voters") {
			a.Votes = append(a.Votes, approvals.Vote{
				Voter: string(rune('p' + i)), Verdict: approve, At: minute(1),
				Groups: rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "in"),
			})
		}
		var places [][]string
		for _, r := range rs {
			for range r.Required {
				places = append(places, r.Groups)
			}
		}
		if len(rs) == 1 { // every vote that was taken counts for the only rule
			for i := range a.Votes {
				a.Votes[i].Groups = rs[0].Groups
			}
		}
		best := most(places, a.Votes)
		if got := approvals.Missing(a); got != len(places)-best {
			t.Fatalf("%d missing of %d, and %d can be filled", got, len(places), best)
		}
		seen := map[string]bool{}
		for _, r := range approvals.Explain(a, approvals.Identity{}, minute(2)).Rules {
			if r.Missing != r.Required-len(r.Approved) || r.Missing < 0 {
				t.Fatalf("%+v does not add up", r)
			}
			for _, who := range r.Approved {
				if seen[who] {
					t.Fatalf("%s counts twice", who)
				}
				seen[who] = true
			}
		}
	})
}

// most is how many places can be filled, by trying everything.
func most(places [][]string, votes []approvals.Vote) int {
	if len(places) == 0 {
		return 0
	}
	best := most(places[1:], votes)
	for i, v := range votes {
		if slices.ContainsFunc(v.Groups, func(g string) bool { return slices.Contains(places[0], g) }) {
			best = max(best, 1+most(places[1:], slices.Delete(slices.Clone(votes), i, i+1)))
		}
	}
	return best
}

// TestValidateRules: what nobody could meet, or what says two things, is refused.
func TestValidateRules(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	named := func(name string, n int, who ...string) approvals.Rule {
		return approvals.Rule{Name: name, Approvers: users(who...), Required: n}
	}
	p := func(change func(*approvals.Policy)) approvals.Policy {
		q := approvals.Policy{Gate: "production", Approvers: users("alice", "bob"), Strategy: approvals.Single, Lifetime: time.Hour}
		change(&q)
		return q
	}
	only := func(rs ...approvals.Rule) approvals.Policy {
		return p(func(p *approvals.Policy) { p.Approvers, p.Rules = nil, rs })
	}
	for name, c := range map[string]struct {
		p         approvals.Policy
		requester string
		refused   bool
	}{
		"four eyes":             {p(func(p *approvals.Policy) { p.Strategy = approvals.FourEyes }), "", false},
		"four eyes, one asked":  {p(func(p *approvals.Policy) { p.Strategy = approvals.FourEyes }), "bob", true},
		"four eyes, one person": {p(func(p *approvals.Policy) { p.Strategy, p.Approvers = approvals.FourEyes, users("alice", "Alice") }), "", true},
		"multi":                 {p(func(p *approvals.Policy) { p.Strategy = approvals.Multi }), "carol", false},
		"multi, one asked":      {p(func(p *approvals.Policy) { p.Strategy = approvals.Multi }), "alice", true},
		"multi by RBAC":         {p(func(p *approvals.Policy) { p.Strategy, p.RBAC = approvals.Multi, true }), "", true},
		"RBAC alone":            {p(func(p *approvals.Policy) { p.Approvers, p.RBAC = nil, true }), "", false},
		"RBAC, no Gate":         {p(func(p *approvals.Policy) { p.Gate, p.RBAC = approvals.InlineGate, true }), "", true},
		"rules":                 {only(named("a", 1, "alice"), named("b", 1, "bob")), "", false},
		"rules of one person":   {only(named("a", 1, "alice"), named("b", 1, "alice")), "", true},
		"rules, one asked":      {only(named("a", 1, "alice"), named("b", 1, "alice", "bob")), "bob", true},
		"a rule without a name": {only(named("", 1, "alice")), "", true},
		"two of a name":         {only(named("a", 1, "alice"), named("a", 1, "bob")), "", true},
		"a rule of nobody":      {only(named("a", 1)), "", true},
		"a rule of none":        {only(named("a", 0, "alice")), "", true},
		"rules and approvers":   {p(func(p *approvals.Policy) { p.Rules = []approvals.Rule{named("a", 1, "alice")} }), "", true},
		"comment":               {p(func(p *approvals.Policy) { p.Comment = "Always" }), "", true},
		"on expiry":             {p(func(p *approvals.Policy) { p.OnExpiry = "Maybe" }), "", true},
		"supersede":             {p(func(p *approvals.Policy) { p.Supersede = "Oldest" }), "", true},
		"a key for nothing":     {p(func(p *approvals.Policy) { p.SupersedeKey = "params.env" }), "", true},
		"two inputs of a name": {p(func(p *approvals.Policy) {
			p.Inputs = []approvals.Input{{Name: "a", Type: "string"}, {Name: "a", Type: "bool"}}
		}), "", true},
		"an input of no type":       {p(func(p *approvals.Policy) { p.Inputs = []approvals.Input{{Name: "a", Type: "date"}} }), "", true},
		"an enum of nothing":        {p(func(p *approvals.Policy) { p.Inputs = []approvals.Input{{Name: "a", Type: "enum"}} }), "", true},
		"a pattern":                 {p(func(p *approvals.Policy) { p.Inputs = []approvals.Input{{Name: "a", Type: "string", Pattern: "("}} }), "", true},
		"a default that is not one": {p(func(p *approvals.Policy) { p.Inputs = []approvals.Input{{Name: "a", Type: "number", Default: "x"}} }), "", true},
		"nobody may fill it in": {p(func(p *approvals.Policy) {
			p.OnExpiry, p.Inputs = approvals.ApproveOnExpiry, []approvals.Input{{Name: "a", Type: "string", Required: true}}
		}), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.p.Validate(c.requester)
			if (err != nil) != c.refused || c.refused && approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
		})
	}
}

// TestComment: where the Gate asks for one, a vote without is refused.
func TestComment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule                approvals.CommentRule
		onApprove, onReject bool // asked for
	}{{approvals.CommentOptional, false, false}, {"", false, false}, {approvals.CommentRequired, true, true}, {approvals.CommentRequiredOnReject, false, true}} {
		for verdict, asked := range map[approvals.Verdict]bool{approve: c.onApprove, reject: c.onReject} {
			a := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.Comment = c.rule }).Obj()
			_, _, err := approvals.Cast(a, ct.Ballot("alice", verdict, " \n"), minute(1))
			if (approvals.CodeOf(err) == approvals.CodeInvalid) != asked {
				t.Errorf("%q, %s without a comment: %v", c.rule, verdict, err)
			}
			if _, _, err := approvals.Cast(a, ct.Ballot("alice", verdict, "why"), minute(1)); err != nil {
				t.Errorf("%q, %s with a comment: %v", c.rule, verdict, err)
			}
		}
	}
}

// TestOnExpiry: the Gate says what a timeout means.
func TestOnExpiry(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for rule, want := range map[approvals.ExpiryRule]approvals.Outcome{"": approvals.Expired, approvals.ExpireOnExpiry: approvals.Expired, approvals.ApproveOnExpiry: approvals.Approved, approvals.RejectOnExpiry: approvals.Rejected} {
		a := ct.Make("a").With(func(a *approvals.Approval) { a.Resolved.Policy.OnExpiry = rule }).Expired().Obj()
		decision, _ := result(a, "decision")
		by, _ := result(a, "approvedBy")
		if a.Outcome != want || (decision == "true") != (want == approvals.Approved) || by != "" {
			t.Errorf("%q: %s, decision %q by %q", rule, a.Outcome, decision, by)
		}
		_, _, err := approvals.Cast(a, ct.Ballot("alice", approve, ""), a.Deadline().Add(1))
		if err == nil {
			t.Errorf("%q: a late vote was counted", rule)
		}
		said.Check(t, "a late vote, with onExpiry "+string(cmp.Or(rule, "empty")), approvals.Message(err))
	}
}

// TestSupersede: only what waits, wants the newest, and is of the same key.
func TestSupersede(t *testing.T) {
	t.Parallel()
	newest := func(a *approvals.Approval) {
		a.Resolved.Policy.Supersede, a.Resolved.SupersedeKey = approvals.SupersedeNewest, "prod"
	}
	later := func(a *approvals.Approval) { newest(a); a.OpenedAt = a.OpenedAt.Add(time.Second) }
	for name, c := range map[string]struct {
		old, by *ct.Builder
		want    bool
	}{
		"newer":          {ct.Make("a").With(newest), ct.Make("b").With(later), true},
		"older":          {ct.Make("a").With(later), ct.Make("b").With(newest), false},
		"itself":         {ct.Make("a").With(newest), ct.Make("a").With(newest), false},
		"same second":    {ct.Make("a").With(newest), ct.Make("b").With(newest), true},
		"same second, 2": {ct.Make("b").With(newest), ct.Make("a").With(newest), false},
		"kept":           {ct.Make("a"), ct.Make("b").With(later), false},
		"another key":    {ct.Make("a").With(newest), ct.Make("b").With(later).With(func(a *approvals.Approval) { a.Resolved.SupersedeKey = "dev" }), false},
		"another trigger": {
			ct.Make("a").With(newest), ct.Make("b").With(later).With(func(a *approvals.Approval) { a.Trigger = "other" }), false,
		},
		"another space": {ct.Make("a").With(newest), ct.Make("b").With(later).In("dev"), false},
		"decided":       {ct.Make("a").With(newest).Voted("alice", approve, ""), ct.Make("b").With(later), false},
		"not resolved":  {ct.Make("a").With(newest), ct.Make("b").Unresolved(nil), false},
	} {
		got, did := approvals.Supersede(c.old.Obj(), c.by.Obj(), minute(5))
		if (did == approvals.Ended) != c.want || (got.Outcome == approvals.Superseded) != c.want || (got.SupersededBy == "b") != c.want {
			t.Errorf("%s: %s, %s by %q", name, did, got.Outcome, got.SupersededBy)
		}
	}
}

// TestInputs: what approvers fill in is checked, and travels.
func TestInputs(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	fields := []approvals.Input{
		{Name: "ticket", Type: approvals.InputString, Required: true, Pattern: `OPS-\d+`},
		{Name: "size", Type: approvals.InputEnum, Options: []string{"small", "large"}, Default: "small"},
		{Name: "n", Type: approvals.InputNumber},
		{Name: "force", Type: approvals.InputBool},
	}
	cast := func(a approvals.Approval, voter string, at int, inputs ...approvals.Param) (approvals.Approval, error) {
		b := ct.Ballot(voter, approve, "")
		b.Inputs = inputs
		got, _, err := approvals.Cast(a, b, minute(at))
		return got, err
	}
	asks := func() approvals.Approval {
		return ct.Make("a").Users("alice", "bob").Quorum(2).With(func(a *approvals.Approval) { a.Resolved.Policy.Inputs = fields }).Obj()
	}
	for name, c := range map[string]struct {
		field  string
		inputs []approvals.Param
	}{
		"blank":         {"ticket", []approvals.Param{{Name: "ticket", Value: " "}}},
		"none":          {"ticket", nil},
		"no match":      {"ticket", []approvals.Param{{Name: "ticket", Value: "x"}}},
		"no option":     {"size", []approvals.Param{{Name: "ticket", Value: "OPS-1"}, {Name: "size", Value: "huge"}}},
		"no number":     {"n", []approvals.Param{{Name: "ticket", Value: "OPS-1"}, {Name: "n", Value: "many"}}},
		"no bool":       {"force", []approvals.Param{{Name: "ticket", Value: "OPS-1"}, {Name: "force", Value: "yes"}}},
		"not a number":  {"n", []approvals.Param{{Name: "ticket", Value: "OPS-1"}, {Name: "n", Value: "NaN"}}},
		"no such input": {"", []approvals.Param{{Name: "other", Value: "1"}}},
		"too long":      {"ticket", []approvals.Param{{Name: "ticket", Value: strings.Repeat("x", 3000)}}},
		"two lines":     {"ticket", []approvals.Param{{Name: "ticket", Value: "OPS-1\nrm"}}},
	} {
		got, err := cast(asks(), "alice", 1, c.inputs...)
		if approvals.CodeOf(err) != approvals.CodeInvalid || approvals.FieldOf(err) != c.field || len(got.Votes) != 0 {
			t.Errorf("%s: %v, about %q, want %q", name, err, approvals.FieldOf(err), c.field)
		}
		said.Check(t, name, approvals.Message(err))
	}
	a, err := cast(asks(), "alice", 1, approvals.Param{Name: "ticket", Value: "OPS-1"}, approvals.Param{Name: "n", Value: ""})
	if err != nil {
		t.Fatal(err)
	}
	if a, err = cast(a, "bob", 2); err != nil {
		t.Fatal(err)
	}
	want := []approvals.Param{{Name: "digest", Value: "sha256:abc"}, {Name: "ticket", Value: "OPS-1"}, {Name: "size", Value: "small"}, {Name: "n", Value: ""}, {Name: "force", Value: ""}}
	if a.Outcome != approvals.Approved || !slices.Equal(a.Forwarded(), want) {
		t.Errorf("%s, forwarded %v, want %v", a.Outcome, a.Forwarded(), want)
	}
	// The clock of anyone who takes the vote may be behind that of anyone who noted the opening.
	one := asks()
	one.Resolved.Policy.Strategy, one.Resolved.Policy.Required = approvals.Single, 0
	if a, err = cast(one, "alice", -1, approvals.Param{Name: "ticket", Value: "OPS-3"}, approvals.Param{Name: "size", Value: "large"}); err != nil {
		t.Fatal(err)
	}
	want = []approvals.Param{{Name: "ticket", Value: "OPS-3"}, {Name: "size", Value: "large"}, {Name: "n", Value: ""}, {Name: "force", Value: ""}}
	if !slices.Equal(a.Inputs, want) {
		t.Errorf("by a clock that is behind: %v, want %v", a.Inputs, want)
	}
	if r, _, err := approvals.Cast(asks(), ct.Ballot("alice", reject, ""), minute(1)); err != nil || r.Outcome != approvals.Rejected {
		t.Errorf("a rejection needs no inputs: %v", err)
	}
}

// TestOneThing: everybody approves the same thing. What the first approver filled in is
// fixed for the others, and for themselves once another has agreed to it.
func TestOneThing(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	in := func(pairs ...string) []approvals.Param {
		var out []approvals.Param
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, approvals.Param{Name: pairs[i], Value: pairs[i+1]})
		}
		return out
	}
	fields := []approvals.Input{
		{Name: "env", Type: approvals.InputEnum, Options: []string{"staging", "production"}, Default: "staging"},
		{Name: "ticket", Type: approvals.InputString},
	}
	type step struct {
		who     string
		verdict approvals.Verdict
		inputs  []approvals.Param
		refused string // the input for which it was refused
	}
	for name, c := range map[string]struct {
		steps []step
		want  []approvals.Param // what is agreed to in the end
	}{
		"the same":             {[]step{{"alice", approve, in("env", "production"), ""}, {"bob", approve, in("env", "production"), ""}}, in("env", "production")},
		"none":                 {[]step{{"alice", approve, in("env", "production", "ticket", "1"), ""}, {"bob", approve, nil, ""}}, in("env", "production", "ticket", "1")},
		"some":                 {[]step{{"alice", approve, in("env", "production", "ticket", "1"), ""}, {"bob", approve, in("ticket", "1", "env", ""), ""}}, in("env", "production", "ticket", "1")},
		"other":                {[]step{{"alice", approve, in("env", "staging"), ""}, {"bob", approve, in("env", "production"), "env"}}, in("env", "staging")},
		"other than a default": {[]step{{"alice", approve, nil, ""}, {"bob", approve, in("env", "production"), "env"}}, in("env", "staging")},
		"the default":          {[]step{{"alice", approve, nil, ""}, {"bob", approve, in("env", "staging"), ""}}, in("env", "staging")},
		"what was left blank":  {[]step{{"alice", approve, in("env", "staging"), ""}, {"bob", approve, in("ticket", "1"), "ticket"}}, in("env", "staging")},
		"alone":                {[]step{{"alice", approve, in("env", "staging"), ""}, {"alice", approve, in("env", "production"), ""}}, in("env", "production")},
		"not alone any more": {
			[]step{{"alice", approve, in("env", "staging"), ""}, {"bob", approve, nil, ""}, {"alice", approve, in("env", "production"), "env"}}, in("env", "staging"),
		},
		"the first leaves": {
			[]step{{"alice", approve, in("env", "production"), ""}, {"bob", approve, nil, ""}, {"alice", approvals.Withdraw, nil, ""}, {"carol", approve, in("env", "staging"), "env"}}, in("env", "production"),
		},
		"all leave": {
			[]step{{"alice", approve, in("env", "production"), ""}, {"alice", approvals.Withdraw, nil, ""}, {"bob", approve, in("env", "staging"), ""}}, in("env", "staging"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Users("alice", "bob", "carol", "dave").Quorum(4).With(func(a *approvals.Approval) { a.Resolved.Policy.Inputs = fields }).Obj()
			for i, s := range c.steps {
				b := ct.Ballot(s.who, s.verdict, "")
				b.Inputs = s.inputs
				next, _, err := approvals.Cast(a, b, minute(i+1))
				if approvals.FieldOf(err) != s.refused || s.refused == "" && err != nil || s.refused != "" && approvals.CodeOf(err) != approvals.CodeConflict {
					t.Fatalf("%s: %v, about %q, want %q", s.who, err, approvals.FieldOf(err), s.refused)
				}
				if err != nil {
					said.Check(t, name, approvals.Message(err))
				}
				if again, did, err := approvals.Cast(next, b, minute(i+1)); s.refused == "" && s.verdict == approve && (err != nil || did != approvals.NoChange) {
					t.Errorf("%s twice: %s, %v, %+v", s.who, did, err, again.Votes)
				}
				a = next
			}
			if got, _ := approvals.Agreed(a, approvals.Identity{Name: "nobody"}); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestBreakGlass: alone, with the right and a reason, not by a mailed link.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	two := ct.Make("a").Users("alice", "bob").Quorum(2).Requester("zoe").Obj()
	b := func(comment string, way approvals.AuthMethod, rights ...approvals.Right) approvals.Ballot {
		b := ct.Ballot("zoe", approve, comment)
		b.Voter.AuthMethod, b.Voter.Rights, b.BreakGlass = way, rights, true
		return b
	}
	for name, ballot := range map[string]approvals.Ballot{
		"no reason":     b(" ", approvals.AuthToken, approvals.RightBreakGlass),
		"not the right": b("fire", approvals.AuthToken, approvals.RightApprove),
		"by a link":     b("fire", approvals.AuthLink, approvals.RightBreakGlass),
		"to reject": func() approvals.Ballot {
			x := b("fire", approvals.AuthToken, approvals.RightBreakGlass)
			x.Verdict = reject
			return x
		}(),
		"the requester, without it": func() approvals.Ballot {
			x := b("fire", approvals.AuthToken, approvals.RightBreakGlass)
			x.BreakGlass = false
			return x
		}(),
	} {
		_, _, err := approvals.Cast(two, ballot, minute(1))
		if err == nil {
			t.Errorf("%s: counted", name)
		}
		said.Check(t, name, approvals.Message(err))
	}
	got, did, err := approvals.Cast(two, b("fire", approvals.AuthToken, approvals.RightBreakGlass), minute(1))
	if err != nil || did != approvals.Ended || got.Outcome != approvals.Approved || !got.Votes[0].BreakGlass {
		t.Errorf("%s, %s, %v: %+v", did, got.Outcome, err, got.Votes)
	}
}

// TestDelegate: somebody named hands over, for themselves alone.
func TestDelegate(t *testing.T) {
	t.Parallel()
	delegate := func(name string, verdict approvals.Verdict, of ...string) approvals.Ballot {
		b := ct.Ballot(name, verdict, "")
		b.Voter.DelegateOf = of
		return b
	}
	two := func() *ct.Builder { return ct.Make("a").Users("alice", "bob").Quorum(2).Requester("zoe") }
	for name, c := range map[string]struct {
		before  *ct.Builder
		ballots []approvals.Ballot
		last    approvals.Code // of the last ballot
		outcome approvals.Outcome
		votes   string // voter for whom
	}{
		"for alice":             {two(), []approvals.Ballot{delegate("dan", approve, "alice")}, "", approvals.Pending, "dan for alice"},
		"and bob himself":       {two(), []approvals.Ballot{delegate("dan", approve, "alice"), ct.Ballot("bob", approve, "")}, "", approvals.Approved, "dan for alice; bob for "},
		"for nobody named":      {two(), []approvals.Ballot{delegate("dan", approve, "mallory")}, approvals.CodeForbidden, approvals.Pending, ""},
		"no chains":             {two(), []approvals.Ballot{delegate("eve", approve, "dan")}, approvals.CodeForbidden, approvals.Pending, ""},
		"the requester":         {two(), []approvals.Ballot{delegate("zoe", approve, "alice")}, approvals.CodeForbidden, approvals.Pending, ""},
		"the requester's":       {ct.Make("a").Users("alice", "bob", "carl").Quorum(2).Requester("alice"), []approvals.Ballot{delegate("dan", approve, "alice")}, approvals.CodeForbidden, approvals.Pending, ""},
		"alice has voted":       {two(), []approvals.Ballot{ct.Ballot("alice", approve, ""), delegate("dan", approve, "alice")}, approvals.CodeForbidden, approvals.Pending, "alice for "},
		"alice comes in person": {two(), []approvals.Ballot{delegate("dan", approve, "alice"), ct.Ballot("alice", approve, "")}, "", approvals.Pending, "alice for "},
		"two delegates of one":  {two(), []approvals.Ballot{delegate("dan", approve, "alice"), delegate("eve", approve, "alice")}, approvals.CodeForbidden, approvals.Pending, "dan for alice"},
		"one delegate of two":   {two(), []approvals.Ballot{delegate("dan", approve, "alice", "bob"), delegate("dan", approve, "alice", "bob")}, "", approvals.Pending, "dan for alice"},
		"bob is himself":        {two(), []approvals.Ballot{delegate("bob", approve, "alice")}, "", approvals.Pending, "bob for "},
		"rejects":               {two(), []approvals.Ballot{delegate("dan", reject, "alice")}, "", approvals.Rejected, "dan for alice"},
		"withdraws":             {two(), []approvals.Ballot{delegate("dan", approve, "alice"), delegate("dan", approvals.Withdraw, "alice")}, "", approvals.Pending, ""},
		"for a rule": {
			ct.Make("a").With(rules(approvals.Rule{Name: "security", Approvers: users("alice"), Required: 1}, approvals.Rule{Name: "platform", Approvers: users("bob"), Required: 1})),
			[]approvals.Ballot{delegate("dan", approve, "alice"), ct.Ballot("bob", approve, "")},
			"", approvals.Approved, "dan for alice; bob for ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.before.Obj()
			var err error
			for i, b := range c.ballots {
				if a, _, err = approvals.Cast(a, b, minute(i+1)); err != nil && i < len(c.ballots)-1 {
					t.Fatal(err)
				}
			}
			var got []string
			for _, v := range a.Votes {
				got = append(got, v.Voter+" for "+v.OnBehalfOf)
			}
			if approvals.CodeOf(err) != c.last || a.Outcome != c.outcome || strings.Join(got, "; ") != c.votes {
				t.Errorf("%v, %s, %q; want %q, %s, %q", err, a.Outcome, got, c.last, c.outcome, c.votes)
			}
		})
	}
	if you := approvals.Explain(two().Obj(), delegate("dan", approve, "alice").Voter, minute(1)).You; !you.May || you.For != "alice" {
		t.Errorf("%+v", you)
	}
}

// TestExplain: the same answers as Cast gives.
func TestExplain(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	who := func(name string, groups ...string) approvals.Identity {
		return ct.Ballot(name, approve, "", groups...).Voter
	}
	a := ct.Make("a").With(rules(group("security", 1, "security"), group("platform", 2, "platform"))).Requester("zoe").Obj()
	a, _, err := approvals.Cast(a, ct.Ballot("ann", approve, "", "platform"), minute(1))
	if err != nil {
		t.Fatal(err)
	}
	e := approvals.Explain(a, who("ann", "platform"), minute(2))
	if len(e.Rules) != 2 || e.Rules[0].Missing != 1 || e.Rules[1].Missing != 1 || e.Rules[1].Approved[0] != "ann" || e.Rules[0].Who != "group security" || !e.You.May || e.You.Vote == nil {
		t.Errorf("%+v, you %+v", e.Rules, e.You)
	}
	for name, c := range map[string]struct {
		a    approvals.Approval
		id   approvals.Identity
		at   time.Time
		code approvals.Code
	}{
		"not for you":   {a, who("mallory"), minute(2), approvals.CodeForbidden},
		"you requested": {a, who("zoe", "security"), minute(2), approvals.CodeForbidden},
		"too late":      {a, who("ann", "platform"), minute(60), approvals.CodeGone},
		"decided":       {ct.Make("a").Voted("alice", approve, "").Obj(), who("bob"), minute(2), approvals.CodeConflict},
		"not ready":     {ct.Make("a").Unresolved(nil).Obj(), who("alice"), minute(2), approvals.CodeNotReady},
	} {
		you := approvals.Explain(c.a, c.id, c.at).You
		if you.May || you.Code != c.code {
			t.Errorf("%s: %+v", name, you)
		}
		said.Check(t, name, you.Why)
	}
	if e := approvals.Explain(a, approvals.Identity{}, minute(2)); e.You != nil {
		t.Errorf("nobody asks: %+v", e.You)
	}
}
