//go:build kube

package deploy_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestRevokeLinkIsByWhoeverMakesIt: a Vote that ends a link is proved as any Vote is, also
// of those who operate the namespace, and says nothing that would be dropped.
func TestRevokeLinkIsByWhoeverMakesIt(t *testing.T) {
	c := start(t)
	revoke := func(voter, more string) string {
		return strings.Replace(vote("v", voter, more), "verdict: approve", "verdict: revoke-link", 1)
	}
	dry := func(who, doc string) error {
		return c.as(t, who, "sre").Create(t.Context(), parse(t, doc), client.DryRunAll)
	}
	inForce(t, "can only vote under this name", func() error { return dry("bob", revoke("alice", "")) })
	inForceFor(t, func() error { return dry("alice", revoke("alice", "")) })
	for name, x := range map[string]struct{ who, doc, want string }{
		"one's own":                 {"alice", revoke("alice", ""), ""},
		"of an address, by a group": {"alice", revoke("alice", ", of: bob@example.com, groups: [sre]"), ""},
		"as another":                {"alice", revoke("bob", ", of: alice"), "you are alice and can only vote under this name"},
		"an operator as another":    {"olga", revoke("alice", ""), "you are olga and can only vote under this name"},
		"by another's group":        {"alice", revoke("alice", ", groups: [admins]"), "you can only vote by groups that you are a member of"},
		"of nobody":                 {"alice", revoke("alice", `, of: ""`), "spec.of"},
		"with a comment":            {"alice", revoke("alice", ", comment: x"), "takes no comment, inputs and breakGlass"},
		"with inputs":               {"alice", revoke("alice", ", inputs: [{name: a}]"), "takes no comment, inputs and breakGlass"},
		"breaking the glass":        {"alice", revoke("alice", ", breakGlass: true"), "takes no comment, inputs and breakGlass"},
		"a vote of another's link":  {"alice", vote("v", "alice", ", of: bob"), "of is only for verdict revoke-link"},
		"a verdict that is none":    {"alice", strings.Replace(revoke("alice", ""), "revoke-link", "revoke", 1), "Unsupported value"},
	} {
		if err := dry(x.who, x.doc); (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
	}
}
