//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
	"github.com/countersign-dev/countersign/test/refusal"
)

// guarded is a Gate of spec (YAML, USER-x is x's user name) before Trigger
// "deploy", and the tokens of people.
func guarded(t *testing.T, spec string, people ...string) (e *cluster.Env, tokens map[string]string) {
	t.Helper()
	e, tokens = cluster.New(t), map[string]string{}
	for _, p := range people {
		user, token := e.Token(p)
		tokens[p] = token
		spec = strings.ReplaceAll(spec, "USER-"+p, user)
	}
	e.Apply("apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {name: gate}\nspec:\n" + spec)
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	return e, tokens
}

// ballot posts a vote with all that one can say.
func ballot(t *testing.T, e *cluster.Env, name, token string, body map[string]any) cluster.Answer {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return e.Post(e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/votes", map[string]string{"Authorization": "Bearer " + token}, raw)
}

func taken(t *testing.T, a cluster.Answer, want string) {
	t.Helper()
	if a.Status/100 != 2 || !strings.Contains(a.Body, want) {
		t.Fatalf("%d %s, want %q", a.Status, a.Body, want)
	}
}

// Two rules by groups, and one person who is in both: it takes three people. The
// answer to each vote says what is missing, and of whom.
func TestRulesNeedDistinctPeople(t *testing.T) {
	e, tokens := guarded(t, `
  rules:
    - {name: security, users: [{name: USER-ann}, {name: USER-bob}]}
    - {name: platform, groups: ["system:serviceaccounts:NAMESPACE"], required: 2}`, "ann", "bob", "carl")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	taken(t, ballot(t, e, name, tokens["ann"], map[string]any{"vote": "approve"}), `"missing": 2`)
	taken(t, ballot(t, e, name, tokens["ann"], map[string]any{"vote": "approve", "comment": "again"}), `"missing": 2`)
	taken(t, ballot(t, e, name, tokens["carl"], map[string]any{"vote": "approve"}), `"missing": 1`)
	taken(t, ballot(t, e, name, tokens["carl"], map[string]any{"vote": "withdraw"}), `"missing": 2`)
	taken(t, ballot(t, e, name, tokens["carl"], map[string]any{"vote": "approve"}), `"outcome": "Pending"`)
	if n := len(e.Runs("deploy")); n != 0 {
		t.Fatalf("%d runs before the rules are met", n)
	}
	taken(t, ballot(t, e, name, tokens["bob"], map[string]any{"vote": "approve"}), `"outcome": "Approved"`)
	e.Confirmed(name)
}

// Who may approve, and who may break the glass, is RBAC's to say.
func TestRBACDecides(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {rbac: true}
  strategy: FOUR_EYES`, "ann", "bob", "oncall")
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: approver}
rules: [{apiGroups: [countersign.dev], resources: [gates], resourceNames: [gate], verbs: [approve]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approver}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: approver}
subjects: [{kind: ServiceAccount, name: ann}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: oncall}
rules: [{apiGroups: [countersign.dev], resources: [gates], resourceNames: [gate], verbs: [break-glass]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: oncall}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: oncall}
subjects: [{kind: ServiceAccount, name: oncall}]`)
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Eventually(time.Minute, "RBAC to know", func() error {
		if v := ballot(t, e, name, tokens["ann"], map[string]any{"vote": "approve"}); v.Status/100 != 2 {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	for who, body := range map[string]map[string]any{
		"bob":    {"vote": "approve"},
		"oncall": {"vote": "approve"},
		"ann":    {"vote": "approve", "breakGlass": true, "comment": "in a hurry"},
	} {
		if v := ballot(t, e, name, tokens[who], body); v.Status != 403 {
			t.Errorf("%s, %v: %d %s", who, body, v.Status, v.Body)
		}
	}
	if v := ballot(t, e, name, tokens["oncall"], map[string]any{"vote": "approve", "breakGlass": true}); v.Status != 400 || v.Error.Code != "invalid" {
		t.Errorf("without a reason: %d %s", v.Status, v.Body)
	}
	taken(t, ballot(t, e, name, tokens["oncall"], map[string]any{"vote": "approve", "breakGlass": true, "comment": "INC-7"}), `"outcome": "Approved"`)
	e.Confirmed(name)
	marked := 0
	for _, v := range e.Approval(name).Status.Votes {
		if v.BreakGlass {
			marked++
		}
	}
	if marked != 1 {
		t.Errorf("%d votes are marked: %+v", marked, e.Approval(name).Status.Votes)
	}
}

// Somebody named hands over, by an object that only they can make.
func TestDelegateDecides(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {users: [{name: USER-ann}]}`, "ann", "dan")
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: delegator}
rules: [{apiGroups: [countersign.dev], resources: [delegations], verbs: [create, update, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: delegator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: delegator}
subjects: [{kind: ServiceAccount, name: ann}, {kind: ServiceAccount, name: dan}]`)
	user := func(name string) string { return "system:serviceaccount:" + e.NS + ":" + name }
	create := func(token, from, to string) cluster.Answer {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": "countersign.dev/v1alpha1", "kind": "Delegation", "metadata": map[string]string{"generateName": "d-"},
			"spec": map[string]any{"from": from, "to": to, "until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return e.PostAPI("/apis/countersign.dev/v1alpha1/namespaces/"+e.NS+"/delegations", token, raw)
	}
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Eventually(time.Minute, "RBAC to know", func() error {
		if a := create(tokens["dan"], user("ann"), user("dan")); a.Status != 422 || refusal.InBody(a.Body) != "countersign-delegations" {
			return fmt.Errorf("dan makes himself ann's delegate: %d %s", a.Status, a.Body)
		}
		return nil
	})
	if v := e.Vote(name, tokens["dan"], "approve", ""); v.Status != 403 {
		t.Errorf("before: %d %s", v.Status, v.Body)
	}
	if a := create(tokens["ann"], user("ann"), user("ann")); a.Status != 422 {
		t.Errorf("herself: %d %s", a.Status, a.Body)
	}
	if a := create(tokens["ann"], user("ann"), user("dan")); a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	e.Eventually(time.Minute, "dan's vote", func() error {
		if v := e.Vote(name, tokens["dan"], "approve", "for ann"); v.Status/100 != 2 {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Confirmed(name)
	if v := e.Approval(name).Status.Votes; len(v) != 1 || v[0].Voter != user("dan") || v[0].OnBehalfOf != user("ann") {
		t.Errorf("%+v", v)
	}
}

// A vote by kubectl create: the API server proves whose it is, the schema that it
// stays what it is, and the object says what became of it.
func TestVoteByObject(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {groups: ["system:serviceaccounts:NAMESPACE"]}`, "ann", "dan")
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: ann}, {kind: ServiceAccount, name: dan}]`)
	user := func(name string) string { return "system:serviceaccount:" + e.NS + ":" + name }
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	create := func(token, object string, spec map[string]any) cluster.Answer {
		spec["approval"] = name
		raw, err := json.Marshal(map[string]any{"apiVersion": "countersign.dev/v1alpha1", "kind": "Vote", "metadata": map[string]string{"name": object}, "spec": spec})
		if err != nil {
			t.Fatal(err)
		}
		return e.PostAPI("/apis/countersign.dev/v1alpha1/namespaces/"+e.NS+"/votes", token, raw)
	}
	e.Eventually(time.Minute, "RBAC to know", func() error {
		if a := create(tokens["dan"], "forged", map[string]any{"voter": user("ann"), "verdict": "approve"}); a.Status != 422 || refusal.InBody(a.Body) != "countersign-votes" {
			return fmt.Errorf("dan votes as ann: %d %s", a.Status, a.Body)
		}
		return nil
	})
	if a := create(tokens["dan"], "forged", map[string]any{"voter": user("dan"), "verdict": "approve", "groups": []string{"system:masters"}}); a.Status != 422 || refusal.InBody(a.Body) != "countersign-votes" {
		t.Errorf("dan claims a group: %d %s", a.Status, a.Body)
	}
	if a := create(tokens["dan"], "forged", map[string]any{"voter": user("dan"), "verdict": "maybe"}); a.Status != 422 {
		t.Errorf("maybe: %d %s", a.Status, a.Body)
	}
	state := func(object, want string) {
		t.Helper()
		e.Eventually(time.Minute, "what became of vote "+object, func() error {
			var v v1alpha1.Vote
			if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: object}, &v); err != nil {
				return err
			}
			if got := string(v.Status.State) + " " + v.Status.Message; !strings.HasPrefix(got, want) {
				return fmt.Errorf("%q, want %q", got, want)
			}
			return nil
		})
	}
	if a := create(tokens["ann"], "lonely", map[string]any{"voter": user("ann"), "verdict": "approve"}); a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	state("lonely", "Refused you ("+user("ann")+")") // by no group
	group := []string{"system:serviceaccounts:" + e.NS}
	if a := create(tokens["ann"], "yes", map[string]any{"voter": user("ann"), "verdict": "approve", "groups": group, "comment": "by kubectl"}); a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	state("yes", "Recorded the approval is Approved")
	e.Confirmed(name)
	if v := e.Approval(name).Status.Votes; len(v) != 1 || v[0].Voter != user("ann") || v[0].AuthMethod != "Object" || v[0].Comment != "by kubectl" {
		t.Errorf("%+v", v)
	}
	var yes v1alpha1.Vote
	if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "yes"}, &yes); err != nil {
		t.Fatal(err)
	}
	yes.Spec.Verdict = "reject"
	if err := e.Update(t.Context(), &yes); !slices.Equal(refusal.Fields(err), []string{"spec"}) {
		t.Errorf("changed afterwards: %v", err)
	}
}

// What the approver fills in is checked, and is a param of part 2.
func TestInputsTravel(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {users: [{name: USER-ann}]}
  comment: Required
  inputs: [{name: ticket, required: true, pattern: 'OPS-\d+'}]`, "ann")
	e.Apply(strings.NewReplacer("$(extensions.countersign.params.version)", "$(extensions.countersign.params.ticket)").Replace(cluster.Gated("deploy", "gate", "")))
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	for what, body := range map[string]map[string]any{
		"no ticket":     {"vote": "approve", "comment": "go"},
		"no match":      {"vote": "approve", "comment": "go", "inputs": map[string]string{"ticket": "$(uid)"}},
		"no comment":    {"vote": "approve", "inputs": map[string]string{"ticket": "OPS-7"}},
		"no such input": {"vote": "approve", "comment": "go", "inputs": map[string]string{"ticket": "OPS-7", "version": "evil"}},
	} {
		if v := ballot(t, e, name, tokens["ann"], body); v.Status != 400 || v.Error.Code != "invalid" {
			t.Errorf("%s: %d %s", what, v.Status, v.Body)
		}
	}
	taken(t, ballot(t, e, name, tokens["ann"], map[string]any{"vote": "approve", "comment": "go", "inputs": map[string]string{"ticket": "OPS-7"}}), `"outcome": "Approved"`)
	e.Confirmed(name)
	if got := cluster.ParamOf(e.Runs("deploy")[0], "version"); got != "OPS-7" {
		t.Errorf("part 2 was given %q", got)
	}
}

// A newer plan of the same key takes the place of the older one, and only that.
func TestNewestSupersedes(t *testing.T) {
	e, tokens := guarded(t, `
  approvers: {users: [{name: USER-ann}]}
  supersede: Newest
  supersedeKey: params.version`, "ann")
	old := e.ApprovalOf(e.Part1("one", "7"))
	other := e.ApprovalOf(e.Part1("two", "8"))
	time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
	newer := e.ApprovalOf(e.Part1("three", "7"))
	e.Eventually(time.Minute, "the older one's end", func() error {
		if a := e.Approval(old); a.Status.Outcome != "Superseded" || a.Status.SupersededBy != newer {
			return fmt.Errorf("%+v", a.Status)
		}
		return nil
	})
	if a := e.Approval(other); a.Status.Outcome != "Pending" {
		t.Errorf("one of another key is %s", a.Status.Outcome)
	}
	if v := ballot(t, e, old, tokens["ann"], map[string]any{"vote": "approve"}); v.Status != 409 || v.Error.Code != "conflict" {
		t.Errorf("a vote on the older one: %d %s", v.Status, v.Body)
	}
	taken(t, ballot(t, e, newer, tokens["ann"], map[string]any{"vote": "approve"}), `"outcome": "Approved"`)
	e.Confirmed(newer)
	if n := len(e.Runs("deploy")); n != 1 {
		t.Errorf("%d runs, want one", n)
	}
}

// Nobody decides, and the Gate says that this approves.
func TestApprovedByExpiry(t *testing.T) {
	t.Parallel()
	e, _ := guarded(t, `
  approvers: {users: [{name: USER-ann}]}
  expiresAfter: 10s
  onExpiry: Approve`, "ann")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Confirmed(name)
	if a := e.Approval(name); a.Status.Outcome != "Approved" || len(a.Status.Votes) != 0 {
		t.Errorf("%+v", a.Status)
	}
	if got := cluster.ParamOf(e.Runs("deploy")[0], "decision"); got != "true" {
		t.Errorf("decision %q", got)
	}
}
