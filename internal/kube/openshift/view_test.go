package openshift

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

func TestViewOf(t *testing.T) {
	t.Parallel()
	waits := func() *ct.Builder {
		return ct.Make("a").Task("manual-approval-gate").Users("alice", "carol").Groups("dev", "ops").Quorum(2)
	}
	member := func(a *approvals.Approval) {
		next, _, err := approvals.Cast(*a, ct.Ballot("bob", approvals.Approve, "fine", "dev", "ops"), ct.T0)
		if err != nil {
			panic(err)
		}
		*a = next
	}
	spec := specOf("alice pending", "carol pending", "dev:", "ops:")
	spec.NumberOfApprovalsRequired = 2
	const always = "approvalsRequired: 2\napprovers: [alice, carol, dev, ops]\nstartTime: \"2026-03-01T09:00:00Z\"\n"
	for name, c := range map[string]struct {
		a    approvals.Approval
		want string
	}{
		"open":     {waits().Obj(), "state: pending\noutcome: Pending\n"},
		"one":      {waits().Voted("alice", approvals.Approve, "ok").Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: alice, type: User, response: approved, message: ok}]\n"},
		"in order": {waits().Voted("carol", approvals.Approve, "").Voted("alice", approvals.Approve, "").Obj(), "state: approved\noutcome: Approved\napprovalsReceived: 2\napproversResponse: [{name: alice, type: User, response: approved}, {name: carol, type: User, response: approved}]\n"},
		"rejected": {waits().Voted("alice", approvals.Reject, "no").Obj(), "state: rejected\noutcome: Rejected\napproversResponse: [{name: alice, type: User, response: rejected, message: \"no\"}]\n"},
		"expired":  {waits().Expired().Obj(), "state: rejected\noutcome: Expired\n"},
		"members":  {waits().With(member).Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: dev, type: Group, response: approved, groupMembers: [{name: bob, response: approved, message: fine}]}, {name: ops, type: Group, response: approved, groupMembers: [{name: bob, response: approved, message: fine}]}]\n"},
		"a user who is in a group": {waits().With(func(a *approvals.Approval) {
			a.Votes = []approvals.Vote{{Voter: "alice", Groups: []string{"dev"}, Verdict: approvals.Approve}}
		}).Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: alice, type: User, response: approved}]\n"},
		"a delegate": {waits().With(func(a *approvals.Approval) {
			a.Votes = []approvals.Vote{{Voter: "dan", OnBehalfOf: "alice", Verdict: approvals.Approve, Comment: "ok"}}
		}).Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: alice, type: User, response: approved, message: \"(by dan, their delegate) ok\"}]\n"},
		"the glass": {waits().With(func(a *approvals.Approval) {
			a.Votes = []approvals.Vote{{Voter: "zoe", BreakGlass: true, Verdict: approvals.Approve, Comment: "fire"}}
		}).Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: zoe, type: User, response: approved, message: \"(break-glass) fire\"}]\n"},
		"not too much": {waits().With(func(a *approvals.Approval) {
			a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approvals.Approve, Comment: strings.Repeat("x", 5000)}}
		}).Obj(), "state: pending\noutcome: Pending\napprovalsReceived: 1\napproversResponse: [{name: alice, type: User, response: approved, message: " + strings.Repeat("x", 4096) + "}]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want openshiftv1.ApprovalTaskStatus
			if err := yaml.UnmarshalStrict([]byte(always+c.want), &want); err != nil {
				t.Fatal(err)
			}
			got := viewOf(spec, c.a, nil)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			first, _ := json.Marshal(got)
			for range 20 {
				if again, _ := json.Marshal(viewOf(spec, ct.Clone(c.a), nil)); string(again) != string(first) {
					t.Fatalf("another time it is other bytes:\n%s\n%s", first, again)
				}
			}
		})
	}
}

func TestObjectOf(t *testing.T) {
	t.Parallel()
	run := &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "deploy-1-approval", UID: "custom-1", Labels: map[string]string{"tekton.dev/pipelineRun": "deploy-1"}}}
	a := ct.Make("a").Task("manual-approval-gate").Users("alice").Groups("dev").Quorum(2).Obj()
	got, err := yaml.Marshal(objectOf(run, a))
	if err != nil {
		t.Fatal(err)
	}
	want := `metadata:
  annotations:
    countersign.dev/approval: a
    countersign.dev/approval-uid: uid-a
  labels:
    tekton.dev/customRun: deploy-1-approval
    tekton.dev/pipelineRun: deploy-1
  name: deploy-1-approval
  namespace: prod
  ownerReferences:
  - apiVersion: tekton.dev/v1beta1
    controller: true
    kind: CustomRun
    name: deploy-1-approval
    uid: custom-1
spec:
  approvers:
  - input: pending
    name: alice
    type: User
  - input: pending
    name: dev
    type: Group
  description: Deploy 1.2 to production
  numberOfApprovalsRequired: 2
status: {}
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	if len(run.Labels) != 1 {
		t.Errorf("the run's labels were changed: %v", run.Labels)
	}
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprint("u", i))
	}
	a = ct.Make("a").Users(many...).Obj()
	a.Resolved.Policy.Strategy = approvals.Multi
	if o := objectOf(run, a); len(o.Spec.Approvers) != maxApprovers || o.Spec.NumberOfApprovalsRequired != 200 {
		t.Errorf("%d approvers, %d required", len(o.Spec.Approvers), o.Spec.NumberOfApprovalsRequired)
	}
}
