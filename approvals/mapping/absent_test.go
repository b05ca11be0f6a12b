package mapping_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestGuard: of what an event does not have people are told how to ask for it, and what
// they are told works.
func TestGuard(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	c, err := mapping.New()
	if err != nil {
		t.Fatal(err)
	}
	vars := mapping.Vars{
		Body:   map[string]any{"head_commit": nil, "ref": "refs/heads/x", "repository": map[string]any{"owner": nil}, "commits": []any{}},
		Params: map[string]string{"env": "prod"},
	}
	for expr, advised := range map[string]bool{
		"body.head_commit.author.email":                        true,
		"body.head_commit":                                     true,
		"body.repository.owner.login":                          true,
		"body.pull_request.number":                             true,
		"params.version":                                       true,
		"body.ref + '@' + body.head_commit.id":                 true,
		"has(body.head_commit) ? body.head_commit.id : 'none'": true,
		"body.commits[0].id":                                   false,
		"int(body.ref)":                                        false,
	} {
		_, err := c.String(t.Context(), expr, vars)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		said.Check(t, expr, approvals.Message(err))
		_, advice, ok := strings.Cut(approvals.Message(err), ", as in ")
		if ok != advised {
			t.Errorf("%s: %v; advised should be %t", expr, err, advised)
		}
		if !ok {
			continue
		}
		if got, err := c.String(t.Context(), advice, vars); err != nil || got != "" {
			t.Errorf("what is advised, %s: %q, %v", advice, got, err)
		}
	}
}
