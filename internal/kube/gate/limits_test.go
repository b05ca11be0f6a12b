package gate_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	kubegate "github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

func namespace(name string, labels map[string]string) *corev1.Namespace {
	ns := &corev1.Namespace{}
	ns.Name, ns.Labels = name, labels
	return ns
}

// TestSelects: which policies hold in a namespace follows from its labels alone.
func TestSelects(t *testing.T) {
	t.Parallel()
	objs := []client.Object{namespace("prod", map[string]string{"stage": "production", "team": "shop"}), namespace("dev", map[string]string{"stage": "dev"}), namespace("bare", nil)}
	for name, selector := range map[string]string{
		"all":     `{}`,
		"labels":  `{matchLabels: {stage: production, team: shop}}`,
		"other":   `{matchLabels: {stage: production, team: bank}}`,
		"in":      `{matchExpressions: [{key: stage, operator: In, values: [production, staging]}]}`,
		"not-in":  `{matchExpressions: [{key: stage, operator: NotIn, values: [dev]}]}`,
		"has":     `{matchExpressions: [{key: team, operator: Exists}]}`,
		"has-not": `{matchExpressions: [{key: stage, operator: DoesNotExist}]}`,
	} {
		objs = append(objs, servicetest.GatePolicy(t, name, `namespaceSelector: `+selector))
	}
	c := servicetest.NewCluster(t, objs...)
	for ns, want := range map[string]string{
		"prod": "all has in labels not-in",
		"dev":  "all",
		"bare": "all has-not not-in",
	} {
		got, err := kubegate.Policies{Client: c}.Of(t.Context(), ns)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, g := range got {
			names = append(names, g.Name)
		}
		if s := strings.Join(names, " "); s != want {
			t.Errorf("in %s hold %q, want %q", ns, s, want)
		}
	}
	// Without its labels nobody can tell, and so nothing goes on.
	if _, err := (kubegate.Policies{Client: c}).Of(t.Context(), "new"); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("a namespace that is not known: %v", err)
	}
	c.Fail(func(string, runtime.Object) error { return errors.New("connection refused") })
	if _, err := (kubegate.Policies{Client: c}).Of(t.Context(), "prod"); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("policies that can't be read: %v", err)
	}
	// Where there are no policies nobody asks for namespaces.
	if got, err := (kubegate.Policies{Client: servicetest.NewCluster(t)}).Of(t.Context(), "new"); len(got) > 0 || err != nil {
		t.Errorf("without policies: %v, %v", got, err)
	}
}

// TestUnreadablePolicy: what the schema would have refused closes, and does not open.
func TestUnreadablePolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, spec := range map[string]string{
		"an operator": `namespaceSelector: {matchExpressions: [{key: stage, operator: Is, values: [dev]}]}`,
		"no values":   `namespaceSelector: {matchExpressions: [{key: stage, operator: In}]}`,
		"a key":       `namespaceSelector: {matchLabels: {"not a key": x}}`,
		"a duration":  `{namespaceSelector: {}, maxExpiresAfter: 3d}`,
	} {
		c := servicetest.NewCluster(t, namespace("prod", nil), servicetest.GatePolicy(t, "broken", spec))
		_, err := kubegate.Bounds{Client: c}.Hold(t.Context(), "prod", approvals.Policy{Gate: "production"})
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		said.Check(t, name, approvals.Message(err))
	}
	if g := convert.GatePolicyToDomain(servicetest.GatePolicy(t, "p", `{namespaceSelector: {}, inlineGates: forbid, breakGlass: no-way}`)); !g.ForbidInlineGates || !g.ForbidBreakGlass {
		t.Errorf("words that nobody knows are taken for Allow: %+v", g)
	}
}

func TestGatePolicyToDomain(t *testing.T) {
	t.Parallel()
	got := convert.GatePolicyToDomain(servicetest.GatePolicy(t, "strict", `
namespaceSelector: {}
inlineGates: Forbid
taskApprovers: Forbid
userApprovers: Forbid
rbacApprovers: Forbid
allowedGroups: [ops, sec]
requiredGroups: [sec]
minApprovals: 2
requester: Required
maxExpiresAfter: 72h
allowedOnExpiry: [Expire, Reject]
allowedReleaseOn: [Approved]
allowedMailDomains: [example.com]
allowedChannels: [releases]
allowedAuthMethods: [Token, Login, Object]
breakGlass: Forbid
delegations: Forbid
`))
	want := approvals.GatePolicy{
		Name: "strict", ForbidInlineGates: true, ForbidTaskApprovers: true, ForbidUsers: true, ForbidRBAC: true, ForbidBreakGlass: true, ForbidDelegations: true,
		AllowedGroups: []string{"ops", "sec"}, RequiredGroups: []string{"sec"}, MinApprovals: 2, Requester: approvals.RequesterRequired, MaxLifetime: 72 * time.Hour,
		AllowedOnExpiry: []approvals.ExpiryRule{approvals.ExpireOnExpiry, approvals.RejectOnExpiry}, AllowedReleaseOn: []approvals.Outcome{approvals.Approved}, AllowedMailDomains: []string{"example.com"}, AllowedChannels: []string{"releases"},
		AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthToken, approvals.AuthLogin, approvals.AuthObject},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	lax := convert.GatePolicyToDomain(servicetest.GatePolicy(t, "lax", `{namespaceSelector: {}, inlineGates: Allow, breakGlass: Allow}`))
	if d := cmp.Diff(approvals.GatePolicy{Name: "lax"}, lax); d != "" {
		t.Errorf("what is absent restricts nothing (-want +got)\n%s", d)
	}
}

// TestResolvedKeepsLimits: what policies demand of votes, and where the policy was written, is
// in what is signed.
func TestResolvedKeepsLimits(t *testing.T) {
	t.Parallel()
	p := convert.PolicyToDomain(approvals.InlineGate, v1alpha1.GateSpec{})
	p.From = approvals.FromTask
	p.Limits = approvals.Limits{Methods: []approvals.AuthMethod{approvals.AuthToken, approvals.AuthObject}, NoBreakGlass: true, NoDelegations: true}
	resolved := &approvals.ResolvedSpec{Policy: &p, Digest: "d"}
	got := convert.ResolvedToDomain(servicetest.ThroughAPI(t, convert.ResolvedToAPI(resolved)))
	if d := cmp.Diff(resolved.Policy, got.Policy); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if p := convert.ResolvedToDomain(servicetest.ThroughAPI(t, convert.ResolvedToAPI(&approvals.ResolvedSpec{Policy: new(convert.PolicyToDomain(approvals.InlineGate, v1alpha1.GateSpec{}))}))).Policy; p.From != approvals.FromTrigger || p.Limits.Methods != nil {
		t.Errorf("inline: from %q, %+v", p.From, p.Limits)
	}
}

// TestResolvedWithinPolicy: a Gate, named or inline, that is outside a policy is not resolved,
// and one that is within has the policy's limits in them.
func TestResolvedWithinPolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	inline := strings.Replace(kubetest.World, "value: production}", "value: {approvers: {users: [{name: alice}]}}}", 1)
	for name, c := range map[string]struct {
		docs, policy string
		outside      bool
	}{
		"named, within":       {kubetest.World, `{namespaceSelector: {}, inlineGates: Forbid, allowedAuthMethods: [Login, Token]}`, false},
		"named, outside":      {kubetest.World, `{namespaceSelector: {}, minApprovals: 2}`, true},
		"named, of another":   {kubetest.World, `{namespaceSelector: {matchLabels: {stage: dev}}, minApprovals: 2}`, false},
		"inline, within":      {inline, `{namespaceSelector: {}, minApprovals: 1, allowedAuthMethods: [Login, Token]}`, false},
		"inline, not allowed": {inline, `{namespaceSelector: {}, inlineGates: Forbid}`, true},
		"inline, outside":     {inline, `{namespaceSelector: {}, maxExpiresAfter: 72h}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, append(kubetest.Objects(t, c.docs), namespace("prod", map[string]string{"stage": "production"}), servicetest.GatePolicy(t, "strict", c.policy))...)
			resolved, err := cl.Opener(t).Resolve(t.Context(), "prod", "apply", approvals.Source{Run: &approvals.Run{Name: "plan-1", UID: "run-1", Pipeline: "plan"}, Results: []approvals.Param{{Name: "digest", Value: "x"}}})
			if (err != nil) != c.outside || err != nil && (approvals.CodeOf(err) != approvals.CodeInvalid || kubeutil.ProblemWith("", err).Reason != "OutsidePolicy") {
				t.Fatalf("%v, outside should be %t", err, c.outside)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
			if err == nil && strings.Contains(c.policy, "Methods") && (fmt.Sprint(resolved.Policy.Limits.Methods) != "[Login Token]" || !resolved.Policy.LinkNeedsLogin) {
				t.Errorf("limits %+v, link needs a login: %v", resolved.Policy.Limits, resolved.Policy.LinkNeedsLogin)
			}
		})
	}
}

// TestStrictExample: the shipped policy allows the shipped Gate, and each way to loosen that
// Gate, or to decide without one, is outside.
func TestStrictExample(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	load := func(file string, into any) {
		t.Helper()
		text, err := os.ReadFile("../../../examples/gatepolicy/" + file)
		if err == nil {
			err = yaml.UnmarshalStrict(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	strict, gate := &v1alpha1.GatePolicy{}, &v1alpha1.Gate{}
	load("strict.yaml", strict)
	load("gate.yaml", gate)
	c := servicetest.NewCluster(t, strict, namespace("shop", map[string]string{"environment": "production"}), namespace("dev", nil))
	hold := func(ns string, p approvals.Policy) error {
		_, err := kubegate.Bounds{Client: c}.Hold(t.Context(), ns, p)
		return err
	}
	if err := hold("shop", convert.PolicyOf(gate)); err != nil {
		t.Fatal(err)
	}
	outside := map[string]string{
		"inlineGates":        `{}`, // of a Gate in a Trigger, below
		"minApprovals":       `rules: [{name: security, groups: [security]}]`,
		"requester":          `requester: Exclude`,
		"allowedGroups":      `rules: [{name: security, groups: [security]}, {name: all, groups: [everybody]}]`,
		"requiredGroups":     `rules: [{name: platform, groups: [platform], required: 2}]`,
		"userApprovers":      `rules: [{name: security, groups: [security]}, {name: me, users: [{name: mallory}]}]`,
		"rbacApprovers":      `rules: [{name: security, groups: [security]}, {name: platform, groups: [platform], rbac: true}]`,
		"allowedOnExpiry":    `onExpiry: Approve`,
		"allowedReleaseOn":   `releaseOn: [Approved, Expired]`,
		"maxExpiresAfter":    `expiresAfter: 73h`,
		"allowedMailDomains": `notify: {escalate: {after: 1h, emails: [boss@example.org]}}`,
		"allowedChannels":    `notify: {channels: [everybody]}`,
	}
	for field, change := range outside {
		loose := gate.DeepCopy()
		if strings.HasPrefix(change, "rules") {
			loose.Spec.Rules = nil
		}
		if err := yaml.Unmarshal([]byte(change), &loose.Spec); err != nil {
			t.Fatal(err)
		}
		p := convert.PolicyOf(loose)
		if field == "inlineGates" {
			p.Gate, p.From = approvals.InlineGate, approvals.FromTrigger
		}
		err := hold("shop", p)
		if approvals.CodeOf(err) != approvals.CodeInvalid {
			t.Errorf("%s: %v", field, err)
		}
		said.Check(t, field, approvals.Message(err))
		if err := hold("dev", p); err != nil {
			t.Errorf("%s, where it does not hold: %v", field, err)
		}
	}
	task := convert.PolicyOf(gate)
	task.From = approvals.FromTask
	err := hold("shop", task)
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("a task: %v", err)
	}
	said.Check(t, "taskApprovers", approvals.Message(err))
}
