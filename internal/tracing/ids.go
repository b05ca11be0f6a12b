package tracing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"go.opentelemetry.io/otel/trace"

	"github.com/countersign-dev/countersign/approvals"
)

// ids gives a span the ids that the context has for it, and others random ones.
type ids struct{}

type wanted struct {
	trace trace.TraceID
	span  trace.SpanID
}

type wantedKey struct{}

// NewIDs implements sdktrace.IDGenerator.
func (i ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if w, ok := ctx.Value(wantedKey{}).(wanted); ok {
		return w.trace, w.span
	}
	var t trace.TraceID
	_, _ = rand.Read(t[:]) // it never fails
	return t, i.NewSpanID(ctx, t)
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if w, ok := ctx.Value(wantedKey{}).(wanted); ok {
		return w.span
	}
	var s trace.SpanID
	_, _ = rand.Read(s[:])
	return s
}

// idsOf are the ids of the span that an Approval is, where nothing before it is in a trace: the
// same in every process.
func idsOf(a approvals.Approval) wanted {
	sum := sha256.Sum256([]byte("countersign trace of approval " + a.UID))
	var w wanted
	copy(w.trace[:], sum[:])
	copy(w.span[:], sum[len(w.trace):])
	return w
}
