//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
	"github.com/countersign-dev/countersign/test/refusal"
)

// object is YAML as an object of the arena's namespace.
func (a *arena) object(text string) *unstructured.Unstructured {
	a.t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "NAMESPACE", a.NS)), &u.Object); err != nil {
		a.t.Fatal(err)
	}
	if u.GetKind() != "GatePolicy" && u.GetKind() != "ClusterInterceptor" {
		u.SetNamespace(a.NS)
	}
	return u
}

// TestForgedObjects: what a tenant with ClusterRole edit asks the API server for, to
// decide, to widen a Gate, or to be somebody else. The API server refuses each with the
// words of the rule that refuses it.
func TestForgedObjects(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	a.Eventually(time.Minute, "mallory's rights", func() error {
		return a.mallory.List(t.Context(), &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "countersign.dev/v1alpha1", "kind": "ApprovalList"}}, client.InNamespace(a.NS))
	})
	// By what a request is refused: an admission policy, a field of the schema, or the lack of a right.
	const noRight = "RBAC"
	by := func(err error) string {
		switch policy, fields := refusal.Policy(err), refusal.Fields(err); {
		case policy != "":
			return policy
		case len(fields) > 0:
			return fields[0]
		case apierrors.IsForbidden(err):
			return noRight
		}
		return "something else"
	}
	service := "system:serviceaccount:countersign:countersign"
	create := func(text string) func() error {
		return func() error { return a.mallory.Create(t.Context(), a.object(text)) }
	}
	patch := func(kind, name, sub, body string) func() error {
		return func() error {
			o := a.object("{apiVersion: countersign.dev/v1alpha1, kind: " + kind + ", metadata: {name: " + name + "}}")
			p := client.RawPatch("application/merge-patch+json", []byte(body))
			if sub != "" {
				return a.mallory.SubResource(sub).Patch(t.Context(), o, p)
			}
			return a.mallory.Patch(t.Context(), o, p)
		}
	}
	vote := func(voter, more string) string {
		return "{apiVersion: countersign.dev/v1alpha1, kind: Vote, metadata: {name: forged}, spec: {approval: " + name + ", voter: '" + voter + "', verdict: approve" + more + "}}"
	}
	gate := "{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: mine}, spec: {approvers: {users: [{name: mallory}]}}}"
	for title, c := range map[string]struct {
		do   func() error
		want string
	}{
		"an Approval of one's own": {create("{apiVersion: countersign.dev/v1alpha1, kind: Approval, metadata: {name: deploy-aaaaaaaaaaaa}, spec: {trigger: deploy, source: {event: {body: '{}', digest: x, url: /}}}}"), noRight},
		"the Approval's spec":      {patch("Approval", name, "", `{"spec":{"resolved":{"params":[{"name":"version","value":"evil"}]}}}`), noRight},
		"the Approval's status":    {patch("Approval", name, "status", `{"status":{"outcome":"Approved"}}`), noRight},
		"the Approval is deleted": {func() error {
			return a.mallory.Delete(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Approval, metadata: {name: "+name+"}}"))
		}, noRight},
		"a vote as the approver":            {create(vote(a.approver, "")), "countersign-votes"},
		"a vote as the service":             {create(vote(service, "")), "countersign-votes"},
		"a vote by a group of others":       {create(vote("mallory", ", groups: [system:masters]")), "countersign-votes"},
		"what became of a vote":             {patch("Vote", "forged", "status", `{"status":{"state":"Recorded"}}`), noRight},
		"a vote that says maybe":            {create(strings.ReplaceAll(vote("mallory", ""), "verdict: approve", "verdict: maybe")), "spec.verdict"},
		"a vote with a comment without end": {create(vote("mallory", ", comment: '"+strings.Repeat("x", 100_000)+"'")), "spec.comment"},
		"a delegation from the approver":    {create("{apiVersion: countersign.dev/v1alpha1, kind: Delegation, metadata: {name: d}, spec: {from: '" + a.approver + "', to: mallory, until: '2099-01-01T00:00:00Z'}}"), "countersign-delegations"},
		"a Gate of one's own":               {create(gate), noRight},
		"the Gate is widened":               {patch("Gate", "gate", "", `{"spec":{"approvers":{"users":[{"name":"mallory"}]}}}`), noRight},
		"the Gate's status":                 {patch("Gate", "gate", "status", `{"status":{"conditions":[]}}`), noRight},
		"the Gate is deleted":               {func() error { return a.mallory.Delete(t.Context(), a.object(gate)) }, noRight},
		"a policy for all Gates":            {create("{apiVersion: countersign.dev/v1alpha1, kind: GatePolicy, metadata: {name: mine-NAMESPACE}, spec: {namespaceSelector: {}}}"), noRight},
		"the interceptor leads elsewhere":   {create("{apiVersion: triggers.tekton.dev/v1alpha1, kind: ClusterInterceptor, metadata: {name: mine-NAMESPACE}, spec: {clientConfig: {url: 'http://evil.example'}}}"), noRight},
		"a token of the service's account": {func() error {
			return a.mallory.Get(t.Context(), client.ObjectKey{Namespace: cluster.ServiceNamespace, Name: "countersign-keys"}, a.object("{apiVersion: v1, kind: Secret, metadata: {name: countersign-keys}}"))
		}, noRight},
		"an approver group of everybody": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: all}, spec: {approvers: {groups: ['system:authenticated']}}}"))
		}, "spec.approvers"},
		"an approver group of the logged out": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: unauthenticated}, spec: {approvers: {groups: ['system:unauthenticated']}}}"))
		}, "spec.approvers"},
		"two approvers in one name": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: two}, spec: {approvers: {users: [{name: 'alice, bob'}]}}}"))
		}, "spec.approvers.users[0]"},
		"a name with a space before it": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: space}, spec: {approvers: {users: [{name: ' alice'}]}}}"))
		}, "spec.approvers.users[0].name"},
		"no approvers at all": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {name: none}, spec: {approvers: {users: []}}}"))
		}, "spec.approvers"},
		"a decision by a cluster's admin": {func() error {
			return a.Create(t.Context(), a.object("{apiVersion: countersign.dev/v1alpha1, kind: Approval, metadata: {name: deploy-bbbbbbbbbbbb}, spec: {trigger: deploy, source: {event: {body: '{}', digest: x, url: /}}}}"))
		}, "countersign-approvals"},
	} {
		t.Run(title, func(t *testing.T) {
			if err := c.do(); err == nil {
				t.Errorf("the API server takes it, want a refusal by %s", c.want)
			} else if got := by(err); got != c.want {
				t.Errorf("refused by %s, want %s: %v", got, c.want, err)
			}
		})
	}
	if s := a.Approval(name).Status; s.Outcome != "Pending" || len(s.Votes) != 0 {
		t.Errorf("%s, votes %+v", s.Outcome, s.Votes)
	}
}

// TestLonelyVote: a tenant may vote as who they are. It is refused on the object, and
// nothing comes of it.
func TestLonelyVote(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	v := a.object("{apiVersion: countersign.dev/v1alpha1, kind: Vote, metadata: {name: mine}, spec: {approval: " + name + ", voter: mallory, verdict: approve}}")
	a.Eventually(time.Minute, "mallory's rights", func() error { return a.mallory.Create(t.Context(), v.DeepCopy()) })
	a.Eventually(time.Minute, "the refusal", func() error {
		if err := a.Get(t.Context(), client.ObjectKeyFromObject(v), v); err != nil {
			return err
		}
		if state, _, _ := unstructured.NestedString(v.Object, "status", "state"); state != "Refused" {
			return fmt.Errorf("state %q", state)
		}
		return nil
	})
	if message, _, _ := unstructured.NestedString(v.Object, "status", "message"); !strings.Contains(message, "mallory") {
		t.Errorf("it does not say who is refused: %s", message)
	}
	if s := a.Approval(name).Status; s.Outcome != "Pending" || len(s.Votes) != 0 {
		t.Errorf("%s, votes %+v", s.Outcome, s.Votes)
	}
	a.noRuns("deploy")
}
