//go:build kube

package deploy_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
	"github.com/countersign-dev/countersign/test/wait"
)

// TestGatePolicySchema: the API server takes the shipped example, and no policy that means
// nothing or something else than it says.
func TestGatePolicySchema(t *testing.T) {
	said := golden.Open(t)
	root := start(t).as(t, "root", "system:masters")
	text, err := os.ReadFile("../examples/gatepolicy/strict.yaml")
	must(t, err)
	must(t, root.Create(t.Context(), parse(t, string(text))))
	strictly := client.WithFieldValidation(root, metav1.FieldValidationStrict)
	for name, c := range map[string]struct {
		spec    string
		refused bool
	}{
		"all namespaces":                {`namespaceSelector: {}`, false},
		"by labels":                     {`namespaceSelector: {matchLabels: {example.com/stage: prod, team: ""}}`, false},
		"by expressions":                {`namespaceSelector: {matchExpressions: [{key: a, operator: NotIn, values: [x]}, {key: b, operator: Exists}]}`, false},
		"no selector":                   {`minApprovals: 2`, true},
		"a key that is none":            {`namespaceSelector: {matchLabels: {"not a key": x}}`, true},
		"a value that is none":          {`namespaceSelector: {matchLabels: {a: "not a value"}}`, true},
		"In without values":             {`namespaceSelector: {matchExpressions: [{key: a, operator: In}]}`, true},
		"Exists with values":            {`namespaceSelector: {matchExpressions: [{key: a, operator: Exists, values: [x]}]}`, true},
		"an operator that is none":      {`namespaceSelector: {matchExpressions: [{key: a, operator: Is, values: [x]}]}`, true},
		"nobody":                        {`namespaceSelector: {}, minApprovals: 0`, true},
		"more than can be":              {`namespaceSelector: {}, minApprovals: 33`, true},
		"a requester rule that is none": {`namespaceSelector: {}, requester: Allow`, true},
		"a permission that is none":     {`namespaceSelector: {}, inlineGates: "No"`, true},
		"in days":                       {`namespaceSelector: {}, maxExpiresAfter: 3d`, true},
		"for a moment":                  {`namespaceSelector: {}, maxExpiresAfter: 1s`, true},
		"for ever":                      {`namespaceSelector: {}, maxExpiresAfter: 9000h`, true},
		"no way to expire":              {`namespaceSelector: {}, allowedOnExpiry: []`, true},
		"an expiry that is none":        {`namespaceSelector: {}, allowedOnExpiry: [Never]`, true},
		"no method":                     {`namespaceSelector: {}, allowedAuthMethods: []`, true},
		"a method that is none":         {`namespaceSelector: {}, allowedAuthMethods: [Password]`, true},
		"a domain with an @":            {`namespaceSelector: {}, allowedMailDomains: ["@example.com"]`, true},
		"a domain in upper case":        {`namespaceSelector: {}, allowedMailDomains: [Example.com]`, true},
		"every domain":                  {`namespaceSelector: {}, allowedMailDomains: ["*"]`, true},
		"a group that is not allowed":   {`namespaceSelector: {}, allowedGroups: [a], requiredGroups: [b]`, true},
		"groups that are allowed":       {`namespaceSelector: {}, allowedGroups: [a, b], requiredGroups: [b]`, false},
		"a field that is none":          {`namespaceSelector: {}, minimumApprovals: 2`, true},
	} {
		err := strictly.Create(t.Context(), parse(t, `{apiVersion: countersign.dev/v1alpha1, kind: GatePolicy, metadata: {generateName: p-}, spec: {`+c.spec+`}}`), client.DryRunAll)
		if (err != nil) != c.refused {
			t.Errorf("%s: %v, refused should be %t", name, err, c.refused)
		}
		if err != nil {
			said.Check(t, name, refusal.Text(err))
		}
	}
}

// TestWhoWritesGates: a namespace's editor sees Gates, its administrator writes them, and
// nobody in a namespace writes what Gates are held to.
func TestWhoWritesGates(t *testing.T) {
	c := start(t)
	root := c.as(t, "root", "system:masters")
	people := map[string]string{"vera": "view", "erin": "edit", "adam": "admin"}
	for who, role := range people {
		// No controller fills the roles of Kubernetes in here, so their own words for what
		// they are made of do.
		rules := aggregated(t, root, role)
		must(t, root.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "as-" + role}, Rules: rules}))
		must(t, root.Create(t.Context(), parse(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: `+role+`, namespace: default}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: as-`+role+`}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: `+who+`}]}`)))
	}
	gate := func(name string) string {
		return `{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {namespace: default, name: ` + name + `}, spec: {approvers: {users: [{name: alice}]}}}`
	}
	const policy = `{apiVersion: countersign.dev/v1alpha1, kind: GatePolicy, metadata: {name: mine}, spec: {namespaceSelector: {}}}`
	must(t, root.Create(t.Context(), parse(t, gate("there"))))
	must(t, root.Create(t.Context(), parse(t, policy)))
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"comment":"Required"}}`))
	for who, role := range people {
		api := c.as(t, who)
		inForceFor(t, func() error {
			return api.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "there"}, parse(t, gate("there")))
		})
		writes := role == "admin"
		for what, err := range map[string]error{
			"create a Gate":    api.Create(t.Context(), parse(t, gate("new-"+who))),
			"patch a Gate":     api.Patch(t.Context(), parse(t, gate("there")), patch),
			"delete a Gate":    api.Delete(t.Context(), parse(t, gate("new-"+who))),
			"delete all Gates": api.DeleteAllOf(t.Context(), parse(t, gate("")), client.InNamespace("default"), client.MatchingLabels{"none": "has"}),
		} {
			if writes != (err == nil) || err != nil && !apierrors.IsForbidden(err) {
				t.Errorf("%s of %s: %s: %v", who, role, what, err)
			}
		}
		for what, err := range map[string]error{
			"create a GatePolicy":   api.Create(t.Context(), parse(t, strings.Replace(policy, "mine", "yours", 1))),
			"patch a GatePolicy":    api.Patch(t.Context(), parse(t, policy), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"minApprovals":1}}`))),
			"delete a GatePolicy":   api.Delete(t.Context(), parse(t, policy)),
			"write a Gate's status": api.Status().Patch(t.Context(), parse(t, gate("there")), client.RawPatch(types.MergePatchType, []byte(`{"status":{"conditions":[]}}`))),
			"label the namespace":   api.Patch(t.Context(), parse(t, `{apiVersion: v1, kind: Namespace, metadata: {name: default}}`), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`))),
		} {
			if !apierrors.IsForbidden(err) {
				t.Errorf("%s of %s: %s: %v", who, role, what, err)
			}
		}
	}
}

// aggregated is what the controller of roles would fill a role of Kubernetes with.
func aggregated(t *testing.T, root client.Client, name string) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	must(t, root.Get(t.Context(), client.ObjectKey{Name: name}, &role))
	if role.AggregationRule == nil {
		return role.Rules
	}
	var rules []rbacv1.PolicyRule
	for _, s := range role.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		must(t, err)
		var found rbacv1.ClusterRoleList
		must(t, root.List(t.Context(), &found, client.MatchingLabelsSelector{Selector: selector}))
		for _, r := range found.Items {
			rules = append(rules, aggregated(t, root, r.Name)...)
		}
	}
	if !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.APIGroups, "countersign.dev") }) {
		t.Fatalf("ClusterRole %s has nothing of ours: %v", name, rules)
	}
	return rules
}

// inForceFor waits until a right that was given is felt.
func inForceFor(t *testing.T, probe func() error) {
	t.Helper()
	wait.Eventually(t, 5*time.Second, "the right", probe)
}
