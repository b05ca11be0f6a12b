//go:build otel

// Package otel proves traces where they are for: with Tekton, the deployed service and the
// OpenTelemetry Collector, all of them real. It runs inside the cluster's network.
package otel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
	"github.com/countersign-dev/countersign/test/collector"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// pipelines are two, of a task each, and a Trigger that starts the second one as
// docs/tasks/monitor.md says.
const pipelines = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-1}
spec:
  tasks: [{name: plan, taskSpec: {steps: [{name: plan, image: "cluster.local/busybox:1", command: ["true"]}]}}]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-2}
spec:
  tasks: [{name: apply, taskSpec: {steps: [{name: apply, image: "cluster.local/busybox:1", command: ["true"]}]}}]
---
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: apply}
spec:
  interceptors:
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: gate}
        - {name: after, value: {pipeline: part-1}}
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: trace, value: $(extensions.countersign.spanContext)}
  template: {ref: apply}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: apply}
spec:
  params: [{name: run}, {name: trace}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata:
        name: $(tt.params.run)
        annotations: {tekton.dev/pipelinerunSpanContext: $(tt.params.trace)}
      spec: {pipelineRef: {name: part-2}}
---
`

// TestOneTrace: the first run, the Approval, its vote, the event and the second run are one trace in
// the collector, in which Tekton's own spans of the second run stand below the Approval's.
func TestOneTrace(t *testing.T) {
	c := collector.Start(t, cluster.NodeAddress)
	e := cluster.New(t)
	traceTekton(t, e, "http://"+c.HTTP+"/v1/traces")
	traceService(t, e, "http://"+c.HTTP)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	e.Apply(pipelines + cluster.Listener("apply", "{triggerRef: apply}"))
	e.ListenerURL("apply")

	first := run(t, e)
	name := e.OneApproval().Name
	if a := e.Vote(name, token, "approve", "go"); a.Status != 201 {
		t.Fatalf("the vote: %d %s", a.Status, a.Body)
	}
	second := ""
	e.Eventually(3*time.Minute, "the end of the second run", func() error {
		next := e.Approval(name).Status.SecondRun
		if next == nil || next.Outcome != "Succeeded" {
			return fmt.Errorf("it is %+v", next)
		}
		second = next.Name
		return nil
	})

	// Senders keep spans for some seconds, so the collector has them later than the cluster has the run.
	e.Eventually(time.Minute, "one trace from the first run to the second", func() error {
		return oneTrace(c.Spans(), e.NS, first.Name, second)
	})
	var ours []collector.Span
	for _, s := range c.Spans() {
		if s.Attributes["k8s.namespace.name"] == e.NS || s.Attributes["namespace"] == e.NS {
			ours = append(ours, s)
		}
	}
	if left := e.Run(first.Name).Status.SpanContext["traceparent"]; len(left) < 36 || left[3:35] != ours[0].TraceID {
		t.Errorf("the first run's status names the trace %q, and the collector has %s", left, ours[0].TraceID)
	}
	for _, s := range ours {
		t.Logf("%s %-24s %s below %s  %v", s.TraceID, s.Service+" "+s.Name, s.SpanID, s.ParentID, s.Attributes)
	}
}

// oneTrace is an error while spans are not the whole trace, or something is not where it belongs.
func oneTrace(spans []collector.Span, namespace, first, second string) error {
	byID := map[string]collector.Span{}
	var root, approval collector.Span
	for _, s := range spans {
		byID[s.SpanID] = s
		switch {
		case s.Name == "PipelineRun:Reconciler" && s.Attributes["namespace"] == namespace && s.Attributes["pipelinerun"] == first:
			root = s
		case s.Name == "approval" && s.Attributes["k8s.namespace.name"] == namespace:
			approval = s
		}
	}
	if root.SpanID == "" || approval.SpanID == "" {
		return fmt.Errorf("the first run's span is %q, the Approval's is %q", root.SpanID, approval.SpanID)
	}
	if approval.TraceID != root.TraceID || approval.ParentID != root.SpanID {
		return fmt.Errorf("the Approval is in trace %s below %s, and the first run is %s in trace %s", approval.TraceID, approval.ParentID, root.SpanID, root.TraceID)
	}
	count := map[string]int{}
	for _, s := range spans {
		if s.Service != "countersign" || s.Attributes["k8s.namespace.name"] != namespace && s.Name != "vote" || s.TraceID != root.TraceID {
			continue
		}
		count[s.Name]++
		if s.Name != "approval" && s.ParentID != approval.SpanID {
			return fmt.Errorf("span %q is below %s, and not below the Approval", s.Name, s.ParentID)
		}
	}
	for name, want := range map[string]int{"approval": 1, "vote": 1, "release": 1, "start run": 1, "run": 1} {
		if count[name] != want {
			return fmt.Errorf("%d spans %q, want %d", count[name], name, want)
		}
	}
	// Tekton's, of the second run and of its task: each leads up to the Approval.
	tekton := map[string]bool{}
	for _, s := range spans {
		if s.Attributes["namespace"] != namespace || s.Attributes["pipelinerun"] != second && s.Attributes["taskrun"] != second+"-apply" {
			continue
		}
		up := s
		for range len(spans) {
			if up.SpanID == approval.SpanID {
				break
			}
			up = byID[up.ParentID]
		}
		if s.TraceID != root.TraceID || up.SpanID != approval.SpanID {
			return fmt.Errorf("Tekton's span %q of %v does not lead up to the Approval", s.Name, s.Attributes)
		}
		tekton[s.Name] = true
	}
	for _, name := range []string{"PipelineRun:ReconcileKind", "TaskRun:ReconcileKind"} {
		if !tekton[name] {
			return fmt.Errorf("Tekton has sent %v of the second run, and no %s", tekton, name)
		}
	}
	return nil
}

// run starts the first pipeline, and returns its run when that has succeeded.
func run(t *testing.T, e *cluster.Env) *pipelinev1.PipelineRun {
	t.Helper()
	pr := &pipelinev1.PipelineRun{}
	pr.Namespace, pr.GenerateName = e.NS, "part-1-"
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "part-1"}
	if err := e.Create(t.Context(), pr); err != nil {
		t.Fatal(err)
	}
	e.Eventually(3*time.Minute, "the first run", func() error {
		if now := e.Run(pr.Name); !now.IsSuccessful() {
			return fmt.Errorf("its conditions are %+v", now.Status.Conditions)
		}
		return nil
	})
	return pr
}

// traceTekton has Tekton send its spans, until the test ends.
func traceTekton(t *testing.T, e *cluster.Env, endpoint string) {
	t.Helper()
	set := func(ctx context.Context, data map[string]any) error {
		patch, err := json.Marshal(map[string]any{"data": data})
		if err != nil {
			return err
		}
		cm := &corev1.ConfigMap{}
		cm.Namespace, cm.Name = "tekton-pipelines", "config-tracing"
		return e.Patch(ctx, cm, client.RawPatch(types.MergePatchType, patch))
	}
	if err := set(t.Context(), map[string]any{"enabled": "true", "endpoint": endpoint}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(context.WithoutCancel(t.Context()), map[string]any{"enabled": nil, "endpoint": nil}); err != nil {
			t.Error(err)
		}
	})
}

// traceService has the deployed service do so, by the variable that administrators set.
func traceService(t *testing.T, e *cluster.Env, endpoint string) {
	t.Helper()
	set := func(ctx context.Context, variable map[string]any) error {
		patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "countersign", "env": []any{variable}}},
		}}}})
		if err != nil {
			return err
		}
		d := &appsv1.Deployment{}
		d.Namespace, d.Name = cluster.ServiceNamespace, "countersign"
		if err := e.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch)); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		return cluster.Deployed(ctx) // waits for all replicas
	}
	const name = "OTEL_EXPORTER_OTLP_ENDPOINT"
	if err := set(t.Context(), map[string]any{"name": name, "value": endpoint}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(context.WithoutCancel(t.Context()), map[string]any{"name": name, "$patch": "delete"}); err != nil {
			t.Error(err)
		}
	})
}
