package mapping_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
)

func policy() approvals.Policy { return *ct.Make("a").Users("alice", "bob").Obj().Resolved.Policy }

func event(body string) approvals.Source { return ct.Make("a").Event(body).Obj().Source }

func expressions(pairs ...string) []approvals.Expression {
	var out []approvals.Expression
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, approvals.Expression{Name: pairs[i], Expression: pairs[i+1]})
	}
	return out
}

func TestResolve(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	run := ct.Make("a").Obj().Source
	line := approvals.InterceptorParams{Gate: "production", Forward: expressions("digest", "results.digest", "note", "'$(uid) ' + params.env", "list", `["a"]`, "run", "run.namespace + '/' + run.name")}
	got, err := c.Resolve(t.Context(), "prod", "apply", line, policy(), run, ct.Template)
	if err != nil {
		t.Fatal(err)
	}
	params := []approvals.Param{
		{Name: "digest", Value: "sha256:abc"}, {Name: "note", Value: "$ (uid) production"}, {Name: "list", Value: `["a"]`}, {Name: "run", Value: "prod/plan-1"},
	}
	want := &approvals.ResolvedSpec{
		Policy: new(policy()), Params: params, TemplateDigest: ct.Template, Digest: approvals.ContentDigest("prod", "apply", ct.Template, run, params, nil),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	// The digest binds what is approved, so a second look gives the same.
	again, err := compiler(t).Resolve(t.Context(), "prod", "apply", line, policy(), run, ct.Template)
	if err != nil || again.Digest != got.Digest {
		t.Errorf("digest %s, then %s, %v", got.Digest, again.Digest, err)
	}
}

// TestResolveRefuses: every error says which field to mend.
func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := compiler(t)
	for name, x := range map[string]struct {
		line   approvals.InterceptorParams
		policy func(*approvals.Policy)
		source approvals.Source
	}{
		"forward, syntax":    {line: approvals.InterceptorParams{Forward: expressions("ok", "'x'", "digest", "results.")}},
		"forward, value":     {line: approvals.InterceptorParams{Forward: expressions("digest", "results.nope")}},
		"forward, null":      {line: approvals.InterceptorParams{Forward: expressions("digest", "null")}},
		"requester":          {line: approvals.InterceptorParams{Requester: "run.labels['who']"}},
		"results, syntax":    {policy: func(p *approvals.Policy) { p.Results = expressions("ticket", "approval.") }},
		"title, syntax":      {line: approvals.InterceptorParams{Title: "'a' +"}},
		"title, value":       {policy: func(p *approvals.Policy) { p.Title = "params.nope" }},
		"a link by http":     {policy: func(p *approvals.Policy) { p.Links = expressions("Runbook", "'http://x.example.com'") }},
		"a script":           {line: approvals.InterceptorParams{Links: expressions("Runbook", "'javascript:alert(1)'")}},
		"long instructions":  {line: approvals.InterceptorParams{Instructions: "'0123456789'.replace('', '0123456789').replace('', '0123456789')"}, policy: func(p *approvals.Policy) { p.Instructions = "lists.range(2000).map(x, string(x)).join(' ')" }},
		"policy":             {policy: func(p *approvals.Policy) { p.Approvers = nil }},
		"only the requester": {line: approvals.InterceptorParams{Requester: "'Alice'"}, policy: func(p *approvals.Policy) { p.Approvers = p.Approvers[:1] }},
		"body is a list":     {source: event("[1]")},
		"body is no JSON":    {source: event("a=b")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy()
			if x.policy != nil {
				x.policy(&p)
			}
			if x.source.Event == nil {
				x.source = ct.Make("a").Obj().Source
			}
			got, err := c.Resolve(t.Context(), "prod", "apply", x.line, p, x.source, ct.Template)
			if got != nil || approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%+v, %v; want a refusal", got, err)
			}
			said.Check(t, name, approvals.Message(err))
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := compiler(t)
	if err := c.CheckLine(approvals.InterceptorParams{Forward: expressions("a", "results.x"), Requester: "run.name"}); err != nil {
		t.Errorf("a good line: %v", err)
	}
	for name, err := range map[string]error{
		"forward":           c.CheckLine(approvals.InterceptorParams{Forward: expressions("a", "1", "b", "(")}),
		"requester":         c.CheckLine(approvals.InterceptorParams{Requester: "("}),
		"a preset's result": c.CheckPolicy(approvals.Policy{Preset: "kuberocketci", Inputs: []approvals.Input{{Name: "approved"}}}),
		"results":           c.CheckPolicy(approvals.Policy{Results: expressions("ticket", "(")}),
	} {
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
		said.Check(t, name, approvals.Message(err))
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	decided := func(pairs ...string) approvals.Approval {
		return ct.Make("a").Requester("zoe").With(func(a *approvals.Approval) { a.Resolved.Policy.Results = expressions(pairs...) }).
			Voted("alice", approvals.Approve, "ship $(uid)").Obj()
	}
	for name, x := range map[string]struct {
		a    approvals.Approval
		want []string // name, value
	}{
		"the defaults": {decided(), []string{"decision", "true", "comment", "ship $ (uid)", "approvedBy", "alice", "rejectedBy", ""}},
		"overrides and additions": {
			decided("decision", "approval.outcome == 'Approved' ? 'yes' : 'no'", "ticket", "params.env + '-' + approval.votes[0].voter"),
			[]string{"decision", "yes", "comment", "ship $ (uid)", "approvedBy", "alice", "rejectedBy", "", "ticket", "production-alice"},
		},
		"everything of approval": {
			decided("all", "[approval.namespace, approval.name, approval.trigger, approval.outcome, approval.requester, approval.decidedAt, approval.votes[0].verdict, approval.votes[0].at].join(' ')"),
			[]string{"decision", "true", "comment", "ship $ (uid)", "approvedBy", "alice", "rejectedBy", "", "all", "prod a apply Approved zoe 2026-03-01T09:01:00Z approve 2026-03-01T09:01:00Z"},
		},
		"typed text stays neutral": {
			decided("note", "'re: ' + approval.votes[0].comment", "list", "[approval.votes[0].voter]"),
			[]string{"decision", "true", "comment", "ship $ (uid)", "approvedBy", "alice", "rejectedBy", "", "note", "re: ship $ (uid)", "list", `["alice"]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars, err := mapping.SourceVars(x.a.Namespace, x.a.Source)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Results(t.Context(), x.a, vars)
			var want []approvals.Param
			for i := 0; i < len(x.want); i += 2 {
				want = append(want, approvals.Param{Name: x.want[i], Value: x.want[i+1]})
			}
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%v (-want +got)\n%s", err, d)
			}
		})
	}
	a := decided("ticket", "approval.votes[7].voter")
	if _, err := c.Results(t.Context(), a, mapping.Vars{}); approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("an expression that fails: %v", err)
	}
}

// TestSourceVars: times are UTC wherever the process runs.
func TestSourceVars(t *testing.T) {
	t.Parallel()
	v, err := mapping.SourceVars("prod", event(`{"a":{"b":[1,"x",null]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := mapping.Vars{
		Body: map[string]any{"a": map[string]any{"b": []any{int64(1), "x", nil}}}, RequestURL: "/hook?x=1",
		Header: map[string][]string{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}},
	}
	if v.Budget == nil {
		t.Error("its expressions have no budget together")
	}
	v.Budget = nil
	if d := cmp.Diff(want, v); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	a := ct.Make("a").Voted("alice", approvals.Approve, "").With(func(a *approvals.Approval) {
		tokyo := time.FixedZone("JST", 9*3600)
		a.DecidedAt, a.Votes[0].At = a.DecidedAt.In(tokyo), a.Votes[0].At.In(tokyo)
	}).Obj()
	vars := mapping.ApprovalVars(a)
	if vars["decidedAt"] != "2026-03-01T09:01:00Z" || vars["votes"].([]any)[0].(map[string]any)["at"] != "2026-03-01T09:01:00Z" {
		t.Errorf("%v", vars)
	}
	if got := mapping.ApprovalVars(ct.Make("a").Unresolved(nil).Obj()); got["requester"] != "" {
		t.Errorf("unresolved: %v", got)
	}
}
