package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/internal/golden"
)

// roles are those of the manifests in a folder.
func roles(t *testing.T, dir string) []rbacv1.ClusterRole {
	t.Helper()
	var out []rbacv1.ClusterRole
	documents(t, dir, func(_, doc string) error {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(doc), &kind); err != nil || (kind.Kind != "ClusterRole" && kind.Kind != "Role") {
			return err
		}
		out = append(out, rbacv1.ClusterRole{}) // a Role has a part of its fields
		return yaml.UnmarshalStrict([]byte(doc), &out[len(out)-1])
	})
	return out
}

// tooWide says what a rule gives that none may give; "" if it is nothing.
func tooWide(kind string, rule rbacv1.PolicyRule) string {
	if slices.ContainsFunc(slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.ResourceNames, rule.NonResourceURLs), func(s string) bool { return strings.Contains(s, "*") }) {
		return "has a wildcard: list what it is for"
	}
	for _, r := range rule.Resources {
		resource, _, _ := strings.Cut(r, "/")
		if kind == "ClusterRole" && resource == "secrets" {
			return "gives Secrets of the whole cluster: put the rule into a Role"
		}
	}
	for _, v := range rule.Verbs {
		if slices.Contains([]string{"escalate", "bind", "impersonate"}, v) {
			return "has verb " + v + ", by which an account gets the rights of others"
		}
	}
	return ""
}

// TestRights: testdata/rights.golden has every right that the manifests give, so that a new one is read in a review. No right
// is wider than its purpose.
func TestRights(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, dir := range []string{"deploy", "examples", "demo"} {
		for _, role := range roles(t, dir) {
			for _, rule := range role.Rules {
				line := fmt.Sprintf("%s %s: %s", role.Kind, role.Name, said(rule))
				if why := tooWide(role.Kind, rule); why != "" {
					t.Errorf("%s/…: %s: it %s", dir, line, why)
				}
				if dir == "deploy" {
					lines = append(lines, line)
				}
			}
			if role.AggregationRule != nil {
				t.Errorf("%s/…: %s %s takes the rules of other roles, which nobody reads here", dir, role.Kind, role.Name)
			}
		}
	}
	if len(lines) < 30 {
		t.Errorf("%d rules were found, so this test looks for the wrong thing", len(lines))
	}
	slices.Sort(lines)
	golden.File(t, "testdata/rights.golden", strings.Join(lines, "\n")+"\n")
}

// said is a rule on one line.
func said(r rbacv1.PolicyRule) string {
	list := func(s []string) string { return strings.Join(slices.Sorted(slices.Values(s)), ",") }
	if len(r.NonResourceURLs) > 0 {
		return list(r.Verbs) + " " + list(r.NonResourceURLs)
	}
	var of []string
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			name, sub, found := strings.Cut(resource, "/")
			if name = strings.TrimSuffix(name+"."+group, "."); found {
				name += "/" + sub
			}
			of = append(of, name)
		}
	}
	out := list(r.Verbs) + " " + list(of)
	if len(r.ResourceNames) > 0 {
		out += " named " + list(r.ResourceNames)
	}
	return out
}

// TestTooWide: each rule that no role may have is found.
func TestTooWide(t *testing.T) {
	t.Parallel()
	get := []string{"get"}
	for name, c := range map[string]struct {
		kind string
		rule rbacv1.PolicyRule
		wide bool
	}{
		"every verb":                  {"Role", rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"*"}}, true},
		"every resource":              {"Role", rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"*"}, Verbs: get}, true},
		"every subresource":           {"Role", rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"*/status"}, Verbs: get}, true},
		"every group":                 {"Role", rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"pods"}, Verbs: get}, true},
		"every path":                  {"ClusterRole", rbacv1.PolicyRule{NonResourceURLs: []string{"/metrics/*"}, Verbs: get}, true},
		"Secrets of the cluster":      {"ClusterRole", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods", "secrets"}, Verbs: get}, true},
		"one Secret in each":          {"ClusterRole", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"a"}, Verbs: get}, true},
		"Secrets of one namespace":    {"Role", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: get}, false},
		"to speak as somebody else":   {"ClusterRole", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"impersonate"}}, true},
		"to give what one has not":    {"Role", rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"bind"}}, true},
		"Approvals in each namespace": {"ClusterRole", rbacv1.PolicyRule{APIGroups: []string{"countersign.dev"}, Resources: []string{"approvals"}, Verbs: get}, false},
	} {
		if got := tooWide(c.kind, c.rule); (got != "") != c.wide {
			t.Errorf("%s: %q, want a reason: %t", name, got, c.wide)
		}
	}
}
