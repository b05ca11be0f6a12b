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

// specOf reads entries as "NAME INPUT MESSAGE", a group's as "NAME: MEMBER INPUT
// MESSAGE, MEMBER …; MESSAGE".
func specOf(entries ...string) openshiftv1.ApprovalTaskSpec {
	spec := openshiftv1.ApprovalTaskSpec{NumberOfApprovalsRequired: 1}
	said := func(s string) (string, openshiftv1.Input, string) {
		f := append(strings.SplitN(strings.TrimSpace(s), " ", 3), "", "")
		return f[0], openshiftv1.Input(f[1]), f[2]
	}
	for _, s := range entries {
		var e openshiftv1.Approver
		if name, members, ok := strings.Cut(s, ":"); ok {
			members, message, _ := strings.Cut(members, ";")
			e = openshiftv1.Approver{Name: name, Type: openshiftv1.Group, Input: openshiftv1.InputApprove, Message: message}
			for m := range strings.SplitSeq(members, ",") {
				if strings.TrimSpace(m) != "" {
					name, input, message := said(m)
					e.Users = append(e.Users, openshiftv1.Member{Name: name, Input: input, Message: message})
				}
			}
		} else {
			e.Type = openshiftv1.User
			e.Name, e.Input, e.Message = said(s)
		}
		spec.Approvers = append(spec.Approvers, e)
	}
	return spec
}

// TestAnswersOf: nothing is taken for somebody's answer that the policy does not prove.
func TestAnswersOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec []string
		want string // NAME INPUT [GROUPS] MESSAGE, by bars
	}{
		"nobody yet":                     {[]string{"alice pending", "dev:"}, ""},
		"a user":                         {[]string{"alice approve fine", "bob pending"}, "alice approve [] fine"},
		"rejections first":               {[]string{"alice approve", "bob reject no"}, "bob reject [] no|alice approve [] "},
		"a group's own input":            {[]string{"dev:;all of us"}, ""},
		"a member":                       {[]string{"dev:bob approve"}, "bob approve [dev] "},
		"a member's message":             {[]string{"dev:bob approve fine"}, "bob approve [dev] fine"},
		"who answered alone":             {[]string{"dev:bob approve;fine"}, "bob approve [dev] fine"},
		"one's own message goes first":   {[]string{"dev:bob approve mine;fine"}, "bob approve [dev] mine"},
		"whose message it is":            {[]string{"dev:bob approve,dave approve;fine"}, "bob approve [dev] |dave approve [dev] "},
		"it may be a user's of v0.8":     {[]string{"alice approve", "dev:bob approve;fine"}, "alice approve [] |bob approve [dev] "},
		"in two groups":                  {[]string{"dev:bob approve", "ops:bob approve"}, "bob approve [dev ops] "},
		"a user who is in a group":       {[]string{"bob approve yes", "dev:bob approve"}, "bob approve [dev] yes"},
		"two minds":                      {[]string{"bob approve yes", "dev:bob reject"}, "bob reject [dev] yes"},
		"two minds, the other way round": {[]string{"bob reject no", "dev:bob approve"}, "bob reject [dev] no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, x := range answersOf(specOf(c.spec...)) {
				got = append(got, fmt.Sprintf("%s %s %v %s", x.name, x.input, x.groups, x.message))
			}
			if got := strings.Join(got, "|"); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestSeen: an answer is new when it says something else, not when a client left its
// message out.
func TestSeen(t *testing.T) {
	t.Parallel()
	old := answer{name: "bob", input: openshiftv1.InputApprove, message: "fine"}
	stored := openshiftv1.Answer{Name: "bob", Input: old.input, Digest: old.digest()}
	for name, c := range map[string]struct {
		x    answer
		want bool
	}{
		"the same":        {old, true},
		"without message": {answer{name: "bob", input: openshiftv1.InputApprove}, true},
		"another message": {answer{name: "bob", input: openshiftv1.InputApprove, message: "well"}, false},
		"another answer":  {answer{name: "bob", input: openshiftv1.InputReject}, false},
		"another person":  {answer{name: "Bob", input: openshiftv1.InputApprove, message: "fine"}, false},
	} {
		if got := c.x.seen(stored); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

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
