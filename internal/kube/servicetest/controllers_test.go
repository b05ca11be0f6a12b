package servicetest

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/notify"
	"github.com/countersign-dev/countersign/internal/kube/outcome"
)

// TestNotifyRetries: while the mail server is down that is visible, decisions go
// on, and everybody is told once when it is back.
func TestNotifyRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.mails.down = true
	for i, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		if got := w.step(w.notify, name).RequeueAfter; got != want {
			t.Errorf("%d: again in %s, want %s", i, got, want)
		}
		before := w.Count("patch status")
		if got := w.step(w.notify, name).RequeueAfter; got != want || w.Count("patch status") != before {
			t.Errorf("%d: tried or written before its time", i)
		}
		w.wait(want)
	}
	const down = " was not notified by email: mail server m:25: connection refused"
	if got := w.condition(name, v1alpha1.ConditionNotified); got != "False DeliveryFailed alice"+down+"; bob"+down {
		t.Errorf("notified: %s", got)
	}
	w.mails.down = false
	for range 3 {
		if got := w.step(w.notify, name).RequeueAfter; got != 0 {
			t.Errorf("again in %s", got)
		}
	}
	if got := w.condition(name, v1alpha1.ConditionNotified); got != "True Delivered " || len(w.mails.sent) != 2 {
		t.Errorf("notified: %s, sent %v", got, w.mails.sent)
	}
	a := w.get(name)
	for _, d := range a.Deliveries {
		if d.SentAt.IsZero() || d.Attempts != 4 || d.Error != "" || !strings.HasSuffix(w.mails.sent[0]+w.mails.sent[1], d.MessageID) && !strings.Contains(w.mails.sent[0], d.MessageID) {
			t.Errorf("ledger %+v, sent %v", d, w.mails.sent)
		}
	}
	if len(w.notify.Known) != 0 {
		t.Errorf("%d approvals are remembered", len(w.notify.Known))
	}
}

// TestNotifyLedgerFails: a write that fails sends nobody the same mail again, and a
// process that was killed before it sends the same message once more.
func TestNotifyLedgerFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.Fail(func(verb string, _ runtime.Object) error {
		if verb == "patch status" {
			return apierrors.NewServiceUnavailable("etcd")
		}
		return nil
	})
	for range 3 {
		if _, err := w.notify.Reconcile(t.Context(), request(name)); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%v, want an error that is tried again", err)
		}
	}
	if len(w.mails.sent) != 2 {
		t.Errorf("sent %v", w.mails.sent)
	}
	killed := &notify.Notify{Store: w.store, Channel: w.mails, Now: w.now, Log: w.notify.Log, Sent: w.notify.Sent}
	w.Fail(nil)
	w.step(killed, name)
	w.step(w.notify, name)
	if s := w.mails.sent; len(s) != 4 || s[0] != s[2] || s[1] != s[3] {
		t.Errorf("sent %v, want the same two messages again", s)
	}
	if ds := w.get(name).Deliveries; len(ds) != 2 {
		t.Errorf("ledger %+v", ds)
	}
}

// TestNotifyStops: who was told before the process was asked to end is in the ledger,
// and is not told again; nothing is sent of what is decided.
func TestNotifyStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	ctx, cancel := context.WithCancel(t.Context())
	w.mails.stop = cancel
	if _, err := w.notify.Reconcile(ctx, request(name)); err != nil {
		t.Error(err)
	}
	if ds := w.get(name).Deliveries; len(ds) != 1 || len(w.mails.sent) != 1 {
		t.Fatalf("shutting down: sent %v, ledger %+v", w.mails.sent, ds)
	}
	w.mails.stop = nil
	next := &notify.Notify{Store: w.store, Channel: w.mails, Now: w.now, Log: w.notify.Log, Sent: w.notify.Sent}
	w.step(next, name)
	if s := w.mails.sent; len(s) != 2 || s[0] == s[1] {
		t.Errorf("sent %v, want each once", s)
	}
	w.vote(name, "alice", approvals.Approve)
	sent := len(w.mails.sent)
	if got := w.step(w.notify, name).RequeueAfter; got != 0 || len(w.mails.sent) != sent {
		t.Errorf("decided: again in %s, sent %v", got, w.mails.sent)
	}
}

// TestRuns: a run is asked about when it has succeeded, by every Trigger that waits
// for its Pipeline and was there before it ended.
func TestRuns(t *testing.T) {
	t.Parallel()
	second := strings.Replace(kubetest.Only(kubetest.World, "Trigger"), "{name: apply}", "{name: announce}", 1)
	for name, c := range map[string]struct {
		docs string
		want int
	}{
		"succeeded":           {kubetest.World, 1},
		"two wait for it":     {kubetest.World + "---\n" + second, 2},
		"has failed":          {strings.Replace(kubetest.World, `status: "True", reason: Completed`, `status: "False", reason: Failed`, 1), 0},
		"still runs":          {strings.Replace(kubetest.World, `status: "True", reason: Completed`, `status: Unknown, reason: Running`, 1), 0},
		"another pipeline":    {strings.Replace(kubetest.World, "pipelineRef: {name: plan}", "pipelineRef: {name: test}", 1), 0},
		"before the trigger":  {strings.Replace(kubetest.World, `completionTime: "2026-03-01T09:00:00Z"`, `completionTime: "2026-03-01T07:59:59Z"`, 1), 0},
		"as the trigger came": {strings.Replace(kubetest.World, `completionTime: "2026-03-01T09:00:00Z"`, `completionTime: "2026-03-01T08:00:00Z"`, 1), 1},
		"long ago": {strings.NewReplacer(
			`completionTime: "2026-03-01T09:00:00Z"`, `completionTime: "2026-02-28T08:59:59Z"`, `metadata: {name: apply}`, `metadata: {name: apply, creationTimestamp: "2026-01-01T08:00:00Z"}`,
		).Replace(kubetest.World), 0},
		"not so long ago": {strings.NewReplacer(
			`completionTime: "2026-03-01T09:00:00Z"`, `completionTime: "2026-02-28T09:00:01Z"`, `metadata: {name: apply}`, `metadata: {name: apply, creationTimestamp: "2026-01-01T08:00:00Z"}`,
		).Replace(kubetest.World), 1},
		"a broken line": {strings.Replace(kubetest.World, "{name: gate, value: production}", "{name: gat, value: production}", 1), 0},
		"no trigger":    {kubetest.Without(kubetest.World, "Trigger"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.docs)
			for range 3 {
				w.step(w.runs, "plan-1")
			}
			var list v1alpha1.ApprovalList
			if err := w.List(t.Context(), &list); err != nil || len(list.Items) != c.want || w.Count("create") != c.want {
				t.Errorf("%d approvals by %d creates, %v; want %d", len(list.Items), w.Count("create"), err, c.want)
			}
		})
	}
	w := newWorld(t, kubetest.World)
	trigger := kubetest.Objects(t, kubetest.Only(kubetest.World, "Trigger"))[0]
	if got := w.runs.RunsOf(t.Context(), trigger); len(got) != 1 || got[0].Name != "plan-1" {
		t.Errorf("a new Trigger wakes %v", got)
	}
}

// TestRunAgain: after its run was pruned or asked about again there is one Approval.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kubetest.World)
	name := w.opened()
	w.vote(name, "alice", approvals.Approve)
	w.step(w.runs, "plan-1")
	if w.Count("create") != 1 {
		t.Errorf("%d creates", w.Count("create"))
	}
	if a := w.get(name); a.Source.Run.Name != "plan-1" || a.Source.Requester != "zoe" || a.Source.Params[0].Value != "production" || a.Source.Results[0].Value != "sha256:abc" {
		t.Errorf("source %+v", a.Source)
	}
}

func TestGates(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct{ old, new, reason string }{
		"usable":           {"", "", "Usable"},
		"quorum too high":  {"required: 1", "required: 3", "Unusable"},
		"does not compile": {"required: 1", "required: 1\n  results: [{name: ticket, expression: 'approval.'}]", "Unusable"},
		"strategy":         {"QUORUM", "SOME", "Unusable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := kubetest.World
			if c.old != "" {
				docs = strings.Replace(docs, c.old, c.new, 1)
			}
			w := newWorld(t, docs)
			for range 3 {
				w.step(w.gates, "production")
				w.wait(time.Minute)
			}
			var g v1alpha1.Gate
			if err := w.Get(t.Context(), request("production").NamespacedName, &g); err != nil {
				t.Fatal(err)
			}
			cond := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
			if cond == nil || cond.Reason != c.reason || (cond.Status == metav1.ConditionTrue) != (c.reason == "Usable") || cond.ObservedGeneration != 1 || w.Writes() != 1 {
				t.Fatalf("%+v after %d writes, want %s", cond, w.Writes(), c.reason)
			}
			if cond.Message != "" {
				said.Check(t, name, cond.Message)
			}
		})
	}
}

const pipelinePlan = `
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: plan}
`

// TestTriggers: what is wrong with a line is said where people look for it.
func TestTriggers(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct{ old, new, reason string }{
		"good":             {"", "", ""},
		"unknown param":    {"{name: after,", "{name: aftr,", "CountersignInvalid"},
		"does not compile": {"{digest: results.digest}", "{digest: results.}", "CountersignInvalid"},
		"a bad gate":       {"value: production}", "value: {approvers: {}}}", "CountersignInvalid"},
		"not ours":         {"name: countersign}", "name: cel}", ""},
		"look-alike":       {"kind: ClusterInterceptor, name: countersign}", "kind: NamespacedInterceptor, name: countersign}", "CountersignInvalid"},
		"two lines":        {"  bindings:\n    - {name: run,", "    - {ref: {name: countersign}, params: [{name: gate, value: other}]}\n  bindings:\n    - {name: run,", "CountersignInvalid"},
		"no such pipeline": {"{pipeline: plan}", "{pipeline: paln}", "CountersignPipelineNotFound"},
		"name is taken":    {"triggers: [{triggerRef: apply}]", "triggers: [{triggerRef: apply}, {name: apply, template: {ref: apply}}]", "CountersignInvalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := kubetest.World + pipelinePlan
			if c.old != "" {
				docs = strings.Replace(docs, c.old, c.new, 1)
			}
			w := newWorld(t, docs)
			w.step(w.triggers, "apply")
			got := ""
			select {
			case got = <-w.events.Events:
			default:
			}
			_, behind, _ := strings.Cut(got, " ")
			if reason, _, _ := strings.Cut(behind, " "); reason != c.reason || w.Writes() != 0 {
				t.Errorf("event %q, want %q", got, c.reason)
			}
			if got != "" {
				said.Check(t, name, sentence(got))
			}
			if strings.Contains(c.reason, "Invalid") != strings.Contains(w.log.String(), "trigger can't be used") {
				t.Errorf("log %s", w.log.String())
			}
		})
	}
}

// TestClaims: a volume that Tekton made for part 1 outlives it until part 2 has it.
func TestClaims(t *testing.T) {
	t.Parallel()
	const claim = `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ws, ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: plan-1, uid: run-1}]}
`
	docs := strings.Replace(kubetest.World, "spec: {pipelineRef: {name: plan}", "spec: {workspaces: [{name: src, persistentVolumeClaim: {claimName: ws}}], pipelineRef: {name: plan}", 1)
	for name, c := range map[string]struct {
		verdict approvals.Verdict
		want    string
	}{
		"handed on": {approvals.Approve, "PipelineRun/plan-1, PipelineRun/NAME"},
		"given up":  {approvals.Reject, "PipelineRun/plan-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, docs+claim)
			w.listener.Serve(t)
			name := w.opened()
			for range 3 {
				w.step(w.runs, "plan-1")
			}
			if got := w.owners("ws"); got != "PipelineRun/plan-1, Approval/"+name {
				t.Errorf("while it waits: %s", got)
			}
			w.vote(name, "alice", c.verdict)
			run := string(w.get(name).RunName)
			for range 4 {
				w.wait(outcome.LeaderTakeoverDelay)
				w.step(w.approvals, name)
			}
			if got, want := w.owners("ws"), strings.ReplaceAll(c.want, "NAME", run); got != want {
				t.Errorf("after the decision: %s, want %s", got, want)
			}
			if n := w.Count("patch"); n != 2 {
				t.Errorf("%d patches of the claim", n)
			}
		})
	}
	theirs := newWorld(t, docs+strings.Replace(claim, "uid: run-1", "uid: run-0", 1))
	theirs.opened()
	if got := theirs.owners("ws"); got != "PipelineRun/plan-1" {
		t.Errorf("a claim that part 1 does not own: %s", got)
	}
}
