package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestAbout: the Trigger's title stands before the Gate's, and what the Gate says besides
// before the Trigger's.
func TestAbout(t *testing.T) {
	t.Parallel()
	const hash = "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"
	run := func(change func(*approvals.Source)) approvals.Source {
		s := ct.Make("a").Obj().Source
		change(&s)
		return s
	}
	plain := run(func(*approvals.Source) {})
	for name, x := range map[string]struct {
		line   approvals.InterceptorParams
		policy func(*approvals.Policy)
		source approvals.Source
		want   approvals.About
	}{
		"nothing": {source: plain},
		"both": {
			source: plain,
			line:   approvals.InterceptorParams{Title: "'Deploy to ' + params.env", Instructions: "'Then this.'", Links: expressions("Dashboard", "'https://d.example.com/' + params.env")},
			policy: func(p *approvals.Policy) {
				p.Title, p.Instructions, p.Links = "'Production'", "'First this.\\n'", expressions("Runbook", "'https://r.example.com'", "None", "''")
			},
			want: approvals.About{
				Title: "Deploy to production", Instructions: "First this.\n\nThen this.",
				Links: []approvals.Link{{Name: "Runbook", URL: "https://r.example.com"}, {Name: "Dashboard", URL: "https://d.example.com/production"}},
			},
		},
		"the Gate's title":      {source: plain, policy: func(p *approvals.Policy) { p.Title = "'Two\\nlines \\u202e of it'" }, want: approvals.About{Title: "Two lines of it"}},
		"a title of nothing":    {source: plain, line: approvals.InterceptorParams{Title: "''", Forward: expressions("tag", "'v1.2'")}, want: approvals.About{Title: "apply v1.2"}},
		"too long a title":      {source: plain, line: approvals.InterceptorParams{Title: "'" + strings.Repeat("界", 300) + "'"}, want: approvals.About{Title: strings.Repeat("界", 199) + "…"}},
		"a version":             {source: plain, line: approvals.InterceptorParams{Forward: expressions("commit", "'"+hash+"'", "version", "'1.5.3'")}, want: approvals.About{Title: "apply 1.5.3"}},
		"an image":              {source: plain, line: approvals.InterceptorParams{Forward: expressions("image", "'registry.example.com/shop/app:1.5@sha256:"+hash+"'")}, want: approvals.About{Title: "apply app:1.5"}},
		"an image by digest":    {source: plain, line: approvals.InterceptorParams{Forward: expressions("image", "'registry.example.com/shop/app@sha256:"+hash+"'")}, want: approvals.About{Title: "apply app@8d1f0c6e2b7a"}},
		"a commit of a result":  {source: run(func(s *approvals.Source) { s.Results = append(s.Results, approvals.Param{Name: "commit", Value: hash}) }), want: approvals.About{Title: "apply 8d1f0c6e2b7a"}},
		"a version that is not": {source: plain, line: approvals.InterceptorParams{Forward: expressions("version", "'a\\nb'")}},
		"a push":                {source: event(`{"ref":"refs/heads/main","after":"` + hash + `"}`), want: approvals.About{Title: "apply 8d1f0c6e2b7a (main)"}},
		"a tag":                 {source: event(`{"ref":"refs/tags/v2","after":"` + hash + `"}`), want: approvals.About{Title: "apply v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy()
			if x.policy != nil {
				x.policy(&p)
			}
			got, err := compiler(t).Resolve(t.Context(), "prod", "apply", x.line, p, x.source, ct.Template)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, got.About); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if got.Digest != got.ContentDigest("prod", "apply", ct.Template, x.source) {
				t.Error("the digest is not of the content")
			}
			other := *got
			other.About.Title += "!"
			if other.ContentDigest("prod", "apply", ct.Template, x.source) == got.Digest {
				t.Error("another title has the same digest")
			}
		})
	}
}
