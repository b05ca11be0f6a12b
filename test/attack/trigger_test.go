//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// edits lists the changes that somebody who may edit Triggers makes in one between the opening and
// the start. evil is in what would start, or would be gone from it.
var edits = map[string]struct{ from, to string }{
	"a binding":                   {"{name: version, value: $(extensions.countersign.params.version)}", "{name: version, value: evil}"},
	"a binding of the run":        {"{name: comment, value: $(extensions.countersign.results.comment)}", "{name: comment, value: evil}"},
	"the forwarded params":        {`{version: "params.version"}`, `{version: "'evil'"}`},
	"the template's params":       {"{name: version, value: $(tt.params.version)}", "{name: version, value: evil}"},
	"the pipeline":                {"pipelineRef: {name: part-2}", "pipelineRef: {name: evil}"},
	"the account of the run":      {"pipelineRef: {name: part-2}", "pipelineRef: {name: part-2}\n        taskRunTemplate: {serviceAccountName: evil}"},
	"a workspace":                 {"pipelineRef: {name: part-2}", "pipelineRef: {name: part-2}\n        workspaces: [{name: w, emptyDir: {}}]"},
	"the account of the trigger":  {"  template: {ref: TRIGGER}", "  serviceAccountName: evil\n  template: {ref: TRIGGER}"},
	"an interceptor before ours":  {"  interceptors:\n", "  interceptors:\n    - ref: {kind: ClusterInterceptor, name: cel}\n      params: [{name: overlays, value: [{key: x, expression: \"'evil'\"}]}]\n"},
	"an interceptor behind ours":  {"  bindings:\n", "    - ref: {kind: ClusterInterceptor, name: cel}\n      params: [{name: overlays, value: [{key: x, expression: \"'evil'\"}]}]\n  bindings:\n"},
	"an overlay before ours":      {"expression: \"'good'\"", "expression: \"'evil'\""},
	"an overlay of our own key":   {"key: digest", "key: countersign.params.version"},
	"a second line of ours":       {"  bindings:\n", "    - ref: {kind: ClusterInterceptor, name: countersign}\n      params: [{name: gate, value: gate}]\n  bindings:\n"},
	"a param of ours that is new": {"{name: gate, value: gate}", "{name: gate, value: gate}\n        - {name: Gate, value: evil}"},
}

// overlaid is a gated Trigger with a cel interceptor before ours, whose overlay a
// binding reads.
func overlaid(trigger string) string {
	y := cluster.Gated(trigger, "gate", "")
	y = strings.Replace(y, "  interceptors:\n", "  interceptors:\n    - ref: {kind: ClusterInterceptor, name: cel}\n      params: [{name: overlays, value: [{key: digest, expression: \"'good'\"}]}]\n", 1)
	y = strings.Replace(y, "  bindings:\n", "  bindings:\n    - {name: digest, value: $(extensions.digest)}\n", 1)
	y = strings.Replace(y, "  params: [{name: run}", "  params: [{name: digest}, {name: run}", 1)
	return strings.Replace(y, "        params:\n", "        params:\n          - {name: digest, value: $(tt.params.digest)}\n", 1)
}

// TestTriggerIsBound: whatever is changed in a Trigger after people were asked, nothing
// starts by the decision on what it was before.
func TestTriggerIsBound(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	n := 0
	names := map[string]string{}
	for title := range edits {
		n++
		names[title] = fmt.Sprintf("t%d", n)
	}
	for _, trigger := range names {
		y, _, _ := strings.Cut(overlaid(trigger), "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener")
		a.Apply(strings.ReplaceAll(y, "pipeline: part-1", "pipeline: "+trigger))
	}
	refs := make([]string, 0, n)
	for _, trigger := range names {
		refs = append(refs, "{triggerRef: "+trigger+"}")
	}
	a.Apply(cluster.Listener("all", strings.Join(refs, ", ")))
	a.ListenerURL("all")
	for title, c := range edits {
		t.Run(title, func(t *testing.T) {
			a, trigger := a.in(t), names[title]
			y, _, _ := strings.Cut(overlaid(trigger), "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener")
			y = strings.ReplaceAll(y, "pipeline: part-1", "pipeline: "+trigger)
			from, to := strings.ReplaceAll(c.from, "TRIGGER", trigger), strings.ReplaceAll(c.to, "TRIGGER", trigger)
			if !strings.Contains(y, from) {
				t.Fatalf("the Trigger has no %q", from)
			}
			name := a.ApprovalOf(a.Ended(a.Start("run-"+trigger, trigger, "7")))
			a.Condition(name, v1alpha1.ConditionReady, "Resolved", "")
			a.Apply(strings.Replace(y, from, to, 1))
			// The vote may be taken, or refused since it is asked about anew: it starts nothing
			// that is not what people saw.
			v := a.Vote(name, a.token, "approve", "")
			a.Eventually(time.Minute, "the end of what was asked before", func() error {
				o := a.Approval(name)
				if o.Status.SecondRun != nil {
					t.Fatalf("it started %+v", o.Status.SecondRun)
				}
				// A request for what would run now has replaced it: before the vote, or just after.
				if o.Status.SupersededBy != "" {
					return nil
				}
				for _, cond := range o.Status.Conditions {
					if cond.Type == v1alpha1.ConditionReleased && cond.Status == "False" && (cond.Reason == "ContentChanged" || cond.Reason == "TriggerNotReady") {
						return nil
					}
				}
				return fmt.Errorf("outcome %s, conditions %+v, the vote %d %s", o.Status.Outcome, o.Status.Conditions, v.Status, v.Body)
			})
			a.noRuns(trigger)
		})
	}
}

// TestTriggerNamesAreUnique: Triggers of one name can't be told apart, so nothing is
// held and nothing released by any of them.
func TestTriggerNamesAreUnique(t *testing.T) {
	t.Parallel()
	const inline = `{name: deploy, interceptors: [{ref: {kind: ClusterInterceptor, name: countersign}, params: [{name: gate, value: gate}, {name: after, value: {pipeline: part-1}}]}], bindings: [{name: run, value: $(extensions.countersign.run)}], template: {ref: deploy}}`
	for title, c := range map[string]struct{ first, second string }{
		"inline in two EventListeners":     {cluster.Listener("one", inline), cluster.Listener("two", inline)},
		"twice in one EventListener":       {"", cluster.Listener("one", inline+", "+inline)},
		"an object and an inline one":      {"", cluster.Listener("one", inline)},
		"an object that comes while asked": {"", cluster.Listener("two", inline)},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			a := newArena(t, "")
			object := cluster.Gated("deploy", "gate", "")
			if title == "inline in two EventListeners" || title == "twice in one EventListener" {
				// Only the template of it.
				_, after, _ := strings.Cut(object, "---\n")
				object, _, _ = strings.Cut(after, "---\napiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener")
			}
			a.Apply(object)
			name := ""
			if title == "an object that comes while asked" {
				name = a.waiting("part-1")
			}
			for _, y := range []string{c.first, c.second} {
				if y != "" {
					a.Apply(y)
				}
			}
			if name != "" {
				if v := a.Vote(name, a.token, "approve", ""); v.Status == 201 {
					a.Condition(name, v1alpha1.ConditionReleased, "TriggerNameNotUnique", "deploy")
				}
				a.noRuns("deploy")
				return
			}
			a.Part1("part-1", "7")
			a.event("CountersignInvalid", "deploy")
			if l := a.Approvals(); len(l) != 0 {
				t.Errorf("%d approvals of a name that is not unique", len(l))
			}
			a.noRuns("deploy")
		})
	}
}

// event waits for an Event of the namespace with that reason and those words.
func (a *arena) event(reason, words string) {
	a.t.Helper()
	a.Eventually(time.Minute, "Event "+reason, func() error {
		var l corev1.EventList
		if err := a.List(a.t.Context(), &l, client.InNamespace(a.NS)); err != nil {
			return err
		}
		said := map[string]bool{}
		for _, ev := range l.Items {
			if ev.Reason == reason && strings.Contains(ev.Message, words) {
				return nil
			}
			said[ev.Reason] = true
		}
		return fmt.Errorf("the Events' reasons are %v", said)
	})
}

// TestPartOneIsWhatAfterNames: a run that only calls itself a run of the pipeline opens
// nothing.
func TestPartOneIsWhatAfterNames(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	const spec = `
spec:
  managedBy: countersign.dev/test
  pipelineSpec: {tasks: [{name: t, taskSpec: {steps: [{name: s, image: "cluster.local/busybox:1", script: "true"}]}}]}`
	for title, meta := range map[string]string{
		"by its name":         "metadata: {name: part-1}",
		"by a label":          `metadata: {name: labelled, labels: {tekton.dev/pipeline: part-1}}`,
		"by a generated name": `metadata: {name: part-1-x7k2p, generateName: part-1-}`,
		"by an annotation":    `metadata: {name: annotated, annotations: {tekton.dev/pipeline: part-1, countersign.dev/pipeline: part-1}}`,
	} {
		pr := a.object("apiVersion: tekton.dev/v1\nkind: PipelineRun\n" + meta + spec)
		if err := a.mallory.Create(t.Context(), pr); err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		a.Ended(a.Run(pr.GetName()))
	}
	// A genuine one after them: once it is asked about, they would have been.
	name := a.waiting("genuine")
	for _, o := range a.Approvals() {
		if o.Name != name {
			t.Errorf("opened for run %s", o.Spec.Source.PipelineRun.Name)
		}
	}
}
