//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/test/cluster"
)

// What people type reaches part 2 as they meant it, and never as Tekton's syntax.
func TestHostileComments(t *testing.T) {
	e, token, _ := gated(t, "")
	for i, tc := range []struct{ name, comment, want string }{
		{"quotes", `say "yes" and 'go' \ back`, `say "yes" and 'go' \ back`},
		{"newlines", "one\ntwo\r\nthree", "one\ntwo\nthree"},
		{"task result", "$(tasks.a.results.b)", "$ (tasks.a.results.b)"},
		{"uid", "$(uid) $(tt.params.version) $(context.pipelineRun.uid)", "$ (uid) $ (tt.params.version) $ (context.pipelineRun.uid)"},
		{"doubled", "$$(uid)", "$$ (uid)"},
		{"array", `["x"]`, `["x"]`},
		{"Chinese", strings.Repeat("批", 2000), strings.Repeat("批", 2000)},
		{"markup", "<script>alert(1)</script> ${x} `id`", "<script>alert(1)</script> ${x} `id`"},
		{"unicode", "✅ Привет 你好", "✅ Привет 你好"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pr := e.Part1(fmt.Sprintf("part-1-%d", i), "7")
			name := e.ApprovalOf(pr)
			if v := e.Vote(name, token, "approve", tc.comment); v.Status != 201 {
				t.Fatalf("vote: %d %s", v.Status, v.Body)
			}
			e.Confirmed(name)
			if got := cluster.ParamOf(e.RunOf(name), "comment"); got != tc.want {
				t.Errorf("comment in part 2 is %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("100 kB", func(t *testing.T) {
		name := e.ApprovalOf(e.Part1("part-1-large", "7"))
		v := e.Vote(name, token, "approve", strings.Repeat("x", 100_000))
		if v.Status != 400 || !strings.Contains(v.Body, "shorten it") {
			t.Errorf("%d %s", v.Status, v.Body)
		}
		if a := e.Approval(name); a.Status.Outcome != "Pending" || len(a.Status.Votes) != 0 {
			t.Errorf("something was recorded: %+v", a.Status)
		}
	})
}

func TestListenerDownAtDecision(t *testing.T) {
	t.Parallel()
	e, token, _ := gated(t, "")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Scale(e.NS, "el-deploy", 0)
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	unreleased(t, e, name, "EventListenerDown", "el-deploy")
	e.Scale(e.NS, "el-deploy", 1)
	e.Confirmed(name)
}

func TestPartOneGoneWhilePending(t *testing.T) {
	e, token, _ := gated(t, "")
	pr := e.Part1("part-1", "7")
	first := e.ApprovalOf(pr)
	if err := e.Delete(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	// The same name again is another run, and another Approval.
	again := e.Part1("part-1", "8")
	second := e.ApprovalOf(again)
	if first == second {
		t.Fatal("two runs of one name share an Approval")
	}
	for _, name := range []string{first, second} {
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		e.Confirmed(name)
	}
	for name, version := range map[string]string{first: "7", second: "8"} {
		if got := cluster.ParamOf(e.RunOf(name), "version"); got != version {
			t.Errorf("%s runs with version %q, want %q", name, got, version)
		}
	}
}

// Nothing is lost while the Gate is missing, and nobody can decide.
func TestUnknownGate(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gated("deploy", "later", ""))
	e.ListenerURL("deploy")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Condition(name, v1alpha1.ConditionReady, "NotResolved", `there is no Gate "later"`)
	if v := e.Vote(name, token, "approve", ""); v.Status != 403 || !strings.Contains(v.Body, `"forbidden"`) {
		t.Errorf("vote unresolved: %d %s", v.Status, v.Body)
	}
	e.Apply(cluster.Gate("later", user, ""))
	e.Eventually(time.Minute, "a decidable approval", func() error {
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			return fmt.Errorf("%d %s", v.Status, v.Body)
		}
		return nil
	})
	e.Confirmed(name)
}

func TestNotListedMayNotVote(t *testing.T) {
	e, _, _ := gated(t, "")
	_, stranger := e.Token("stranger")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(name, stranger, "approve", ""); v.Status != 403 || !strings.Contains(v.Body, `"forbidden"`) {
		t.Errorf("%d %s", v.Status, v.Body)
	}
	if v := e.Vote(name, "no-such-token", "approve", ""); v.Status != 401 {
		t.Errorf("%d %s", v.Status, v.Body)
	}
	if v := e.Post(e.URL+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/votes", map[string]string{"X-Forwarded-User": "approver"}, []byte(`{"vote":"approve"}`)); v.Status != 401 {
		t.Errorf("a bare X-Forwarded-User: %d %s", v.Status, v.Body)
	}
	if a := e.Approval(name); len(a.Status.Votes) != 0 {
		t.Errorf("votes were recorded: %+v", a.Status.Votes)
	}
}

func TestWhyNoRunAppears(t *testing.T) {
	// First, and alone: the caches must hear of the change before the vote comes.
	t.Run("the template changed after it was opened", func(t *testing.T) {
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "part-2", "part-evil"))
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "ContentChanged", "Request approval again")
		if n := len(e.Runs("deploy")); n != 0 {
			t.Errorf("%d runs, want none", n)
		}
	})
	t.Run("a neighbour would start too", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(`
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: careless}
spec:
  bindings: []
  template: {ref: deploy}`)
		e.Apply(cluster.Gated("deploy", "gate", ", {triggerRef: careless}"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "SiblingTriggerWouldStart", "careless")
		if n := len(e.Runs("careless")); n != 0 {
			t.Errorf("%d runs of the neighbour", n)
		}
	})
	t.Run("the name is taken by a stranger", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		// Only the service can tell the name; here the test has read its key.
		mac := e.ServiceRing()[:1].Sign(keyring.Run, []byte(approvals.Digest("run", string(e.Approval(name).UID), 0)))
		stranger := e.StartRun(string(approvals.NameOfRun("deploy", mac)), "0")
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "NameTaken", "it differs from what was approved in")
		if err := e.Delete(t.Context(), stranger); err != nil {
			t.Fatal(err)
		}
		e.Confirmed(name)
	})
	t.Run("RBAC", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		if err := e.Clientset.RbacV1().RoleBindings(e.NS).Delete(t.Context(), "listener", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: half}
rules:
  - {apiGroups: [triggers.tekton.dev], resources: ["*"], verbs: [get, list, watch]}
  - {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: half}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: half}
subjects: [{kind: ServiceAccount, name: listener}]`)
		name := approve(t, e, token)
		unreleased(t, e, name, "Forbidden", "may not create pipelineruns.tekton.dev")
	})
	t.Run("refused by admission", func(t *testing.T) {
		t.Parallel()
		e, token, _ := gated(t, "")
		name := e.ApprovalOf(e.Part1("part-1", "7"))
		e.RefuseRuns()
		if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
			t.Fatalf("vote: %d %s", v.Status, v.Body)
		}
		unreleased(t, e, name, "Refused", "exceeded quota")
		if err := e.DeleteAllOf(t.Context(), &corev1.ResourceQuota{}, client.InNamespace(e.NS)); err != nil {
			t.Fatal(err)
		}
		e.Confirmed(name)
	})
	t.Run("template error", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "extensions.countersign.results.comment", "extensions.countersign.results.nosuch"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "TemplateError", "nosuch")
	})
	t.Run("generateName", func(t *testing.T) {
		t.Parallel()
		e := cluster.New(t)
		user, token := e.Token("approver")
		e.Apply(cluster.Gate("gate", user, ""))
		e.Apply(strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "metadata: {name: $(tt.params.run),", "metadata: {generateName: x-,"))
		e.ListenerURL("deploy")
		name := approve(t, e, token)
		unreleased(t, e, name, "RunNotNamed", "extensions.countersign.run")
		if n := len(e.Runs("deploy")); n != 0 {
			t.Errorf("%d runs, want none", n)
		}
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(strings.ReplaceAll(cluster.Gate("gate", user, "  releaseOn: [Approved, Expired]"), "expiresAfter: 1h", "expiresAfter: 10s"))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	e.Confirmed(name)
	if a := e.Approval(name); a.Status.Outcome != "Expired" {
		t.Errorf("outcome %s", a.Status.Outcome)
	}
	if v := e.Vote(name, token, "approve", ""); v.Status != 410 || !strings.Contains(v.Body, "expired at") {
		t.Errorf("a late vote: %d %s", v.Status, v.Body)
	}
	if got := cluster.ParamOf(e.Runs("deploy")[0], "decision"); got != "false" {
		t.Errorf("decision %q", got)
	}
}

// Somebody who may create Approvals makes one with resolved of their own: it can't
// be decided.
func TestForgedApproval(t *testing.T) {
	e, token, _ := gated(t, "")
	a := e.Approval(e.ApprovalOf(e.Part1("part-1", "7")))
	forged := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "deploy-aaaaaaaaaaaa"}, Spec: *a.Spec.DeepCopy()}
	forged.Spec.Resolved.Params[0].Value = "evil"
	// A cluster administrator, even: the policy says who writes Approvals.
	if err := e.Create(t.Context(), forged.DeepCopy()); err == nil || !strings.Contains(err.Error(), "written by Countersign alone") {
		t.Errorf("made by another: %v", err)
	}
	e.Eventually(time.Minute, "the policy's word", func() error {
		decided := e.Approval(a.Name)
		decided.Status.Outcome = "Approved"
		err := e.Status().Update(t.Context(), decided)
		if apierrors.IsConflict(err) { // the service has written to it meanwhile
			return err
		}
		if err == nil || !strings.Contains(err.Error(), "written by Countersign alone") {
			t.Fatalf("decided by another: %v", err)
		}
		return nil
	})
	// Anyone who got around it still has no signature.
	service := e.As("system:serviceaccount:countersign:countersign")
	if err := service.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	e.Condition(forged.Name, v1alpha1.ConditionReady, "SignatureInvalid", "signature")
	if v := e.Vote(forged.Name, token, "approve", ""); v.Status != 403 {
		t.Errorf("vote: %d %s", v.Status, v.Body)
	}

	// Not resolved, so that the service should resolve and sign it.
	bare := &v1alpha1.Approval{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: "deploy-bbbbbbbbbbbb"}}
	bare.Spec.Trigger, bare.Spec.Source = a.Spec.Trigger, *a.Spec.Source.DeepCopy()
	bare.Spec.Source.PipelineRun.Params[0].Value = "evil"
	if err := service.Create(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	e.Condition(bare.Name, v1alpha1.ConditionReady, "SignatureInvalid", "signature")
	if v := e.Vote(bare.Name, token, "approve", ""); v.Status != 403 {
		t.Errorf("vote: %d %s", v.Status, v.Body)
	}
	if s := e.Approval(bare.Name).Spec; s.Resolved != nil || s.Signature != "" {
		t.Errorf("the forged source was given resolved: %+v", s.Resolved)
	}
}

func approve(t *testing.T, e *cluster.Env, token string) string {
	t.Helper()
	name := e.ApprovalOf(e.Part1("part-1", "7"))
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	return name
}

func unreleased(t *testing.T, e *cluster.Env, name, reason, message string) {
	t.Helper()
	e.Condition(name, v1alpha1.ConditionReleased, reason, message)
}
