//go:build kube

// Package deploy_test holds what is deployed to what its comments say.
package deploy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
	"github.com/countersign-dev/countersign/test/wait"
)

const service = "system:serviceaccount:countersign:countersign"

// cluster is a real API server with our resources, policies and roles.
type cluster struct{ config *rest.Config }

// as is a client for somebody with every right that RBAC can give in namespaces: what
// is refused is refused by a policy.
func (c cluster) as(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
	api, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func start(t *testing.T) cluster {
	t.Helper()
	env := &envtest.Environment{CRDDirectoryPaths: []string{"crd"}, ErrorIfCRDPathMissing: true}
	config, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	c := cluster{config}
	root := c.as(t, "root", "system:masters")
	for _, file := range []string{"base/admission.yaml", "base/accounts.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			if u := parse(t, doc); u.GetNamespace() == "" {
				must(t, root.Create(t.Context(), u))
			}
		}
	}
	for _, who := range []string{"alice", "bob", "olga", service, "system:serviceaccount:kube-system:namespace-controller"} {
		verbs := "[get, create, delete, update, patch]"
		if who == "olga" { // operates the namespace
			verbs = "['*']"
		}
		resources := "[votes, delegations, approvals, votes/status]"
		if who == "olga" {
			resources = "['*']"
		}
		name := strings.ReplaceAll(who, ":", "-")
		must(t, root.Create(t.Context(), parse(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: `+name+`}, rules: [{apiGroups: [countersign.dev], resources: `+resources+`, verbs: `+verbs+`}]}`)))
		must(t, root.Create(t.Context(), parse(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: `+name+`}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: `+name+`}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: '`+who+`'}]}`)))
	}
	return c
}

func parse(t *testing.T, doc string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func vote(name, voter, more string) string {
	return `{apiVersion: countersign.dev/v1alpha1, kind: Vote, metadata: {namespace: default, name: ` + name + `}, spec: {approval: a, voter: ` + voter + `, verdict: approve` + more + `}}`
}

func approval(name string) string {
	return `{apiVersion: countersign.dev/v1alpha1, kind: Approval, metadata: {namespace: default, name: ` + name + `}, spec: {trigger: t, source: {event: {digest: d, body: "{}"}}}}`
}

// fixed is an Approval that is resolved.
func fixed(name string) string {
	return `{apiVersion: countersign.dev/v1alpha1, kind: Approval, metadata: {namespace: default, name: ` + name + `}, spec: {trigger: t, source: {pipelineRun: {name: r, uid: u, pipeline: p, completedAt: "2026-01-01T00:00:00Z"}},
  resolved: {gate: g, digest: d, templateDigest: t, params: [{name: a, value: "1"}], policy: {approvers: {users: [{name: alice}]}}}}}`
}

func delegation(name, from string) string {
	return `{apiVersion: countersign.dev/v1alpha1, kind: Delegation, metadata: {namespace: default, name: ` + name + `}, spec: {from: ` + from + `, to: dan, until: "` +
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}}`
}

// inForce waits until what probe asks for is refused by the policy of that name.
func inForce(t *testing.T, policy string, probe func() error) {
	t.Helper()
	wait.Eventually(t, time.Minute, "the policy in force", func() error {
		err := probe()
		if refusal.Policy(err) == policy {
			return nil
		}
		return fmt.Errorf("answered with %q, want a refusal by %s", fmt.Sprint(err), policy)
	})
}

// TestPolicies: anyone who has every right in a namespace still speaks for nobody but
// themselves, and each refusal says what to do.
func TestPolicies(t *testing.T) {
	said := golden.Open(t)
	c := start(t)
	ctx := t.Context()
	// A policy takes a moment to be in force, and each one its own.
	must(t, c.as(t, service, "system:masters").Create(ctx, parse(t, approval("probe"))))
	dry := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"source":{"event":{"body":"{\"a\":1}"}}}}`))
	for policy, probe := range map[string]func() error{
		"countersign-votes": func() error {
			return c.as(t, "alice").Create(ctx, parse(t, vote("probe", "bob", "")), client.DryRunAll)
		},
		"countersign-delegations": func() error {
			return c.as(t, "bob").Create(ctx, parse(t, delegation("probe", "alice")), client.DryRunAll)
		},
		"countersign-approvals": func() error {
			return c.as(t, "alice").Create(ctx, parse(t, approval("probe-2")), client.DryRunAll)
		},
		"countersign-approvals-immutable": func() error {
			return c.as(t, service).Patch(ctx, parse(t, approval("probe")), dry, client.DryRunAll)
		},
	} {
		inForce(t, policy, probe)
	}
	create := func(doc string) func(context.Context, client.Client) error {
		return func(ctx context.Context, api client.Client) error { return api.Create(ctx, parse(t, doc)) }
	}
	remove := func(doc string) func(context.Context, client.Client) error {
		return func(ctx context.Context, api client.Client) error { return api.Delete(ctx, parse(t, doc)) }
	}
	status := func(doc string) func(context.Context, client.Client) error {
		return func(ctx context.Context, api client.Client) error {
			return api.Status().Patch(ctx, parse(t, doc), client.RawPatch("application/merge-patch+json", []byte(`{"status":{"state":"Recorded"}}`)))
		}
	}
	patch := func(doc, change string) func(context.Context, client.Client) error {
		return func(ctx context.Context, api client.Client) error {
			return api.Patch(ctx, parse(t, doc), client.RawPatch("application/merge-patch+json", []byte(change)))
		}
	}
	for _, c := range []struct {
		name, user string
		api        client.Client
		do         func(context.Context, client.Client) error
		refused    bool
	}{
		{"a vote of one's own", "alice", c.as(t, "alice"), create(vote("v1", "alice", "")), false},
		{"another's vote", "alice", c.as(t, "alice"), create(vote("v2", "bob", "")), true},
		{"a group of one's own", "alice", c.as(t, "alice", "sre"), create(vote("v3", "alice", ", groups: [sre]")), false},
		{"another group", "alice", c.as(t, "alice", "dev"), create(vote("v4", "alice", ", groups: [sre]")), true},
		{"the service votes for nobody", service, c.as(t, service), create(vote("v5", "alice", "")), true},
		{"what became of it", "alice", c.as(t, "alice"), status(vote("v1", "alice", "")), true},
		{"what became of it, by an operator", "olga", c.as(t, "olga"), status(vote("v1", "alice", "")), true},
		{"the service says", service, c.as(t, service), status(vote("v1", "alice", "")), false},
		{"another's vote removed", "bob", c.as(t, "bob"), remove(vote("v1", "alice", "")), true},
		{"one's own removed", "alice", c.as(t, "alice"), remove(vote("v1", "alice", "")), false},
		{"removed by the service", service, c.as(t, service), remove(vote("v3", "alice", "")), false},
		{"a delegate", "alice", c.as(t, "alice"), create(delegation("d1", "alice")), false},
		{"another's delegate", "bob", c.as(t, "bob"), create(delegation("d2", "alice")), true},
		{"an approval", "alice", c.as(t, "alice"), create(approval("a1")), true},
		{"an approval, by the service", service, c.as(t, service), create(approval("a1")), false},
		{"a label on it", "olga", c.as(t, "olga"), patch(approval("a1"), `{"metadata":{"labels":{"x":"y"}}}`), false},
		{"its spec", "olga", c.as(t, "olga"), patch(approval("a1"), `{"spec":{"signature":"x"}}`), true},
		{"resolved set once", service, c.as(t, service), patch(approval("a1"), `{"spec":{"resolved":{"gate":"g","digest":"d","templateDigest":"t","policy":{"approvers":{"users":[{"name":"alice"}]}}}}}`), false},
		{"its event, by the service", service, c.as(t, service), patch(approval("a1"), `{"spec":{"source":{"event":{"body":"{\"a\":1}"}}}}`), true},
		{"another approval", service, c.as(t, service), create(fixed("a2")), false},
		{"its source", service, c.as(t, service), patch(fixed("a2"), `{"spec":{"source":{"pipelineRun":{"uid":"other"}}}}`), true},
		{"its params", service, c.as(t, service), patch(fixed("a2"), `{"spec":{"resolved":{"params":[{"name":"a","value":"2"}]}}}`), true},
		{"one more param", service, c.as(t, service), patch(fixed("a2"), `{"spec":{"resolved":{"params":[{"name":"a","value":"1"},{"name":"b","value":""}]}}}`), true},
		{"its policy", service, c.as(t, service), patch(fixed("a2"), `{"spec":{"resolved":{"policy":{"approvers":{"users":[{"name":"mallory"}]}}}}}`), true},
		{"a label on it, by the service", service, c.as(t, service), patch(fixed("a2"), `{"metadata":{"labels":{"x":"y"}}}`), false},
		{"another's delegate removed", "bob", c.as(t, "bob"), remove(delegation("d1", "alice")), true},
		{"removed by an operator", "olga", c.as(t, "olga"), remove(delegation("d1", "alice")), false},
		{"again", "alice", c.as(t, "alice"), create(delegation("d1", "alice")), false},
		{"removed with its namespace", "namespace-controller", c.as(t, "system:serviceaccount:kube-system:namespace-controller"), remove(delegation("d1", "alice")), false},
	} {
		err := c.do(ctx, c.api)
		if (refusal.Policy(err) != "") != c.refused || !c.refused && err != nil {
			t.Errorf("%s, by %s: %v, refused by a policy should be %t", c.name, c.user, err, c.refused)
		}
		if err != nil {
			said.Check(t, c.name, refusal.Text(err))
		}
	}
}
