package servicetest

import (
	"errors"
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/hold"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

// inlineTrigger is an EventListener with one inline trigger that waits for plan.
func inlineTrigger(listener, trigger string) string {
	return `
---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: ` + listener + `}
spec:
  serviceAccountName: listener
  triggers:
    - ` + trigger + `
      interceptors: [{ref: {kind: ClusterInterceptor, name: countersign}, params: [{name: gate, value: production}, {name: after, value: {pipeline: plan}}]}]
      bindings: [{name: run, value: $(extensions.countersign.run)}, {name: digest, value: x}]
      template: {ref: apply}
status: {address: {url: "http://127.0.0.1:1"}}
`
}

// said are the Events so far.
func (w *world) said() []string {
	var out []string
	for {
		select {
		case e := <-w.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func (w *world) names() []string {
	w.t.Helper()
	var list v1alpha1.ApprovalList
	if err := w.List(w.t.Context(), &list); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, a := range list.Items {
		out = append(out, a.Namespace+"/"+a.Spec.Trigger)
	}
	return out
}

// TestListeners: a mistake in an EventListener is said on it.
func TestListeners(t *testing.T) {
	t.Parallel()
	group := strings.Replace(inlineTrigger("grouped", "name: solo"), "  triggers:", "  triggerGroups: [{name: all, interceptors: [{ref: {name: countersign}}], triggerSelector: {labelSelector: {}}}]\n  triggers:", 1)
	for name, c := range map[string]struct {
		docs string
		want []string
	}{
		"good":         {inlineTrigger("x", "name: solo"), nil},
		"nameless":     {inlineTrigger("x", "serviceAccountName: a"), []string{"a trigger of EventListener x has the interceptor countersign but no name, so it can't be told apart from others: give the trigger a name"}},
		"misspelt":     {strings.Replace(inlineTrigger("x", "name: solo"), "name: after", "name: After", 1), []string{"trigger prod/solo: interceptor countersign, param After: unknown param: use gate, after"}},
		"a group":      {strings.ReplaceAll(group, "grouped", "x"), []string{"EventListener x: triggerGroup all has the interceptor countersign"}},
		"same name":    {inlineTrigger("x", "name: apply"), []string{"namespace prod has 2 triggers with the name apply: Trigger apply, inline trigger apply of EventListener x"}},
		"no pipeline":  {strings.Replace(inlineTrigger("x", "name: solo"), "pipeline: plan", "pipeline: lan", 1), []string{"inline trigger solo of EventListener x waits for runs of Pipeline lan"}},
		"two mistakes": {strings.ReplaceAll(strings.Replace(group, "name: gate", "name: gaet", 1), "grouped", "x"), []string{"triggerGroup all", "param gaet: unknown param"}},
	} {
		w := newWorld(t, kubetest.World+pipelinePlan+c.docs)
		w.step(w.listeners, "x")
		w.step(w.listeners, "x") // at once again: it was said
		got := w.said()
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %d", name, got, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: %q, want %q", name, got[i], want)
			}
		}
	}
}

// TestNotUnique: while a name is not unique nothing is held and nothing is released,
// and everybody who looks is told which ones have it.
func TestNotUnique(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	w := newWorld(t, kubetest.World+inlineTrigger("a", "name: deploy")+inlineTrigger("b", "name: deploy"))
	w.step(w.runs, "plan-1")
	if got := w.names(); len(got) != 1 || got[0] != "prod/apply" {
		t.Errorf("opened %v, want apply's alone", got)
	}
	said := w.said()
	if len(said) != 2 {
		t.Fatalf("%q, want one on each EventListener", said)
	}
	for _, e := range said {
		sentences.Check(t, "two of a name", e)
	}

	// One that is opened already is not released while another has its name.
	name := w.opened()
	other := kubetest.Objects(t, strings.TrimPrefix(inlineTrigger("thief", "name: apply"), "\n---\n"))[0]
	if err := w.WithWatch.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.listener.Serve(t)
	w.vote(name, "alice", "approve")
	w.wait(maxWait)
	w.step(w.approvals, name)
	if posts, _ := w.listener.Requests(); len(posts) != 0 || !strings.HasPrefix(w.condition(name, "Released"), "False TriggerNameNotUnique ") {
		t.Errorf("%d posts, %s", len(posts), w.condition(name, "Released"))
	}
	if err := w.WithWatch.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.wait(maxWait)
	w.step(w.approvals, name)
	if posts, _ := w.listener.Requests(); len(posts) != 1 {
		t.Errorf("%d posts after the name is unique again, %s", len(posts), w.condition(name, "Released"))
	}
}

// maxWait is longer than anything waits before it is tried again.
const maxWait = 10 * 60 * 1e9

// TestInlineNamedLikeAPipeline: what its maker called a run is no reference.
func TestInlineNamedLikeAPipeline(t *testing.T) {
	t.Parallel()
	run := func(meta, spec, status string) string {
		return strings.NewReplacer("META", meta, "SPEC", spec, "STATUS", status).Replace(`
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {uid: u-1, METAlabels: {tekton.dev/pipeline: plan}}
spec: {SPEC}
status:
  completionTime: "2026-03-01T09:00:00Z"
  conditions: [{type: Succeeded, status: "True"}]
  STATUS
`)
	}
	const inline = "pipelineSpec: {tasks: []}"
	git := `provenance: {refSource: {uri: "git+https://g/ci.git", entryPoint: plan.yaml, digest: {sha1: ab}}}`
	cluster := `provenance: {refSource: {uri: "/apis/tekton.dev/v1/namespaces/NS/pipeline/plan@u-9", digest: {sha256: cd}}}`
	for name, c := range map[string]struct {
		after, docs, name string
		want              string // the run's words, "" for not opened
	}{
		"by name":                  {"{pipeline: plan}", run("name: x, ", "pipelineRef: {name: plan}", ""), "x", "plan"},
		"inline of its name":       {"{pipeline: plan}", run("name: plan, ", inline, ""), "plan", ""},
		"inline generated":         {"{pipeline: plan}", run("name: plan-7, generateName: plan-, ", inline, ""), "plan-7", ""},
		"another with its label":   {"{pipeline: plan}", run("name: x, ", "pipelineRef: {name: other}", ""), "x", ""},
		"asked for as inline":      {"{inlineRun: plan}", run("name: plan-7, generateName: plan-, ", inline, ""), "plan-7", "inline run plan"},
		"by name, not inline":      {"{inlineRun: plan}", run("name: plan, ", "pipelineRef: {name: plan}", ""), "plan", ""},
		"by a resolver":            {"{pipeline: plan}", run("name: x, ", "pipelineRef: {resolver: git, params: [{name: name, value: plan}]}", git), "x", ""},
		"a name and a resolver":    {"{pipeline: plan}", run("name: x, ", "pipelineRef: {name: plan, resolver: git}", git), "x", ""},
		"from the cluster":         {"{pipeline: plan}", run("name: x, ", "pipelineRef: {resolver: cluster}", strings.Replace(cluster, "NS", "prod", 1)), "x", "plan"},
		"from another namespace":   {"{pipeline: plan}", run("name: x, ", "pipelineRef: {resolver: cluster}", strings.Replace(cluster, "NS", "shared", 1)), "x", ""},
		"as said":                  {"{pipeline: plan, pipelineNamespace: shared}", run("name: x, ", "pipelineRef: {resolver: cluster}", strings.Replace(cluster, "NS", "shared", 1)), "x", "plan"},
		"a resolver that says so":  {"{pipeline: plan, pipelineNamespace: shared}", run("name: x, ", "pipelineRef: {resolver: theirs}", strings.Replace(cluster, "NS", "shared", 1)), "x", ""},
		"nothing recorded":         {"{pipeline: plan}", run("name: x, ", "pipelineRef: {resolver: cluster, params: [{name: name, value: plan}]}", ""), "x", ""},
		"from a repository":        {`{pipelineFrom: {uri: "git+https://g/ci.git", entryPoint: plan.yaml}}`, run("name: x, ", "pipelineRef: {resolver: git}", git), "x", "plan.yaml"},
		"from an SCM of their own": {`{pipelineFrom: {uri: "git+https://g/ci.git", entryPoint: plan.yaml}}`, run("name: x, ", "pipelineRef: {resolver: git, params: [{name: serverURL, value: evil}]}", git), "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, strings.Replace(kubetest.World, "{pipeline: plan}", c.after, 1)+c.docs)
			w.step(w.runs, c.name)
			got := ""
			var list v1alpha1.ApprovalList
			if err := w.List(t.Context(), &list); err != nil {
				t.Fatal(err)
			}
			for _, o := range list.Items {
				a := w.get(o.Name)
				got = a.Source.Run.What()
				if a.Subject() != "apply after "+c.want || a.Blocked != nil && a.Blocked.Reason != "NotResolved" {
					t.Errorf("%q, %v", a.Subject(), a.Blocked)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestAfterElsewhere: a run of another namespace is held only for a Trigger whose
// account may read it there.
func TestAfterElsewhere(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	docs := strings.Replace(kubetest.World, "{pipeline: plan}", "{pipeline: plan, namespace: ci}", 1)
	before, plan, _ := strings.Cut(docs, "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: plan-1,")
	docs = before + "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: plan-1, namespace: ci," + plan
	step := func(w *world) {
		t.Helper()
		req := request("plan-1")
		req.Namespace = "ci"
		if _, err := w.runs.Reconcile(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, docs)
	step(w)
	if got := w.names(); len(got) != 1 || got[0] != "prod/apply" {
		t.Fatalf("opened %v", got)
	}
	var list v1alpha1.ApprovalList
	if err := w.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	if a := w.get(list.Items[0].Name); a.Resolved == nil || a.Source.Run.Namespace != "ci" || a.Subject() != "apply after plan in namespace ci" {
		t.Errorf("%+v", a.Source.Run)
	}

	w = newWorld(t, docs)
	w.Deny()
	step(w)
	said := w.said()
	if got := w.names(); len(got) != 0 || len(said) != 1 || !strings.HasPrefix(said[0], "Warning CountersignRefused ") {
		t.Errorf("opened %v, %q", got, said)
	} else {
		sentences.Check(t, "no right to get the run", sentence(said[0]))
	}
	// A run of the Trigger's own namespace is another one.
	w = newWorld(t, strings.Replace(docs, "namespace: ci, uid", "uid", 1))
	w.step(w.runs, "plan-1")
	if got := w.names(); len(got) != 0 {
		t.Errorf("opened %v", got)
	}
}

// TestLargerThanAnObject: who can mend it is told, on the run and on the Trigger; with
// what is forwarded left out it is opened.
func TestLargerThanAnObject(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	tooLarge := errors.New("etcdserver: request is too large")
	w := newWorld(t, kubetest.World)
	w.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*v1alpha1.Approval); ok && verb == "create" {
			return tooLarge
		}
		return nil
	})
	if res := w.step(w.runs, "plan-1"); res.RequeueAfter != hold.RefusedAgain {
		t.Errorf("looked at again after %s", res.RequeueAfter)
	}
	said := w.said()
	if len(said) != 2 || !strings.HasPrefix(said[0], "Warning CountersignRefused ") {
		t.Fatalf("%q, want it on the run and on the Trigger", said)
	}
	sentences.Check(t, "too many bytes", sentence(said[0]))
	w.Fail(func(verb string, o runtime.Object) error {
		if a, ok := o.(*v1alpha1.Approval); ok && verb == "create" && a.Spec.Resolved != nil {
			return tooLarge
		}
		return nil
	})
	if a := w.get(w.opened()); a.Resolved != nil {
		t.Error("opened with resolved that are too large")
	}
}

// TestRefusedIsSaid: an event that is refused is told of on the Trigger, and not for
// each of many.
func TestRefusedIsSaid(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	docs := strings.NewReplacer("        - {name: after, value: {pipeline: plan}}\n", "", "{digest: results.digest}", "{digest: body.digest}").Replace(kubetest.World) + inlineTrigger("a", "name: twin") + inlineTrigger("b", "name: twin")
	w := newWorld(t, docs)
	post := func(trigger, body string) {
		w.listener.Processor.Process(t.Context(), &triggersv1.InterceptorRequest{
			Body: body, Header: map[string][]string{"Content-Type": {"application/json"}},
			Context: &triggersv1.TriggerContext{EventURL: "/", TriggerID: trigger},
		})
	}
	large := `{"x":"` + strings.Repeat("x", 600<<10) + `"}`
	for range 3 {
		post("namespaces/prod/triggers/apply", large)
	}
	said := w.said()
	if len(said) != 1 || !strings.HasPrefix(said[0], "Warning CountersignRefused ") {
		t.Fatalf("%q", said)
	}
	sentences.Check(t, "a large body", sentence(said[0]))
	w.wait(maxWait)
	post("namespaces/prod/triggers/apply", large)
	post("namespaces/prod/triggers/twin", `{}`)
	post("namespaces/prod/triggers/nobody", `{}`)
	post("namespaces/prod/triggerGroups/apply", `{}`)
	if said = w.said(); len(said) != 5 {
		t.Fatalf("%d: %q", len(said), said)
	}
	sentences.Check(t, "a large body", sentence(said[0]))
	for _, e := range said[1:] {
		sentences.Check(t, "a twin", sentence(e))
	}
	if got := w.names(); len(got) != 0 {
		t.Errorf("opened %v", got)
	}
}

// TestNamelessIsSaidAgain: an inline trigger without a name is told of whenever an event
// comes to it, and not only when it is made.
func TestNamelessIsSaidAgain(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	w := newWorld(t, kubetest.World+inlineTrigger("a", `name: ""`))
	for range 3 {
		w.wait(maxWait)
		w.listener.Processor.Process(t.Context(), &triggersv1.InterceptorRequest{Body: `{}`, Context: &triggersv1.TriggerContext{EventURL: "/", TriggerID: "namespaces/prod/triggers/"}})
		said := w.said()
		if len(said) != 1 || !strings.HasPrefix(said[0], "Warning CountersignInvalid ") {
			t.Fatalf("%q", said)
		}
		sentences.Check(t, "no name", sentence(said[0]))
	}
}
