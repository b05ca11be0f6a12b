package servicetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
	"github.com/countersign-dev/countersign/internal/kube/preflight"
)

// TestFoundOutBeforeTheVote: whatever keeps part 2 from starting is on the Approval before
// anybody votes, all of it, with what to do; and who is asked by mail is told it too.
func TestFoundOutBeforeTheVote(t *testing.T) {
	t.Parallel()
	cases := runCases()
	maps.Copy(cases, wayCases())
	maps.Copy(cases, rightCases())
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.docs)
			name := w.opened()
			if c.prepare != nil {
				c.prepare(w)
			}
			w.wait(preflight.ConditionsAfter)
			for range 3 {
				if w.step(w.preflight, name).RequeueAfter == 0 {
					t.Error("nobody looks again")
				}
			}
			got := w.condition(name, v1alpha1.ConditionStartable)
			if !strings.HasPrefix(got, c.want+" ") {
				t.Fatalf("%s, want %s", got, c.want)
			}
			for _, x := range c.says {
				if !strings.Contains(got, x) {
					t.Errorf("%s\nlacks %s", got, x)
				}
			}
			if n := w.Count("patch status"); n != 1 {
				t.Errorf("%d writes", n)
			}
			if got := w.condition(name, v1alpha1.ConditionReady); got != "True Resolved " {
				t.Errorf("ready: %s", got)
			}
			// It is said, and a vote is taken: what is wrong may be mended before it matters.
			w.Fail(nil)
			if a := w.get(name); a.Preflight == nil || a.Decided() {
				t.Errorf("%+v", a)
			}
			w.vote(name, "alice", approvals.Approve)
			if a := w.get(name); a.Outcome != approvals.Approved {
				t.Errorf("%s", a.Outcome)
			}
		})
	}
}

type preflightCase struct {
	docs    string
	prepare func(w *world)
	want    string // "STATUS REASON", then what the message contains
	says    []string
}

// changed is kubetest.World with some of its text replaced.
func changed(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(kubetest.World) }

// runCases are about the template, and the run that it makes.
func runCases() map[string]preflightCase {
	return map[string]preflightCase{
		"nothing is wrong": {kubetest.World, nil, "True Startable", nil},
		"a TaskRun":        {changed("kind: PipelineRun\n      metadata: {name: $(tt.params.run)}", "kind: TaskRun\n      metadata: {name: $(tt.params.run)}"), nil, "False RunNotNamed", []string{"a PipelineRun named $(extensions.countersign.run)"}},
		"a ConfigMap":      {changed("apiVersion: tekton.dev/v1\n      kind: PipelineRun\n      metadata: {name: $(tt.params.run)}\n      spec: {pipelineRef: {name: apply}, params: [{name: digest, value: $(tt.params.digest)}]}", "apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: $(tt.params.run)}\n      data: {digest: $(tt.params.digest)}"), nil, "False RunNotNamed", nil},
		"generateName":     {changed("metadata: {name: $(tt.params.run)}", "metadata: {generateName: run-}"), nil, "False RunNotNamed", []string{"instead of generateName"}},
		"no name":          {changed("metadata: {name: $(tt.params.run)}", "metadata: {name: fixed}"), nil, "False RunNotNamed", nil},
		"no binding": {
			changed("params: [{name: run}, {name: digest}]", "params: [{name: run}, {name: DIGEST}]", "$(tt.params.digest)", "$(tt.params.DIGEST)"), nil,
			"False TemplateError",
			[]string{"declares param DIGEST", "did you mean digest?"},
		},
		"a binding with a typo":    {changed("$(extensions.countersign.params.digest)", "$(extensions.countersign.params.digets)"), nil, "False TemplateError", []string{"digets"}},
		"a body in quotes":         {changed("value: $(extensions.countersign.params.digest)", "value: $(body)", "value: $(tt.params.digest)", `value: "it is $(tt.params.digest)"`), nil, "False TemplateError", nil},
		"no template":              {kubetest.Without(kubetest.World, "Nothing"), func(w *world) { w.remove(&triggersv1.TriggerTemplate{}, "apply") }, "False TriggerNotReady", []string{"can't be resolved"}},
		"no Trigger":               {kubetest.World, func(w *world) { w.remove(&triggersv1.Trigger{}, "apply") }, "False TriggerNotReady", nil},
		"a run that stays pending": {changed("spec: {pipelineRef: {name: apply}", "spec: {status: PipelineRunPending, pipelineRef: {name: apply}"), nil, "True StartableWithWarnings", []string{"RunStaysPending: ", "no verifyRun: BeforeStart"}},
		"a run that is cancelled":  {changed("spec: {pipelineRef: {name: apply}", "spec: {status: Cancelled, pipelineRef: {name: apply}"), nil, "False RunCancelled", []string{"spec.status: Cancelled"}},
		"no Pipeline of another run": {
			changed("params: [{name: digest, value: $(tt.params.digest)}]}", "params: [{name: digest, value: $(tt.params.digest)}]}\n    - {apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: second}, spec: {pipelineRef: {name: gone}}}"), nil,
			"False PipelineMissing",
			[]string{"no Pipeline gone"},
		},
		"no Pipeline": {kubetest.Without(kubetest.World, "Pipeline"), nil, "False PipelineMissing", []string{"there is no Pipeline apply in namespace prod"}},
		"no Task":     {changed("{name: go, taskSpec: {steps: [{name: s, image: busybox}]}}", "{name: go, taskRef: {name: gone}}"), nil, "False TaskMissing", []string{"no Task gone", "task go"}},
		"a param that it lacks": {
			changed("spec: {params: [{name: digest}], tasks", "spec: {params: [{name: digest}, {name: region}], tasks"), nil,
			"False ParamMissing",
			[]string{"param region without a default"},
		},
		"a workspace that it lacks": {changed("spec: {params: [{name: digest}], tasks", "spec: {params: [{name: digest}], workspaces: [{name: src}], tasks"), nil, "False WorkspaceMissing", []string{"workspace src"}},
		"a volume that is gone": {
			changed("params: [{name: digest, value: $(tt.params.digest)}]}", "params: [{name: digest, value: $(tt.params.digest)}], workspaces: [{name: src, persistentVolumeClaim: {claimName: ws}}]}"), nil,
			"False VolumeMissing",
			[]string{"volume claim ws"},
		},
	}
}

// wayCases are about the EventListener, and what else runs there.
func wayCases() map[string]preflightCase {
	const sibling = `---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: sibling}
spec: {bindings: [{name: x, value: y}], template: {ref: apply}}
`
	const cel = `    - ref: {kind: ClusterInterceptor, name: cel}
      params: [{name: filter, value: "FILTER"}]
`
	with := func(where, filter string) string {
		one := strings.Replace(cel, "FILTER", filter, 1)
		if where == "before" {
			return changed("  interceptors:\n", "  interceptors:\n"+one)
		}
		return changed("        - {name: forward, value: {digest: results.digest}}\n", "        - {name: forward, value: {digest: results.digest}}\n"+one)
	}
	inGroup := func(event string) string {
		return changed("metadata: {name: apply}\nspec:\n  interceptors:", "metadata: {name: apply, labels: {app: x}}\nspec:\n  interceptors:", "triggers: [{triggerRef: apply}]",
			"triggerGroups: [{name: pushes, interceptors: [{ref: {name: cel}, params: [{name: filter, value: \"header.match('X-GitHub-Event', "+event+")\"}]}], triggerSelector: {labelSelector: {matchLabels: {app: x}}}}]")
	}
	return map[string]preflightCase{
		"no EventListener": {kubetest.Without(kubetest.World, "EventListener"), nil, "False NoEventListener", []string{"add {triggerRef: apply}"}},
		"one that is down": {
			changed("triggers: [{triggerRef: apply}]}", `triggers: [{triggerRef: apply}]}
status: {conditions: [{type: Available, status: "False", message: "no replicas"}]}`), nil,
			"False EventListenerDown",
			[]string{"no replicas", "deployment el-apply"},
		},
		"no connection": {kubetest.World, func(w *world) {
			w.preflight.Check.Reach = func(context.Context, destination.Destination) error {
				return approvals.Errorf(approvals.CodeUnavailable, "EventListener prod/apply can't be reached")
			}
		}, "False EventListenerDown", []string{"can't be reached"}},
		"a sibling":             {changed("triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}, {triggerRef: sibling}]") + sibling, nil, "False SiblingTriggerWouldStart", []string{"prod/sibling"}},
		"a filter before":       {with("before", "body.ref == 'refs/heads/main'"), nil, "False EventRejectedByTrigger", []string{"body.ref == 'refs/heads/main'"}},
		"a filter after":        {with("after", "extensions.countersign.params.digest == 'other'"), nil, "False EventRejectedByTrigger", nil},
		"a filter of its group": {inGroup("'push'"), nil, "False EventRejectedByTrigger", []string{"cel interceptor of triggerGroup pushes, in which trigger apply is run, would reject"}},
		"its group lets it":     {inGroup("'approval'"), nil, "True Startable", nil},
		"another way to it":     {strings.Replace(inGroup("'push'"), "spec: {serviceAccountName: listener,", "spec: {serviceAccountName: listener, triggers: [{triggerRef: apply}],", 1), nil, "True Startable", nil},
		"one that is true":      {with("after", "extensions.countersign.params.digest == 'sha256:abc'"), nil, "True Startable", nil},
	}
}

// rightCases are about what the API server lets people and the service do, and what it answers.
func rightCases() map[string]preflightCase {
	secret := changed("  expiresAfter: 1h", "  expiresAfter: 1h\n  signingSecret: {name: hub, key: k}")
	return map[string]preflightCase{
		"no rights":                      {kubetest.World, func(w *world) { w.Deny() }, "False Forbidden", []string{"service account prod/listener may not create pipelineruns.tekton.dev"}},
		"no right to act as its account": {changed("  template: {ref: apply}", "  serviceAccountName: deployer\n  template: {ref: apply}"), func(w *world) { w.Deny("impersonate") }, "False Forbidden", []string{"service account prod/listener of the EventListener may not impersonate serviceaccount deployer in namespace prod"}},
		"none to act as nobody":          {kubetest.World, func(w *world) { w.Deny("impersonate") }, "True Startable", nil},
		"no signing secret":              {secret, nil, "False SigningSecret", []string{"prod/hub was not found"}},
		"no right to read it": {secret, func(w *world) {
			w.Fail(func(verb string, o runtime.Object) error {
				if x, ok := o.(client.Object); ok && verb == "get" && strings.HasSuffix(strings.ToLower(typeNameOf(x)), "secret") {
					return apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("secrets").GroupResource(), "hub", errors.New("no"))
				}
				return nil
			})
		}, "False SigningSecret", []string{"create role countersign-signing"}},
		"refused by a policy": {kubetest.World, func(w *world) {
			w.Fail(func(verb string, _ runtime.Object) error {
				if verb == "dry run" {
					return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("PipelineRun").GroupKind(), "x", nil)
				}
				return nil
			})
		}, "False Refused", nil},
		"all of it": {
			strings.Replace(kubetest.Without(kubetest.World, "EventListener"), "metadata: {name: $(tt.params.run)}", "metadata: {generateName: run-}", 1), nil,
			"False RunNotNamed",
			[]string{"RunNotNamed: ", "\nNoEventListener: "},
		},
		"not answered": {kubetest.World, func(w *world) {
			w.Fail(func(_ string, o runtime.Object) error {
				if x, ok := o.(client.Object); ok && typeNameOf(x) == "Pipeline" {
					return apierrors.NewServiceUnavailable("etcd")
				}
				return nil
			})
		}, "Unknown NotChecked", nil},
	}
}

// remove deletes an object of namespace prod.
func (w *world) remove(o client.Object, name string) {
	w.t.Helper()
	o.SetNamespace("prod")
	o.SetName(name)
	if err := w.Delete(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func typeNameOf(o client.Object) string {
	name := strings.TrimPrefix(strings.ToLower(typeOf(o)), "*")
	_, kind, _ := strings.Cut(name, ".")
	return strings.ToUpper(kind[:1]) + kind[1:]
}

// change edits an object of namespace prod.
func edit[T client.Object](w *world, o T, name string, change func(T)) {
	w.t.Helper()
	if err := w.Get(w.t.Context(), types.NamespacedName{Namespace: "prod", Name: name}, o); err != nil {
		w.t.Fatal(err)
	}
	change(o)
	if err := w.WithWatch.Update(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// TestPreflightWrites: what is good costs no write of its own when people are told, and one,
// a moment after the opening, when nobody is: then everybody can wait for it.
func TestPreflightWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.notify.Preflight = w.preflight.Check.Of
	name := w.opened()
	if left := w.step(w.preflight, name).RequeueAfter; left != preflight.ConditionsAfter || w.Count("patch status") != 0 {
		t.Errorf("looked at again in %s after %d writes", left, w.Count("patch status"))
	}
	w.step(w.notify, name)
	w.wait(preflight.ConditionsAfter)
	w.step(w.preflight, name)
	if got := w.condition(name, v1alpha1.ConditionStartable); got != "True Startable " || w.Count("patch status") != 1 {
		t.Errorf("%s after %d writes", got, w.Count("patch status"))
	}
	for range 48 { // idle
		w.wait(time.Minute)
		w.step(w.preflight, name)
	}
	if n := w.Count("patch status"); n != 1 || w.Count("dry run") > 2 {
		t.Errorf("%d writes and %d dry runs while it waits", n, w.Count("dry run"))
	}
	w.listener.Serve(t)
	w.vote(name, "alice", approvals.Approve)
	w.wait(outcome.LeaderTakeoverDelay)
	w.step(w.approvals, name)
	w.wait(time.Second)
	w.step(w.approvals, name)
	w.step(w.preflight, name)
	if got := w.condition(name, v1alpha1.ConditionStartable); got != "True Started " || w.Count("patch status") != 3 {
		t.Errorf("%s after %d writes", got, w.Count("patch status"))
	}
}

// TestPreflightMended: what is mended is noticed, and costs nobody's vote.
func TestPreflightMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 2", 1))
	name := w.opened()
	down := func(is bool) {
		edit(w, &triggersv1.EventListener{}, "apply", func(el *triggersv1.EventListener) {
			el.Status.SetCondition(available(!is))
		})
	}
	down(true)
	w.step(w.preflight, name)
	if got := w.condition(name, v1alpha1.ConditionStartable); !strings.HasPrefix(got, "False EventListenerDown ") {
		t.Errorf("%s", got)
	}
	w.vote(name, "alice", approvals.Approve)
	down(false)
	w.step(w.preflight, name)
	if got := w.condition(name, v1alpha1.ConditionStartable); got != "True Startable " {
		t.Errorf("%s", got)
	}
	if a := w.get(name); len(a.Votes) != 1 || a.Decided() {
		t.Errorf("%+v", a)
	}
	el := kubetest.Objects(t, kubetest.Only(kubetest.World, "EventListener"))[0].(*triggersv1.EventListener)
	if got := w.preflight.RunBy(t.Context(), el); len(got) != 1 || got[0].Name != name {
		t.Errorf("an EventListener wakes %v", got)
	}
	other := el.DeepCopy()
	other.Status.SetCondition(available(false))
	up := el.DeepCopy()
	up.Status.SetCondition(available(true))
	if !preflight.ListenerChanged(event.UpdateEvent{ObjectOld: other, ObjectNew: up}) || preflight.ListenerChanged(event.UpdateEvent{ObjectOld: up, ObjectNew: up}) {
		t.Error("that it has come up is news, and that it is as it was is none")
	}
}

// retemplate makes the template start something else.
func (w *world) retemplate(to string) {
	w.t.Helper()
	edit(w, &triggersv1.TriggerTemplate{}, "apply", func(tt *triggersv1.TriggerTemplate) {
		raw := &tt.Spec.ResourceTemplates[0].RawExtension.Raw
		*raw = []byte(strings.NewReplacer(`"timeouts":{"pipeline":"1h"},`, "", `"spec":{`, `"spec":{`+to).Replace(string(*raw)))
	})
}

const other = `"timeouts":{"pipeline":"1h"},`

// TestContentChangesWhilePending: votes are for what was shown. What would run now is asked
// about anew, by another Approval of the same source, once it has stayed the same.
func TestContentChangesWhilePending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(kubetest.World, "required: 1", "required: 2", 1))
	first := w.opened()
	w.wait(preflight.ConditionsAfter)
	w.step(w.preflight, first)
	w.vote(first, "alice", approvals.Approve)

	// Put back at once: no change.
	w.retemplate(other)
	if left := w.step(w.preflight, first).RequeueAfter; left != 2*time.Second {
		t.Errorf("looked at again in %s", left)
	}
	w.retemplate("")
	w.wait(2 * time.Second)
	w.step(w.preflight, first)
	if a := w.get(first); a.Decided() || len(a.Votes) != 1 || w.condition(first, v1alpha1.ConditionStartable) != "True Startable " {
		t.Errorf("%s, %d votes, %s", a.Outcome, len(a.Votes), w.condition(first, v1alpha1.ConditionStartable))
	}

	w.retemplate(other)
	w.step(w.preflight, first)
	w.wait(2 * time.Second)
	for range 3 {
		w.step(w.preflight, first)
	}
	old := w.get(first)
	next := w.get(old.SupersededBy)
	if old.Outcome != approvals.Superseded || !old.Changed() || !strings.HasPrefix(w.condition(first, v1alpha1.ConditionStartable), "False ContentChanged ") {
		t.Errorf("%s, %s", old.Outcome, w.condition(first, v1alpha1.ConditionStartable))
	}
	if next.Replaces == nil || next.Replaces.Name != first || next.Replaces.UID != old.UID || next.Replaces.Number != 1 || next.Replaces.RequestedBy != "" || len(next.Votes) != 0 || next.Decided() ||
		next.Resolved.Digest == old.Resolved.Digest || next.Source.Run.UID != old.Source.Run.UID || next.Resolved.Params[0] != old.Resolved.Params[0] {
		t.Errorf("%+v\n%+v", next, next.Replaces)
	}
	if _, _, err := w.desk.Vote(t.Context(), old.Key, ct.Ballot("bob", approvals.Approve, "")); approvals.CodeOf(err) != approvals.CodeConflict {
		t.Errorf("a vote for the old one: %v", err)
	}
	// Who voted is told.
	w.step(w.notify, first)
	if s := strings.Join(w.mails.sent, "\n"); !strings.Contains(s, "alice@example.com") || strings.Contains(s, "bob@example.com") {
		t.Errorf("told %s", s)
	}
	// Part 1 is looked at again, and nothing more is opened.
	w.step(w.runs, "plan-1")
	if n := w.Count("create"); n != 2 {
		t.Errorf("%d creates", n)
	}
	// The new one is decided, and starts.
	w.listener.Serve(t)
	w.vote(next.Name, "alice", approvals.Approve)
	w.vote(next.Name, "bob", approvals.Approve)
	w.wait(outcome.LeaderTakeoverDelay)
	w.step(w.approvals, next.Name)
	w.wait(time.Second)
	w.step(w.approvals, next.Name)
	if a := w.get(next.Name); a.SecondRun == nil {
		t.Errorf("%s, %v; %v", a.Outcome, a.Unreleased, w.listener.Refusals())
	}
	if posts, _ := w.listener.Requests(); len(posts) != 1 {
		t.Errorf("%d posts", len(posts))
	}
}

// TestContentChangesAllTheTime: a Trigger that is edited in a loop fills nothing.
func TestContentChangesAllTheTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	texts := []string{other, ""}
	for i := range 3 * approvals.MaxAgain {
		w.retemplate(texts[i%2])
		w.step(w.preflight, name)
		w.wait(10 * time.Second)
		w.step(w.preflight, name)
		w.wait(5 * time.Minute)
		w.step(w.preflight, name)
		if a := w.get(name); a.SupersededBy != "" {
			name = a.SupersededBy
		}
	}
	a := w.get(name)
	if a.Replaces.Number != approvals.MaxAgain || a.Decided() || w.Count("create") != 1+approvals.MaxAgain {
		t.Errorf("number %d, %s, %d creates", a.Replaces.Number, a.Outcome, w.Count("create"))
	}
	w.retemplate(texts[0])
	w.step(w.preflight, name)
	w.retemplate(texts[1])
	w.step(w.preflight, name)
	if got := w.condition(name, v1alpha1.ConditionStartable); !strings.HasPrefix(got, "False ContentChanged ") && !strings.HasPrefix(got, "True") {
		t.Errorf("%s", got)
	}
}

// TestKilledWhileAskingAgain: between its two writes nothing is lost and nothing doubled.
func TestKilledWhileAskingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.retemplate(other)
	w.step(w.preflight, name)
	w.wait(2 * time.Second)
	w.Fail(func(verb string, _ runtime.Object) error {
		if verb == "patch status" {
			return apierrors.NewServiceUnavailable("etcd")
		}
		return nil
	})
	if _, err := w.preflight.Reconcile(t.Context(), request(name)); err == nil {
		t.Error("the write failed, and nobody noticed")
	}
	w.Fail(nil)
	w.retemplate("") // it is what it was: the old one must not come back to life beside the new one
	w.step(w.preflight, name)
	old := w.get(name)
	if old.Outcome != approvals.Superseded || w.Count("create") != 2 {
		t.Errorf("%s after %d creates", old.Outcome, w.Count("create"))
	}
}

// TestAskAgain: what was approved and can't start any more, or expired, is asked about again
// from what it was opened with, by who operates or asked for it; a rejection is final.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	by := func(name string) approvals.Identity {
		return approvals.Identity{Name: name, AuthMethod: approvals.AuthToken}
	}
	t.Run("changed after the decision", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, kubetest.World)
		name := w.opened()
		if _, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("olga")); approvals.CodeOf(err) != approvals.CodeConflict || w.get(name).Decided() {
			t.Errorf("pending: %v", err)
		}
		w.vote(name, "alice", approvals.Approve)
		w.retemplate(other)
		w.wait(outcome.LeaderTakeoverDelay)
		w.step(w.approvals, name)
		if got := w.condition(name, v1alpha1.ConditionReleased); !strings.HasPrefix(got, "False ContentChanged ") {
			t.Errorf("%s", got)
		}
		w.remove(kubetest.Objects(t, kubetest.Only(kubetest.World, "PipelineRun"))[0], "plan-1") // part 1 is pruned
		if _, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("mallory")); approvals.CodeOf(err) != approvals.CodeForbidden {
			t.Errorf("a stranger: %v", err)
		}
		next, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("olga"))
		if err != nil || next.Replaces == nil || next.Replaces.RequestedBy != "olga" || next.Resolved == nil || next.Source.Results[0].Value != "sha256:abc" {
			t.Fatalf("%v, %+v", err, next)
		}
		if _, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("zoe")); approvals.CodeOf(err) != approvals.CodeForbidden {
			t.Errorf("who is only said to have asked: %v", err)
		}
		twice, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("olga"))
		if err != nil || twice.Name != next.Name {
			t.Errorf("once more: %s, %v", twice.Name, err)
		}
		old := w.get(name)
		if old.Outcome != approvals.Approved || old.SupersededBy != next.Name || old.ToRelease() || old.Cancellation == nil {
			t.Errorf("%s by %s, %+v", old.Outcome, old.SupersededBy, old.Cancellation)
		}
		w.retemplate("") // and the old content starts no more
		w.listener.Serve(t)
		w.step(w.approvals, name)
		if posts, _ := w.listener.Requests(); len(posts) > 0 {
			t.Errorf("%d posts", len(posts))
		}
	})
	for end, c := range map[string]struct {
		end     func(w *world, name string)
		refused bool
	}{
		"expired":  {func(w *world, name string) { w.wait(time.Hour); w.step(w.approvals, name) }, false},
		"rejected": {func(w *world, name string) { w.vote(name, "alice", approvals.Reject) }, true},
		"cancelled": {func(w *world, name string) {
			if _, _, err := w.desk.Cancel(w.t.Context(), w.get(name).Key, by("olga"), "no need"); err != nil {
				w.t.Fatal(err)
			}
		}, true},
		"may still start": {func(w *world, name string) { w.vote(name, "alice", approvals.Approve) }, true},
		"given up": {func(w *world, name string) {
			w.vote(name, "alice", approvals.Approve)
			w.wait(25 * time.Hour)
			w.step(w.approvals, name)
		}, false},
	} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kubetest.World)
			name := w.opened()
			c.end(w, name)
			next, err := w.desk.AskAgain(t.Context(), w.get(name).Key, by("olga"))
			if !c.refused && (err != nil || next.Replaces == nil || w.get(name).SupersededBy != next.Name) {
				t.Errorf("%v, %+v", err, next.Replaces)
			}
			if c.refused && approvals.CodeOf(err) != approvals.CodeConflict {
				t.Errorf("%v, want a conflict", err)
			}
			if err != nil {
				said.Check(t, end, approvals.Message(err))
			}
			if c.refused == w.toAskAgain(t, name) {
				t.Error("the button says something else")
			}
		})
	}
}

// TestAskAgainByVote: kubectl and the command line ask by a Vote, whose author the API server
// proves.
func TestAskAgainByVote(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	w.guard()
	name := w.opened()
	w.wait(time.Hour)
	w.step(w.approvals, name)
	for voter, want := range map[string]string{"mallory": "Refused you (mallory) are not an operator of namespace prod", "olga": "Recorded asked again: ", "zoe": "Refused you (zoe) are not an operator of namespace prod"} {
		w.put(voter, v1alpha1.VoteSpec{Approval: name, Voter: voter, Verdict: "again"})
		w.step(w.votes, voter)
		if got := w.state(voter); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", voter, got, want)
		}
	}
	if a := w.get(name); a.SupersededBy == "" || a.Outcome != approvals.Expired {
		t.Errorf("%s, by %q", a.Outcome, a.SupersededBy)
	}
}

// toAskAgain reports whether name could have been asked again, or was.
func (w *world) toAskAgain(t *testing.T, name string) bool {
	t.Helper()
	a := w.get(name)
	return a.ToAskAgain() || a.SupersededBy != ""
}

func typeOf(o client.Object) string { return fmt.Sprintf("%T", o) }

// available is an EventListener's condition.
func available(is bool) *apis.Condition {
	c := &apis.Condition{Type: "Available", Status: corev1.ConditionFalse, Message: "no replicas"}
	if is {
		c.Status, c.Message = corev1.ConditionTrue, ""
	}
	return c
}
