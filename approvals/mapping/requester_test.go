package mapping_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
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
	for name, x := range map[string]struct {
		line   approvals.Line
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
		"by the line, event":     {line: approvals.Line{Requester: "body.author"}, source: event(`{"author":"kim","sender":{"login":"zoe"}}`), want: "kim"},
		"by the line, signed":    {line: approvals.Line{Requester: "body.author"}, source: signed(`{"author":"kim","sender":{"login":"zoe"}}`), want: "kim", proof: approvals.BySignature},
		"by the line, a header":  {line: approvals.Line{Requester: "header.match('X-Github-Event', 'push') ? 'bob' : 'zoe'"}, source: signed(`{}`), want: "bob"},
		"by the line, the URL":   {line: approvals.Line{Requester: "requestURL"}, source: signed(`{}`), want: "/hook?x=1"},
		"by the line, run":       {line: approvals.Line{Requester: "params.env"}, source: made, want: "production"},
		"by the line, the same":  {line: approvals.Line{Requester: "'zoe'"}, source: made, want: "zoe", proof: approvals.ByAdmission},
		"by the line, unknown":   {line: approvals.Line{Requester: "''"}, source: made},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.Terms(t.Context(), "prod", "apply", x.line, policy(), x.source, ct.Template)
			if err != nil || got.Requester != x.want || got.RequesterProof != x.proof || !slices.Equal(got.RequesterAlso, x.also) {
				t.Errorf("%+v, %v; want %q, %q, %q", got, err, x.want, x.proof, x.also)
			}
		})
	}
}

// TestRequesterKnown: the directory says what else a login is called, and a Gate may ask
// for proof.
func TestRequesterKnown(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	var err error
	if c.People, err = approvals.NewDirectory([]approvals.Person{{Names: []string{"alice"}, Logins: []string{"alice-gh"}}}, nil); err != nil {
		t.Fatal(err)
	}
	body := event(`{"sender":{"login":"alice-gh"}}`)
	got, err := c.Terms(t.Context(), "prod", "apply", approvals.Line{}, policy(), body, ct.Template)
	if err != nil || !slices.Equal(got.RequesterAlso, []string{"alice"}) {
		t.Errorf("%+v, %v", got, err)
	}
	one := policy()
	one.Approvers = one.Approvers[:1]
	if _, err := c.Terms(t.Context(), "prod", "apply", approvals.Line{}, one, body, ct.Template); err == nil || !strings.Contains(err.Error(), "without the requester alice-gh it has 0") {
		t.Errorf("the one approver asked, by another name: %v", err)
	}
	must := policy()
	must.Requester = approvals.RequesterRequired
	if _, err := c.Terms(t.Context(), "prod", "apply", approvals.Line{}, must, body, ct.Template); approvals.CodeOf(err) != approvals.CodeInvalid || !strings.Contains(approvals.Message(err), "is not proved") {
		t.Errorf("without a proof: %v", err)
	}
	body.RequesterProof = approvals.BySignature
	if _, err := c.Terms(t.Context(), "prod", "apply", approvals.Line{}, must, body, ct.Template); err != nil {
		t.Errorf("with a proof: %v", err)
	}
}
