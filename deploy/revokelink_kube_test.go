//go:build kube

package deploy_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
)

// TestRevokeLinkIsByWhoeverMakesIt: a Vote that ends a link is proved as any Vote is, also
// of those who operate the namespace, and says nothing that would be dropped.
func TestRevokeLinkIsByWhoeverMakesIt(t *testing.T) {
	said := golden.Open(t)
	c := start(t)
	revoke := func(voter, more string) string {
		return strings.Replace(vote("v", voter, more), "verdict: approve", "verdict: revoke-link", 1)
	}
	dry := func(who, doc string) error {
		return c.as(t, who, "sre").Create(t.Context(), parse(t, doc), client.DryRunAll)
	}
	inForce(t, "countersign-votes", func() error { return dry("bob", revoke("alice", "")) })
	inForceFor(t, func() error { return dry("alice", revoke("alice", "")) })
	for name, x := range map[string]struct {
		who, doc string
		refused  bool
	}{
		"one's own":                 {"alice", revoke("alice", ""), false},
		"of an address, by a group": {"alice", revoke("alice", ", of: bob@example.com, groups: [sre]"), false},
		"as another":                {"alice", revoke("bob", ", of: alice"), true},
		"an operator as another":    {"olga", revoke("alice", ""), true},
		"by another's group":        {"alice", revoke("alice", ", groups: [admins]"), true},
		"of nobody":                 {"alice", revoke("alice", `, of: ""`), true},
		"with a comment":            {"alice", revoke("alice", ", comment: x"), true},
		"with inputs":               {"alice", revoke("alice", ", inputs: [{name: a}]"), true},
		"breaking the glass":        {"alice", revoke("alice", ", breakGlass: true"), true},
		"a vote of another's link":  {"alice", vote("v", "alice", ", of: bob"), true},
		"a verdict that is none":    {"alice", strings.Replace(revoke("alice", ""), "revoke-link", "revoke", 1), true},
	} {
		err := dry(x.who, x.doc)
		if apierrors.IsInvalid(err) != x.refused || !x.refused && err != nil {
			t.Errorf("%s: %v, refused should be %t", name, err, x.refused)
		}
		if err != nil {
			said.Check(t, name, refusal.Text(err))
		}
	}
}
