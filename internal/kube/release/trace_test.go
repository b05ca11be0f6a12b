package release_test

import (
	"context"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// traced is a cluster whose first run Tekton traces, and whose template takes the trace.
var traced = strings.NewReplacer(
	"    - {name: digest, value: $(extensions.countersign.params.digest)}", "    - {name: digest, value: $(extensions.countersign.params.digest)}\n    - {name: trace, value: $(extensions.countersign.spanContext)}",
	"params: [{name: run}, {name: digest}]\n", "params: [{name: run}, {name: digest}, {name: trace}]\n",
	"metadata: {name: $(tt.params.run)}", "metadata: {name: $(tt.params.run), annotations: {tekton.dev/pipelinerunSpanContext: $(tt.params.trace)}}",
	"status:\n  completionTime", "status:\n  spanContext: {traceparent: "+first+"}\n  completionTime",
).Replace(kubetest.World)

const (
	first = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ours  = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01"
)

// TestTrace: the run stands in the trace of the run before it, below our own span where we send
// some, and is the run that was approved whichever of these it says: replicas of two versions, or
// of which one sends spans and another does not, look at the same run.
func TestTrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs   string
		send   bool
		want   string // of the run's annotation
		header string
	}{
		"nobody traces":     {docs: strings.Replace(traced, first, "''", 1)},
		"Tekton traces":     {docs: traced, want: first},
		"both trace":        {docs: traced, send: true, want: ours, header: ours},
		"we alone trace":    {docs: strings.Replace(traced, first, "''", 1), send: true, want: ours, header: ours},
		"it is not taken":   {docs: kubetest.World, send: true, header: ours},
		"it is taken apart": {docs: strings.Replace(traced, "$(tt.params.trace)}}", "'x-$(tt.params.trace)'}}", 1), send: true, want: "", header: ours},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := servicetest.NewReleasing(t, c.docs)
			r.Listener.Serve(t)
			var steps []string
			if c.send {
				parent := func(approvals.Approval) string { return ours }
				r.Event.Traceparent, r.Listener.Processor.Traceparent = parent, parent
				r.Trace = func(ctx context.Context, a approvals.Approval) (context.Context, func(string, error)) {
					steps = append(steps, "begin "+a.Name)
					return ctx, func(eventID string, err error) {
						if err != nil {
							t.Error(err)
						}
						steps = append(steps, "end "+eventID)
					}
				}
			}
			if err := r.Release(t.Context(), r.A); err != nil {
				t.Fatal(err)
			}
			posts, bodies := r.Listener.Requests()
			if len(posts) != 1 || strings.Contains(bodies[0], "spanContext") {
				t.Fatalf("%d posts, want one whose body says nothing of a trace: %v", len(posts), bodies)
			}
			h := posts[0].Header
			if got := h.Get("Traceparent"); got != c.header {
				t.Errorf("header Traceparent %q, want %q", got, c.header)
			}
			if err := signature.Verify(servicetest.TestRing, h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), h.Get("Webhook-Signature"), r.Now(), []byte(bodies[0])); err != nil {
				t.Error(err)
			}
			found, err := r.Proofs.Look(t.Context(), r.A)
			if err != nil || found.Run == nil || found.Problem != nil {
				t.Fatalf("the run does not count: %+v, %v; refused %v", found, err, r.Listener.Refusals())
			}
			var pr pipelinev1.PipelineRun
			if err := r.Get(t.Context(), types.NamespacedName{Namespace: "prod", Name: found.Run.Name}, &pr); err != nil {
				t.Fatal(err)
			}
			if got := tracecontext.Of(approvals.Source{Annotations: pr.Annotations}); got != c.want {
				t.Errorf("the run is in trace %q, want %q: %v", got, c.want, pr.Annotations)
			}
			if want := []string{"begin " + r.A.Name, "end event-1"}; c.send && strings.Join(steps, ", ") != strings.Join(want, ", ") {
				t.Errorf("traced %q, want %q", steps, want)
			}
		})
	}
}

// TestUntraced: where nobody traces, to ask costs nothing.
func TestUntraced(t *testing.T) {
	r := servicetest.NewReleasing(t, kubetest.World)
	if n := testing.AllocsPerRun(100, func() {
		if r.Trace != nil || r.Event.Traceparent != nil || tracecontext.Of(r.A.Source) != "" {
			t.Error("something traces")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
