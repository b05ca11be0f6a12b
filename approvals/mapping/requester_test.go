package mapping_test

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestRequester: who asked, as the usual senders say it, and whether it is proved.
func TestRequester(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	proved := func(s approvals.Source, p approvals.Proof) approvals.Source { s.RequesterProof = p; return s }
	run := ct.Make("a").Obj().Source
	run.Requester = "zoe"
	made := proved(run, approvals.ByAdmission)
	signed := func(body string) approvals.Source { return proved(event(body), approvals.BySignature) }
	const zoes = `{"sender":{"login":"zoe","email":"z@example.com","full_name":"rev@corp.example"},"commits":[{"author":{"email":"rev@corp"}}]}`
	also := []string{"zoe", "z@example.com", "rev@corp.example"}
	for name, x := range map[string]struct {
		line   approvals.InterceptorParams
		source approvals.Source
		want   string
		proof  approvals.Proof
		also   []string
	}{
		"a run's annotation":     {source: run, want: "zoe"},
		"as it was made":         {source: made, want: "zoe", proof: approvals.ByAdmission},
		"a run without":          {source: ct.Make("a").Obj().Source},
		"GitHub":                 {source: event(`{"sender":{"login":"zoe"},"pusher":{"name":"bot"}}`), want: "zoe"},
		"GitHub, signed":         {source: signed(`{"sender":{"login":"zoe"},"pusher":{"name":"zoe","email":"z@example.com"}}`), want: "zoe", proof: approvals.BySignature, also: []string{"z@example.com"}},
		"another who pushed":     {source: signed(`{"sender":{"login":"zoe"},"pusher":{"name":"kim","email":"kim@example.com"}}`), want: "zoe", proof: approvals.BySignature},
		"a pusher alone":         {source: event(`{"pusher":{"name":"zoe"}}`), want: "zoe"},
		"Gitea, signed":          {source: signed(`{"sender":{"login":"zoe","email":"z@example.com","full_name":"Zoe Y"}}`), want: "zoe", proof: approvals.BySignature, also: []string{"z@example.com", "Zoe Y"}},
		"GitLab":                 {source: event(`{"user_username":"zoe","user_email":"z@example.com"}`), want: "zoe", also: []string{"z@example.com"}},
		"GitLab, a request":      {source: event(`{"user":{"username":"zoe"}}`), want: "zoe"},
		"Bitbucket":              {source: event(`{"actor":{"name":"zoe","emailAddress":"z@example.com"}}`), want: "zoe", also: []string{"z@example.com"}},
		"sender of another kind": {source: event(`{"sender":"x","user_username":"zoe"}`), want: "zoe"},
		"sender without a login": {source: event(`{"sender":{"login":""},"pusher":{"name":5}}`)},
		"none":                   {source: event(`{}`)},
		"by the line, event":     {line: approvals.InterceptorParams{Requester: "body.author"}, source: event(`{"author":"kim","sender":{"login":"zoe"}}`), want: "kim", also: []string{"zoe"}},
		"by the line, signed":    {line: approvals.InterceptorParams{Requester: "body.author"}, source: signed(`{"author":"kim","sender":{"login":"zoe","email":"z@example.com"}}`), want: "kim", also: []string{"zoe", "z@example.com"}},
		"by the line, a header":  {line: approvals.InterceptorParams{Requester: "header.match('X-Github-Event', 'push') ? 'bob' : 'zoe'"}, source: signed(`{}`), want: "bob"},
		"by the line, the URL":   {line: approvals.InterceptorParams{Requester: "requestURL"}, source: signed(`{}`), want: "/hook?x=1"},
		"by the line, run":       {line: approvals.InterceptorParams{Requester: "params.env"}, source: made, want: "production", also: []string{"zoe"}},
		"by the line, the same":  {line: approvals.InterceptorParams{Requester: "'zoe'"}, source: made, want: "zoe", proof: approvals.ByAdmission},
		"by the line, nobody":    {line: approvals.InterceptorParams{Requester: "''"}, source: made, want: "zoe", proof: approvals.ByAdmission},
		"nobody, of an event":    {line: approvals.InterceptorParams{Requester: "''"}, source: signed(zoes), want: "zoe", proof: approvals.BySignature, also: also[1:]},
		"a reviewer, constant":   {line: approvals.InterceptorParams{Requester: "'rev@corp'"}, source: signed(zoes), want: "rev@corp", also: also},
		"a reviewer, of a body":  {line: approvals.InterceptorParams{Requester: "body.commits[0].author.email"}, source: signed(zoes), want: "rev@corp", also: also},
		"somebody but for zoe":   {line: approvals.InterceptorParams{Requester: "body.sender.login == 'zoe' ? 'rev@corp' : body.sender.login"}, source: signed(zoes), want: "rev@corp", also: also},
		"the sender's address":   {line: approvals.InterceptorParams{Requester: "body.sender.email"}, source: signed(zoes), want: "z@example.com", proof: approvals.BySignature, also: []string{"zoe", "rev@corp.example"}},
		"as the sender is shown": {line: approvals.InterceptorParams{Requester: "body.sender.full_name"}, source: signed(zoes), want: "rev@corp.example", also: []string{"zoe", "z@example.com"}},
		"a pusher who is shown so": {
			line: approvals.InterceptorParams{Requester: "body.pusher.email"}, source: signed(`{"sender":{"login":"zoe"},"pusher":{"login":"kim","email":"kim@example.com","full_name":"zoe"}}`),
			want: "kim@example.com", also: []string{"zoe", "kim"},
		},
		"a body of its own": {line: approvals.InterceptorParams{Requester: "body.author"}, source: signed(`{"author":"kim"}`), want: "kim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.Resolve(t.Context(), "prod", "apply", x.line, policy(), x.source, ct.Template)
			if err != nil || got.Requester != x.want || got.RequesterProof != x.proof || !slices.Equal(got.RequesterAliases, x.also) {
				t.Errorf("%+v, %v; want %q, %q, %q", got, err, x.want, x.proof, x.also)
			}
		})
	}
}

// TestRequesterKnown: the directory says what else a login is called, and a Gate may ask
// for proof.
func TestRequesterKnown(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c := compiler(t)
	var err error
	if c.People, err = approvals.NewDirectory([]approvals.Person{{Names: []string{"alice"}, Logins: []string{"alice-gh"}}}, nil); err != nil {
		t.Fatal(err)
	}
	body := event(`{"sender":{"login":"alice-gh"}}`)
	got, err := c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{}, policy(), body, ct.Template)
	if err != nil || !slices.Equal(got.RequesterAliases, []string{"alice"}) {
		t.Errorf("%+v, %v", got, err)
	}
	one := policy()
	one.Approvers = one.Approvers[:1]
	_, err = c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{}, one, body, ct.Template)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("the one approver asked, by another name: %v", err)
	}
	said.Check(t, "the one approver asked, by another name", approvals.Message(err))
	must := policy()
	must.Requester = approvals.RequesterRequired
	_, err = c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{}, must, body, ct.Template)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("without a proof: %v", err)
	}
	said.Check(t, "without a proof", approvals.Message(err))
	body.RequesterProof = approvals.BySignature
	if _, err := c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{}, must, body, ct.Template); err != nil {
		t.Errorf("with a proof: %v", err)
	}
}

// TestTriggerAuthorNamesTheRequester: anyone who writes the Trigger can neither have a
// reviewer's rejection refused, nor let the sender approve, nor pass requester: Required.
func TestTriggerAuthorNamesTheRequester(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	signed := event(`{"sender":{"login":"mallory"},"commits":[{"author":{"email":"reviewer@corp.example"}}]}`)
	signed.RequesterProof = approvals.BySignature
	made := ct.Make("a").Obj().Source
	made.Requester, made.RequesterProof = "mallory", approvals.ByAdmission
	may := func(resolved *approvals.ResolvedSpec, who string, v approvals.Verdict) error {
		a := ct.Make("a").Obj()
		a.Resolved = resolved
		_, _, err := approvals.Cast(a, ct.Ballot(who, v, "no"), ct.T0)
		return err
	}
	for name, s := range map[string]approvals.Source{"an event": signed, "a run": made} {
		for _, expr := range []string{"'reviewer@corp.example'", "''", "'' + 'nobody'"} {
			line := approvals.InterceptorParams{Requester: expr}
			p := policy()
			p.Strategy, p.Approvers = approvals.Single, []approvals.Approver{{Name: "mallory"}, {Name: "reviewer@corp.example"}, {Name: "carol"}}
			resolved, err := c.Resolve(t.Context(), "prod", "apply", line, p, s, ct.Template)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, expr, err)
			}
			if err := may(resolved, "mallory", approvals.Approve); approvals.CodeOf(err) != approvals.CodeForbidden {
				t.Errorf("%s, %s: who asked may approve: %v", name, expr, err)
			}
			if err := may(resolved, "reviewer@corp.example", approvals.Reject); err != nil {
				t.Errorf("%s, %s: the reviewer may not reject: %v", name, expr, err)
			}
			p.Requester = approvals.RequesterRequired
			resolved, err = c.Resolve(t.Context(), "prod", "apply", line, p, s, ct.Template)
			if expr != "''" && approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%s, %s: taken for a proved requester: %+v, %v", name, expr, resolved, err)
			}
		}
	}
}
