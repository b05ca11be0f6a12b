//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// TestFoundOutBeforeTheVote: nobody has voted, and the Approval says what would keep it
// from starting.
func TestFoundOutBeforeTheVote(t *testing.T) {
	const run = "kind: PipelineRun\n      metadata: {name: $(tt.params.run), labels: {approval: $(tt.params.approval)}}"
	for name, c := range map[string]struct {
		old, new     string
		prepare      func(e *cluster.Env)
		reason, says string
	}{
		"a TaskRun":    {run, strings.Replace(run, "PipelineRun", "TaskRun", 1), nil, "RunNotNamed", "a PipelineRun named $(extensions.countersign.run)"},
		"generateName": {"metadata: {name: $(tt.params.run),", "metadata: {generateName: x-,", nil, "RunNotNamed", "instead of generateName"},
		"no binding":   {"{name: version, value: $(extensions", "{name: Version, value: $(extensions", nil, "TemplateError", "did you mean Version?"},
		"no rights": {"", "", func(e *cluster.Env) {
			if err := e.Clientset.RbacV1().RoleBindings(e.NS).Delete(t.Context(), "listener", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}, "Forbidden", "may not create pipelineruns.tekton.dev"},
		"one that is down": {"", "", func(e *cluster.Env) { e.Scale(e.NS, "el-deploy", 0) }, "EventListenerDown", "no connection to its Service"},
		"no Pipeline":      {"        managedBy: countersign.dev/test\n", "", nil, "PipelineMissing", "there is no Pipeline part-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := cluster.New(t)
			user, token := e.Token("approver")
			e.Apply(cluster.Gate("gate", user, ""))
			docs := cluster.Gated("deploy", "gate", "")
			if c.old != "" && !strings.Contains(docs, c.old) {
				t.Fatalf("the fixture has no %q", c.old)
			}
			e.Apply(strings.Replace(docs, c.old, c.new, 1))
			e.ListenerURL("deploy")
			if c.prepare != nil {
				c.prepare(e)
			}
			name := e.ApprovalOf(e.Part1("part-1", "7"))
			e.Condition(name, v1alpha1.ConditionStartable, c.reason, c.says)
			if a := e.Approval(name); len(a.Status.Votes) > 0 || a.Status.Outcome != "Pending" {
				t.Errorf("%+v", a.Status)
			}
			if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
				t.Errorf("a vote: %d %s", v.Status, v.Body)
			}
		})
	}
}

// TestWaitEnds: who waits for a condition by kubectl need not wait for somebody's vote.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	e, _, _ := gated(t, "")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionStartable} {
		e.Eventually(time.Minute, kind, func() error {
			for _, c := range e.Approval(name).Status.Conditions {
				if c.Type == kind && c.Status == metav1.ConditionTrue {
					return nil
				}
			}
			return fmt.Errorf("%+v", e.Approval(name).Status.Conditions)
		})
	}
}

// TestChangedWhilePending: votes for what was are void, and what would run now is asked
// about and starts, of the same run of part 1.
func TestChangedWhilePending(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	_, second := e.Token("second")
	gate := strings.Replace(cluster.Gate("gate", user, ""), `users: [`, `users: [{name: "system:serviceaccount:`+e.NS+`:second"}, `, 1)
	e.Apply(strings.Replace(gate, "  expiresAfter", "  strategy: FOUR_EYES\n  expiresAfter", 1))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	first := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(first, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "pipelineRef: {name: part-2}", "pipelineRef: {name: part-3}"))
	var next string
	e.Eventually(time.Minute, "the one that asks again", func() error {
		a := e.Approval(first)
		if next = a.Status.SupersededBy; a.Status.Outcome != "Superseded" || next == "" {
			return fmt.Errorf("%s, by %q", a.Status.Outcome, next)
		}
		return nil
	})
	e.Condition(first, v1alpha1.ConditionStartable, "ContentChanged", "")
	if a := e.Approval(next); a.Spec.Replaces == nil || a.Spec.Replaces.Name != first || len(a.Status.Votes) != 0 {
		t.Errorf("%+v, %d votes", a.Spec.Replaces, len(a.Status.Votes))
	}
	for _, who := range []string{token, second} {
		if v := e.Vote(next, who, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
	}
	e.Confirmed(next)
	if n := len(e.Runs("deploy")); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// TestAskAgainAfterTheDecision: a typo in a template costs nobody another run of part 1.
func TestAskAgainAfterTheDecision(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "extensions.countersign.results.comment", "extensions.countersign.results.coment"))
	e.ListenerURL("deploy")
	name := approve(t, e, token)
	unreleased(t, e, name, "TemplateError", "coment")
	e.Apply(cluster.Gated("deploy", "gate", ""))
	unreleased(t, e, name, "ContentChanged", "tkn approval again "+name)
	ask := func() cluster.Answer {
		return e.Post(e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/again", map[string]string{"Authorization": "Bearer " + token}, nil)
	}
	if a := ask(); a.Status != 403 {
		t.Errorf("an approver: %d %s", a.Status, a.Body)
	}
	e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator}
rules: [{apiGroups: [countersign.dev], resources: [approvals/status], verbs: [update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects: [{kind: ServiceAccount, name: approver}]`)
	e.Eventually(time.Minute, "asked again", func() error {
		if a := ask(); a.Status != 201 {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
	next := e.Approval(name).Status.SupersededBy
	if v := e.Vote(next, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	e.Confirmed(next)
}
