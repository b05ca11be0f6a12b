package mapping_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
)

// TestGuard: of what an event does not have people are told how to ask for it, and what
// they are told works.
func TestGuard(t *testing.T) {
	t.Parallel()
	c, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	vars := mapping.Vars{
		Body:   map[string]any{"head_commit": nil, "ref": "refs/heads/x", "repository": map[string]any{"owner": nil}, "commits": []any{}},
		Params: map[string]string{"env": "prod"},
	}
	for expr, want := range map[string]string{
		"body.head_commit.author.email":                        "body.head_commit is null here: check for it first, as in has(body.head_commit) && body.head_commit != null ? body.head_commit.author.email : ''",
		"body.head_commit":                                     "body.head_commit is null here: check for it first, as in has(body.head_commit) && body.head_commit != null ? body.head_commit : ''",
		"body.repository.owner.login":                          "body.repository.owner is null here: check for it first, as in has(body.repository.owner) && body.repository.owner != null ? body.repository.owner.login : ''",
		"body.pull_request.number":                             "body.pull_request is missing here: check for it first, as in has(body.pull_request) && body.pull_request != null ? body.pull_request.number : ''",
		"params.version":                                       "params.version is missing here: check for it first, as in has(params.version) ? params.version : ''",
		"body.ref + '@' + body.head_commit.id":                 "body.head_commit is null here: check for it first, as in has(body.head_commit) && body.head_commit != null ? body.head_commit.id : ''",
		"has(body.head_commit) ? body.head_commit.id : 'none'": "body.head_commit is null here: check for it first, as in has(body.head_commit) && body.head_commit != null ? body.head_commit.id : ''",
		"body.commits[0].id":                                   "",
		"int(body.ref)":                                        "",
	} {
		_, err := c.String(t.Context(), expr, vars)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if want == "" {
			if strings.Contains(err.Error(), "check for it first") {
				t.Errorf("%s: %v", expr, err)
			}
			continue
		}
		if !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", expr, err, want)
		}
		_, advice, _ := strings.Cut(want, "as in ")
		if got, err := c.String(t.Context(), advice, vars); err != nil || got != "" {
			t.Errorf("what is advised, %s: %q, %v", advice, got, err)
		}
	}
}
