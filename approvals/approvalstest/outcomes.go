package approvalstest

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
)

// ResultsFunc is an approvals.ResultEvaluator that is a function.
type ResultsFunc func(ctx context.Context, a approvals.Approval) ([]approvals.Param, error)

// Results implements approvals.ResultEvaluator.
func (f ResultsFunc) Results(ctx context.Context, a approvals.Approval) ([]approvals.Param, error) {
	return f(ctx, a)
}

// DefaultResults gives the results of a Gate without expressions.
type DefaultResults struct{}

// Results implements approvals.ResultEvaluator.
func (DefaultResults) Results(_ context.Context, a approvals.Approval) ([]approvals.Param, error) {
	return approvals.DefaultResults(a), nil
}

// OutcomeFunc is an approvals.OutcomeHandler that is a function.
type OutcomeFunc func(a approvals.Approval)

// HandleOutcome implements approvals.OutcomeHandler.
func (f OutcomeFunc) HandleOutcome(a approvals.Approval) { f(a) }

// NoOutcomes does nothing about any outcome.
type NoOutcomes struct{}

// HandleOutcome implements approvals.OutcomeHandler.
func (NoOutcomes) HandleOutcome(approvals.Approval) {}
