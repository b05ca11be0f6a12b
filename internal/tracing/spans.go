package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
)

// HandleOutcome sends the span of a, from its opening to its outcome, with one for each vote
// that counted. It implements approvals.OutcomeHandler.
func (t *Tracing) HandleOutcome(a approvals.Approval) {
	span := t.span(a)
	if !span.IsRecording() {
		return
	}
	below := trace.ContextWithSpan(context.Background(), span)
	asked := a.Since()
	if asked.IsZero() {
		asked = a.OpenedAt
	}
	for _, v := range a.Votes {
		_, vote := t.tracer.Start(below, "vote", trace.WithTimestamp(asked), trace.WithAttributes(
			attribute.String("countersign.verdict", string(v.Verdict)),
			attribute.String("countersign.auth_method", string(v.AuthMethod)),
			attribute.Bool("countersign.break_glass", v.BreakGlass),
		))
		vote.End(trace.WithTimestamp(notBefore(v.At, asked)))
	}
	span.SetAttributes(attribute.String("countersign.outcome", string(a.Outcome)))
	span.End(trace.WithTimestamp(notBefore(a.DecidedAt, a.OpenedAt)))
}

// Post is called before an outcome is posted or written, and what it returns with what came of
// that.
func (t *Tracing) Post(ctx context.Context, a approvals.Approval) (context.Context, func(eventID string, err error)) {
	ctx, span := t.tracer.Start(t.below(ctx, a), "release", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(about(a)...))
	return ctx, func(eventID string, err error) {
		if eventID != "" {
			span.SetAttributes(attribute.String("countersign.event_id", eventID))
		}
		if err != nil {
			span.SetStatus(codes.Error, approvals.Discreet(err))
		}
		span.End()
	}
}

// Started sends the span from the outcome until its run was seen.
func (t *Tracing) Started(a approvals.Approval) {
	if a.SecondRun == nil {
		return
	}
	from := a.ReleaseFrom()
	_, span := t.tracer.Start(t.below(context.Background(), a), "start run", trace.WithTimestamp(from), trace.WithAttributes(runOf(a)...))
	span.End(trace.WithTimestamp(notBefore(a.SecondRun.At, from)))
}

// Ended sends the span of the run that the outcome started. Tekton's own spans have its tasks.
func (t *Tracing) Ended(a approvals.Approval) {
	if a.SecondRun == nil || a.RunEnd == nil {
		return
	}
	from := a.RunEnd.StartedAt
	if from.IsZero() {
		from = a.SecondRun.At
	}
	_, span := t.tracer.Start(t.below(context.Background(), a), "run", trace.WithTimestamp(from), trace.WithAttributes(append(runOf(a),
		attribute.String("countersign.run.outcome", string(a.RunEnd.Outcome)))...))
	if a.RunEnd.Outcome != approvals.RunSucceeded {
		span.SetStatus(codes.Error, "the run did not succeed")
	}
	span.End(trace.WithTimestamp(notBefore(a.RunEnd.EndedAt, from)))
}

// Traceparent names a's span, in the form that HTTP headers and Tekton's annotation have it in.
func (t *Tracing) Traceparent(a approvals.Approval) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(t.below(context.Background(), a), carrier)
	return carrier.Get("traceparent")
}

// below is ctx in which a's span is the parent of what begins.
func (t *Tracing) below(ctx context.Context, a approvals.Approval) context.Context {
	return trace.ContextWithSpanContext(ctx, t.span(a).SpanContext())
}

// span is the span that a is. Everybody who begins it begins the same one; the process in which
// a was decided alone ends it, and only what was ended is sent.
func (t *Tracing) span(a approvals.Approval) trace.Span {
	ctx := context.WithValue(context.Background(), wantedKey{}, idsOf(a))
	if above := tracecontext.Of(a.Source); above != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": above})
	}
	_, span := t.tracer.Start(ctx, "approval", trace.WithTimestamp(a.OpenedAt), trace.WithAttributes(about(a)...))
	return span
}

func about(a approvals.Approval) []attribute.KeyValue {
	out := []attribute.KeyValue{
		attribute.String("k8s.namespace.name", a.Namespace),
		attribute.String("countersign.approval.name", a.Name),
		attribute.String("countersign.approval.uid", a.UID),
	}
	if a.Trigger != "" {
		out = append(out, attribute.String("countersign.trigger", a.Trigger))
	}
	if a.Resolved != nil && a.Resolved.Policy.Gate != "" {
		out = append(out, attribute.String("countersign.gate", a.Resolved.Policy.Gate))
	}
	if r := a.Source.Run; r != nil {
		out = append(out, attribute.String("countersign.first_run.name", r.Name), attribute.String("countersign.first_run.uid", r.UID))
	}
	return out
}

func runOf(a approvals.Approval) []attribute.KeyValue {
	return append(about(a),
		attribute.String("countersign.second_run.name", a.SecondRun.Name),
		attribute.String("countersign.second_run.uid", a.SecondRun.UID))
}

// notBefore is the later one: times that the API server and a replica wrote may cross.
func notBefore(at, start time.Time) time.Time {
	if at.Before(start) {
		return start
	}
	return at
}
