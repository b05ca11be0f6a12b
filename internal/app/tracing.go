package app

import (
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor"
)

// Where nothing is traced, nothing below is called for it: the hooks stay nil.

func (c *core) traceReleases() {
	if !c.tracing.Traces() {
		return
	}
	c.releaser.Trace = c.tracing.Post
	c.event.Traceparent = c.tracing.Traceparent
}

// traceAnswers has the run that the interceptor lets start stand in the trace.
func (c *core) traceAnswers(p *interceptor.Processor) {
	if c.tracing.Traces() {
		p.Traceparent = c.tracing.Traceparent
	}
}

// decided are handlers, and behind them the one that traces.
func (c *core) decided(handlers ...approvals.OutcomeHandler) approvals.OutcomeHandlers {
	if c.tracing.Traces() {
		handlers = append(handlers, c.tracing)
	}
	return handlers
}

// confirmed is called when the run that an outcome starts was seen, or its target was written.
func (c *core) confirmed(a approvals.Approval) {
	c.metrics.confirmed(a)
	if c.tracing.Traces() {
		c.tracing.Started(a)
	}
}

// runEnded is called by the leader alone, once for each end.
func (c *core) runEnded(a approvals.Approval) {
	c.metrics.runEnded(a)
	if c.tracing.Traces() {
		c.tracing.Ended(a)
	}
}
