//go:build e2e

package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/test/cluster"
)

// A task between two others: what the first found out is put before anyone who decides,
// by a token of theirs, and what they say reaches the next one's shell.
func TestTaskBetweenTwo(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	user, token := e.Token("approver")
	r := startWith(t, e, "run", "approval", `  pipelineSpec:
    tasks:
    - name: before
      taskSpec:
        results: [{name: digest}]
        steps: [{name: s, image: "cluster.local/busybox:1", script: "printf sha256:0123 > $(results.digest.path)"}]
    - name: approval
      taskRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
      params:
        - {name: description, value: "Deploy $(tasks.before.results.digest)?"}
        - {name: approvers, value: ["`+user+`"]}
    - name: after
      when: [{input: $(tasks.approval.results.decision), operator: in, values: ["true"]}]
      params: [{name: comment, value: $(tasks.approval.results.comment)}]
      taskSpec:
        params: [{name: comment}]
        steps: [{name: s, image: "cluster.local/busybox:1", env: [{name: COMMENT, value: $(params.comment)}], script: 'printf "%s" "$COMMENT"'}]
`)
	a := r.asked(0)
	shown := map[string]string{}
	for _, p := range a.Spec.Resolved.Params {
		shown[p.Name] = p.Value
	}
	if shown["description"] != "Deploy sha256:0123?" {
		t.Errorf("shown: %v", shown)
	}
	hostile := "[\"x\"]; rm -rf / `id` $(tasks.before.results.digest) ${HOME} ✅"
	if v := r.Vote(a.Name, token, "approve", hostile); v.Status != 201 {
		t.Fatalf("%d %s", v.Status, v.Body)
	}
	r.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := r.log("after"), strings.Replace(hostile, "$(", "$ (", 1); got != want && got != "\u200b"+want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// Tekton takes a CustomRun that somebody made beforehand under a child's name for its
// own. It is left as it is, and nobody is asked.
func TestSpoofedTaskIsNotBelieved(t *testing.T) {
	t.Parallel()
	e := inhabited(t)
	const spoof = `
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata:
  name: %s-wait
  labels: {tekton.dev/pipelineTask: wait, tekton.dev/pipelineRun: %[1]s}
  %s
spec:
  customRef: {apiVersion: tekton.automatiko.io/v1beta1, kind: ApprovalTask, name: approvaltask}
  params: [{name: approvers, value: [dave]}]
`
	left := func(r run, why string) {
		r.t.Helper()
		if got := r.event("NotBelieved"); !strings.Contains(got, why) {
			r.t.Errorf("event %q, want %q", got, why)
		}
		// Tekton believes it, or this proves nothing.
		r.Eventually(time.Minute, "Tekton to take it for its own", func() error {
			for _, c := range r.pipelineRun().Status.ChildReferences {
				if c.Kind == "CustomRun" && c.Name == r.child().Name {
					return nil
				}
			}
			return fmt.Errorf("%+v", r.pipelineRun().Status.ChildReferences)
		})
		r.Consistently(2*time.Second, "nothing comes of it", func() error {
			if cr := r.customRun(); cr.Status.StartTime != nil || cr.Status.GetCondition(apis.ConditionSucceeded) != nil {
				return fmt.Errorf("it was written to: %+v", cr.Status)
			}
			for _, a := range r.Approvals() {
				if s := a.Spec.Source.CustomRun; s.Name == r.child().Name {
					return fmt.Errorf("somebody is asked: %s", a.Name)
				}
			}
			return nil
		})
	}
	t.Run("made before the run", func(t *testing.T) {
		t.Parallel()
		e.For(t).Apply(fmt.Sprintf(spoof, "early", ""))
		left(startWith(t, e, "early", "wait", waitsOnly(tasks.Automatiko, "")), "it does not belong to a PipelineRun")
	})
	// A run that is pending has a UID already, which anyone who may create CustomRuns can
	// write into theirs.
	t.Run("in the run's own name", func(t *testing.T) {
		t.Parallel()
		r := startWith(t, e, "owned", "wait", "  status: PipelineRunPending\n"+waitsOnly(tasks.Automatiko, ""))
		e.For(t).Apply(fmt.Sprintf(spoof, "owned", fmt.Sprintf("ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: owned, uid: %s, controller: true}]", r.pipelineRun().UID)))
		r.becomes("")
		left(r, "another value of param approvers")
	})
}

// What could never be decided ends the run at once, and says what to change.
func TestTaskThatNobodyCouldDecideIsRefused(t *testing.T) {
	t.Parallel()
	e := cluster.New(t)
	ref := func(kind, params string) string {
		before, _, _ := strings.Cut(refs[kind], "      params:")
		return "  pipelineSpec:\n    tasks:\n    - name: wait" + before + "      params: [" + params + "]\n"
	}
	for name, c := range map[string]struct{ spec, says string }{
		"strategy":   {ref(tasks.Automatiko, "{name: approvers, value: [alice]}, {name: strategy, value: ANY}"), `param strategy is "ANY", which is unknown: use SINGLE, MULTI or FOUR_EYES`},
		"nobody":     {ref(tasks.Automatiko, "{name: description, value: x}"), "nobody could decide this"},
		"one-of-two": {ref(tasks.Automatiko, "{name: approvers, value: [alice]}, {name: strategy, value: FOUR_EYES}"), "it needs 2 people, but only 1 is named"},
		"no-quorum":  {ref(tasks.ManualApprovalGate, "{name: approvers, value: [alice]}, {name: numberOfApprovalsRequired, value: '2'}"), "it needs 2 people, but only 1 is named"},
		"no-people":  {ref(tasks.ManualApprovalGate, "{name: approvers, value: []}"), "nobody could decide this"},
		"no-gate":    {ref(tasks.KubeRocketCI, "{name: gate, value: nosuch}"), `there is no Gate "nosuch"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startWith(t, e, name, "wait", c.spec)
			r.ends(corev1.ConditionFalse, "Failed")
			cr := r.answered(corev1.ConditionFalse, "ApprovalTaskRefused")
			if got := cr.Status.GetCondition(apis.ConditionSucceeded).Message; !strings.Contains(got, c.says) {
				t.Errorf("it says %q, want %q", got, c.says)
			}
			if got := r.event("Refused"); !strings.Contains(got, c.says) {
				t.Errorf("event %q, want %q", got, c.says)
			}
			for _, a := range r.Approvals() {
				if a.Spec.Source.CustomRun.Name == cr.Name {
					t.Errorf("somebody is asked: %s", a.Name)
				}
			}
		})
	}
}

// Part 2 keeps the approval task that it had when there was one part: it is answered
// by the decision that started it, either way, and nobody is asked again.
func TestPartTwoKeepsItsTask(t *testing.T) {
	t.Parallel()
	e := example(t, "automatiko.yaml")
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, "  releaseOn: [Approved, Rejected]"))
	e.Apply(strings.NewReplacer("        managedBy: countersign.dev/test\n", "", "pipelineRef: {name: part-2}", "pipelineRef: {name: approve-single}").
		Replace(cluster.Gated("deploy", "gate", "")))
	e.ListenerURL("deploy")
	for verdict, c := range map[string]struct{ task, line string }{
		"approve": {"deploy", "deploying, approved by " + user + ": so be it"},
		"reject":  {"refused", "refused by " + user + ": so be it"},
	} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			e := e.For(t)
			name := e.ApprovalOf(e.Part1("part-1-"+verdict, "7"))
			if v := e.Vote(name, token, verdict, "so be it"); v.Status != 201 {
				t.Fatalf("vote: %d %s", v.Status, v.Body)
			}
			e.Confirmed(name)
			r := run{e, t, e.RunOf(name).Name, "approval"}
			r.ends(corev1.ConditionTrue, "Completed")
			if got := r.log(c.task); got != c.line {
				t.Errorf("printed %q, want %q", got, c.line)
			}
			for _, a := range r.Approvals() {
				if a.Spec.Source.CustomRun != nil {
					t.Errorf("somebody is asked again: %s", a.Name)
				}
			}
		})
	}
}

// While it waits nothing is written, by anybody.
func TestNothingIsWrittenWhileItWaits(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, e *cluster.Env, kind string) {
		r := startWith(t, e, "run-"+kind, "wait", waitsOnly(kind, ""))
		a := r.asked(0)
		versions := func() []string {
			t.Helper()
			var pr pipelinev1.PipelineRun
			if err := r.Get(t.Context(), types.NamespacedName{Namespace: r.NS, Name: r.name}, &pr); err != nil {
				t.Fatal(err)
			}
			return []string{pr.ResourceVersion, r.customRun().ResourceVersion, r.object(kind).GetResourceVersion(), r.Approval(a.Name).ResourceVersion}
		}
		// What follows from the start may take as long as it takes; then all is quiet.
		before := versions()
		r.Eventually(2*time.Minute, "ten seconds without a write", func() error {
			time.Sleep(10 * time.Second)
			was := before
			if before = versions(); !reflect.DeepEqual(was, before) {
				return fmt.Errorf("PipelineRun, CustomRun, ApprovalTask, Approval: %v became %v", was, before)
			}
			return nil
		})
	})
}
